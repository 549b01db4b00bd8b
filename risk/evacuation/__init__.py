"""The evacuation plan: which team is asked for which village, and where its people go.

Pure and deterministic: the same tables in any order of their rows give the same plan. Every
warned village at level 3 or above has its task, also where nobody can be asked: then the need
stands there, unmet.
"""

from __future__ import annotations

from risk.evacuation.coordinating import coordinators_concerned as coordinators_concerned
from risk.evacuation.planner import plan_tasks as plan_tasks
from risk.evacuation.rules import AFTER_BULLETIN as AFTER_BULLETIN
from risk.evacuation.rules import AFTER_TSUNAMI as AFTER_TSUNAMI
from risk.evacuation.rules import KINDS as KINDS
from risk.evacuation.rules import NO_ENTRY as NO_ENTRY
from risk.evacuation.rules import ON_HOLD as ON_HOLD
from risk.evacuation.rules import OUTDOORS as OUTDOORS
from risk.evacuation.rules import LayerTables as LayerTables
