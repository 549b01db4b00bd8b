"""Which coordinator is asked for which village."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kentongan.plan import PlannedTask
from risk.coordinators import nearest_coordinators

if TYPE_CHECKING:
    from kentongan.decision import Decision
    from risk.evacuation.rules import LayerTables


def coordinators_concerned(decision: Decision, layers: LayerTables) -> dict[str, tuple[str, ...]]:
    """coordinator_id -> the warned villages of their regency that lie nearest to them.

    A regency without a coordinator falls to the nearest of its province. A village of a
    province without any is in no entry; compare with `decision.levels` to show it.
    """
    codes = sorted(decision.levels)
    own = _coordinators(codes, layers, level=2)
    spare = _coordinators([code for code in codes if code not in own], layers, level=1)
    found: dict[str, list[str]] = {}
    for code in codes:
        coordinator = own.get(code) or spare.get(code)
        if coordinator is not None:
            found.setdefault(coordinator, []).append(code)
    return {coordinator: tuple(found[coordinator]) for coordinator in sorted(found)}


def with_coordinators(tasks: Sequence[PlannedTask], layers: LayerTables) -> tuple[PlannedTask, ...]:
    """The regency's coordinator; where it has none the team's, then the province's."""
    teams = layers.teams
    of_team = dict(zip(teams["team_id"], teams["coordinator_id"], strict=True))
    own = _coordinators([task.adm4_code for task in tasks], layers, level=2)
    bare = [task.adm4_code for task in tasks if task.adm4_code not in own]
    spare = _coordinators(bare, layers, level=1)

    def asked(task: PlannedTask) -> str | None:
        code = task.adm4_code
        return own.get(code) or of_team.get(task.team_id) or spare.get(code)

    return tuple(task.model_copy(update={"coordinator_id": asked(task)}) for task in tasks)


def _coordinators(codes: list[str], layers: LayerTables, *, level: int) -> dict[str, str]:
    """Village -> coordinator, without the villages that have none at this level."""
    found = nearest_coordinators(codes, layers.villages, layers.coordinators, level=level)
    return {code: name for code, name in zip(codes, found, strict=True) if name is not None}
