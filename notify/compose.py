"""Event, decision and impact → the body of a warning version. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.impact import UNASSIGNED
from kentongan.times import require_aware
from kentongan.types import HazardId
from notify import texts
from notify.areas import Geometry, cover, district_counts, rows_of, short_regency, split
from notify.firewall import CapStatus
from notify.warning import AreaGroup, Ring, WarningBody

if TYPE_CHECKING:
    import pandas as pd

_ACTIONS: dict[Action, Literal["alert", "update", "renew", "all-clear"]] = {
    Action.ALERT: "alert",
    Action.UPDATE: "update",
    Action.RENEW: "renew",
    Action.ALL_CLEAR: "all-clear",
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
) -> WarningBody:
    """The next version of an event's warning.

    Args:
        impact: columns of `kentongan.impact`; may hold more villages than are warned.
        areas: villages of the layer set, columns of `kentongan.areas`.
        before: body of the newest version that was released; None before the first.
        geometry: gives shapes for codes; none: areas carry codes alone.

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
        ever_warned=tuple(sorted({*warned, *told})),
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
    rings = _Covers(geometry, before)
    groups = grouped(bare, facts, areas, at=at, again=set(warned), rings=rings)
    return bare.model_copy(
        update={
            "groups": groups,
            "exposure": {
                c: (facts[c]["exposed_people"], facts[c]["uncovered_people"]) for c in bare.levels
            },
            "exposed_people": sum(group.exposed_people for group in groups if group.level),
            "uncovered_people": sum(group.uncovered_people for group in groups if group.level),
            "data_quality": tuple(sorted({f["data_quality"] for f in facts.values()} - {""})),
        }
    )


def _told(decision: Decision, warned: Sequence[str], *, first: bool) -> tuple[str, ...]:
    """An end reaches exactly those warned; before the first release nobody knows anything."""
    if decision.action is Action.ALL_CLEAR:
        return tuple(warned)
    return tuple(decision.levels) if first else decision.told


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
    groups = grouped(
        bare, facts, areas, at=at, again=set(before.ever_warned), rings=_Covers(None, before)
    )
    return bare.model_copy(update={"groups": groups})


class _Covers:
    """Polygons of villages; those of the version before where the villages are the same."""

    def __init__(self, geometry: Geometry | None, before: WarningBody | None) -> None:
        self._geometry = geometry
        self._known = {g.codes: g.polygons for g in before.groups} if before else {}

    def of(self, codes: tuple[str, ...]) -> tuple[Ring, ...]:
        known = self._known.get(codes)
        if known:
            return known
        return cover(self._geometry(codes)) if self._geometry is not None else ()


def grouped(
    body: WarningBody,
    facts: Mapping[str, Mapping[str, Any]],
    areas: pd.DataFrame,
    *,
    at: datetime,
    again: set[str],
    rings: _Covers,
) -> tuple[AreaGroup, ...]:
    """One group for each regency and level, with its texts."""
    told = set(body.told)
    parts = split([*{*body.levels, *told}], body.levels)
    places, counts = _places(areas, sorted(facts)), district_counts(areas)
    made = []
    for (adm2_code, level), codes in parts.items():
        there = {code: places[code] for code in codes}
        plain = _group(level, there, facts, told=told, again=again, of=counts[adm2_code])
        plain = plain.model_copy(update={"polygons": rings.of(tuple(codes))})
        made.append(_with_texts(body, plain, at=at))
    return tuple(made)


class _Place(NamedTuple):
    district: str
    regency: str
    utc_offset: int


def _places(areas: pd.DataFrame, codes: Sequence[str]) -> dict[str, _Place]:
    rows = rows_of(areas, codes)
    columns = (rows[name].tolist() for name in ("adm3_name", "adm2_name", "utc_offset"))
    return dict(zip(codes, map(_Place, *columns), strict=True))


def _group(
    level: int,
    places: Mapping[str, _Place],
    facts: Mapping[str, Mapping[str, Any]],
    *,
    told: set[str],
    again: set[str],
    of: int,
) -> AreaGroup:
    """The group of these villages; `of` districts make the whole regency."""
    codes = tuple(places)
    first = places[codes[0]]
    districts = {code[:8]: place.district for code, place in places.items()}
    arrivals = [facts[c]["onset"] for c in codes if facts[c]["onset"] is not None]
    return AreaGroup(
        adm2_code=codes[0][:5],
        adm2_name=short_regency(first.regency),
        level=level,
        codes=codes,
        told=tuple(code for code in codes if code in told),
        districts=tuple(dict.fromkeys(districts.values())),
        whole_regency=len(districts) == of,
        utc_offset=first.utc_offset,
        exposed_people=sum(facts[c]["exposed_people"] for c in codes) if level else 0,
        uncovered_people=sum(facts[c]["uncovered_people"] for c in codes) if level else 0,
        arrival=min(arrivals, default=None),
        again=any(code in again for code in codes),
    )


def _with_texts(body: WarningBody, group: AreaGroup, *, at: datetime) -> AreaGroup:
    if body.hazard_id is not HazardId.TSUNAMI or (group.arrival and group.arrival <= at):
        group = group.model_copy(update={"arrival": None})
    ready = body.is_end or body.action != "renew"
    return group.model_copy(
        update={
            "sms": texts.sms(body, group, at=at),
            "push_title": texts.push_title(body, group),
            "push_body": texts.push_body(body, group, at=at),
            "readiness": texts.readiness(body, group, at=at) if ready and group.told else "",
        }
    )


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
    rows = impact[impact["adm4_code"].isin(codes) & (impact["adm4_code"] != UNASSIGNED)]
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
