"""Event, decision and impact → the body of a warning version. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.impact import UNASSIGNED
from kentongan.reach import Reach
from kentongan.times import require_aware
from notify.area.cover import leaves_indonesia
from notify.area.groups import AreaBook, broadcasts, grouped
from notify.area.villages import Geometry
from notify.firewall.gate import CapStatus
from notify.warning import AreaGroup, WarningBody

if TYPE_CHECKING:
    import pandas as pd

_ACTIONS: dict[Action, Literal["alert", "update", "renew", "all-clear"]] = {
    Action.ALERT: "alert",
    Action.UPDATE: "update",
    Action.RENEW: "renew",
    Action.ALL_CLEAR: "all-clear",
    Action.HAND_OVER: "update",
}


def compose(
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    at: datetime,
    status: CapStatus,
    before: WarningBody | None,
    geometry: Geometry | None = None,
    unresolved: Sequence[str] = (),
    reach: Reach | None = None,
) -> WarningBody:
    """The next version of an event's warning.

    Args:
        impact: columns of `kentongan.impact`; may hold more villages than are warned.
        areas: villages of the layer set, columns of `kentongan.areas`.
        before: body of the newest version that was released; None before the first.
        geometry: gives shapes for codes; none: areas carry codes alone.
        reach: whether help comes and where to go, by village; none: nothing is known of it,
            and nobody is told that help is coming.

    Raises:
        DataError: a village of the decision is not in `areas`.
    """
    action = _ACTIONS[decision.action] if before is not None else "alert"
    warned = before.ever_warned if before is not None and action != "alert" else ()
    told = _told(decision, warned, first=before is None)
    bare = WarningBody(
        event_id=event.event_id,
        hazard_id=event.hazard_id,
        title=event.title,
        action=action,
        reason=decision.reason,
        status=status,
        official=event.official,
        level=int(decision.level),
        previous_level=max(before.level, before.previous_level) if before else 0,
        levels=dict(sorted(decision.levels.items())),
        told=tuple(sorted(told)),
        told_elsewhere=_told_elsewhere(decision, before),
        ever_warned=tuple(sorted({*warned, *told, *decision.told_elsewhere})),
        groups=(),
        valid_from=require_aware(event.valid_from),
        onset=require_aware(event.onset),
        expires=require_aware(decision.expires),
        method=event.method,
        quality=str(event.quality),
        evidence=event.evidence,
        observations=event.observations,
        exposed_people=0,
        uncovered_people=0,
        unresolved=tuple(unresolved),
        linked_event_id=event.linked_event_id,
    )
    codes = sorted({*bare.levels, *bare.told})
    facts = _facts(impact, codes, before.exposure if before and warned else {})
    book = AreaBook(areas, geometry=geometry, before=before)
    groups = grouped(bare, facts, book, at=at, again=set(warned), reach=reach or Reach())
    return bare.model_copy(
        update={
            "groups": groups,
            "broadcasts": broadcasts(bare, groups, at=at),
            "exposure": {
                c: (facts[c]["exposed_people"], facts[c]["uncovered_people"]) for c in bare.levels
            },
            "exposed_people": sum(group.exposed_people for group in groups if group.level),
            "uncovered_people": sum(group.uncovered_people for group in groups if group.level),
            "data_quality": _data_quality(facts, groups),
        }
    )


def _told(decision: Decision, warned: Sequence[str], *, first: bool) -> tuple[str, ...]:
    """An end reaches exactly those warned; before the first release nobody knows anything."""
    if decision.action is Action.ALL_CLEAR:
        return tuple(warned)
    if not first:
        return decision.told
    elsewhere = set(decision.told_elsewhere)
    return tuple(code for code in decision.levels if code not in elsewhere)


def _told_elsewhere(decision: Decision, before: WarningBody | None) -> tuple[str, ...]:
    """Of those who know, whom another warning told; who gets a message of this one leaves it."""
    if before is None:
        return tuple(sorted(decision.told_elsewhere))
    known = {*before.told_elsewhere, *decision.told_elsewhere} - set(decision.told)
    return tuple(sorted(known))


def compose_end(
    before: WarningBody,
    areas: pd.DataFrame,
    *,
    at: datetime,
    expires: datetime,
    action: Literal["all-clear", "cancel"],
    status: CapStatus,
    reason: str,
) -> WarningBody:
    """An end that a person asks for: everyone who was warned is told."""
    bare = before.model_copy(
        update={
            "action": action,
            "reason": reason,
            "by_hand": True,
            "status": status,
            "level": 0,
            "previous_level": max(before.level, before.previous_level),
            "levels": {},
            "exposure": {},
            "told": before.ever_warned,
            "expires": require_aware(expires),
            "exposed_people": 0,
            "uncovered_people": 0,
        }
    )
    facts = _facts(None, before.ever_warned, {})
    book = AreaBook(areas, before=before)
    groups = grouped(bare, facts, book, at=at, again=set(before.ever_warned), reach=Reach())
    said = broadcasts(bare, groups, at=at)
    return bare.model_copy(update={"groups": groups, "broadcasts": said})


OUTSIDE = "outside-indonesia"
"""Mark of a warning with a polygon that leaves the box of Indonesia: a person must look."""


def _data_quality(
    facts: Mapping[str, Mapping[str, Any]], groups: Sequence[AreaGroup]
) -> tuple[str, ...]:
    found = {str(f["data_quality"]) for f in facts.values()}
    if any(leaves_indonesia(group.polygons) for group in groups):
        found.add(OUTSIDE)
    return tuple(sorted(found - {""}))


_NOTHING: dict[str, Any] = {
    "exposed_people": 0, "uncovered_people": 0, "onset": None, "data_quality": "",
}  # fmt: skip


def _facts(
    impact: pd.DataFrame | None,
    codes: Sequence[str],
    known: Mapping[str, tuple[int, int]],
) -> dict[str, dict[str, Any]]:
    """What the impact table says of each code.

    A village that is still warned and that this run did not see keeps its people: not seen
    is not safe.
    """
    facts = {code: dict(_NOTHING) for code in codes}
    for code in facts.keys() & known.keys():
        exposed, uncovered = known[code]
        facts[code].update(exposed_people=exposed, uncovered_people=uncovered)
    if impact is None or len(impact) == 0:
        return facts
    wanted = set(codes) - {UNASSIGNED}
    rows = impact[[code in wanted for code in impact["adm4_code"].tolist()]]
    columns = [name for name in _NOTHING if name in rows.columns]
    values = [_plain_column(rows[name]) for name in columns]
    for code, *row in zip(rows["adm4_code"].tolist(), *values, strict=True):
        facts[code].update(zip(columns, row, strict=True))
    return facts


def _plain_column(column: pd.Series[Any]) -> list[Any]:
    """As `_plain` of each value; the few different ones are looked at once."""
    codes, different = column.factorize(use_na_sentinel=False)
    plain = [_plain(value) for value in different.tolist()]
    return [plain[code] for code in codes.tolist()]


def _plain(value: Any) -> Any:
    """NaT and NaN → None; a pandas timestamp → an aware UTC datetime of whole seconds."""
    if value != value:
        return None
    if hasattr(value, "to_pydatetime"):
        moment = value.tz_localize("UTC") if value.tzinfo is None else value
        return require_aware(moment.floor("s").to_pydatetime())
    return value
