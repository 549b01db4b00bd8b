"""Impact to level, and level to warning: the decision. Pure functions only."""

from risk.decision.account import LevelAccount, level_account
from risk.decision.decide import decide, merge_levels
from risk.decision.evidence import village_evidence, warned_levels
from risk.decision.hysteresis import falls, hold_levels, knows_anything, may_fall, run_levels
from risk.decision.matrix import relative_value
from risk.decision.succession import Known, Link, Neighbours

__all__ = [
    "Known",
    "LevelAccount",
    "Link",
    "Neighbours",
    "decide",
    "falls",
    "hold_levels",
    "knows_anything",
    "level_account",
    "may_fall",
    "merge_levels",
    "relative_value",
    "run_levels",
    "village_evidence",
    "warned_levels",
]
