"""What is in force for one village, as a document that the app keeps for when there is no network.

`state` is one word, the first that is true: `warned`; `unclear` (we cannot know: feeds are blind,
data is old, or BMKG warns in the province and where is not known); `ended` (a warning was ended
here within a day); `none`. Only the last two say that we looked and found nothing; neither says
"safe".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console import words
from console.web.resident import said
from console.web.resident.nearby import Nearby, sketch
from console.web.resident.standing import Held, Seen, Standing
from kentongan.times import iso, parse_instant
from kentongan.types import HazardId, Mode, WarningState
from notify.registry.places import Place
from notify.warning import AreaGroup
from notify.wording.language import FALLBACK, facts, language
from orchestration.live_map.not_known import EVERYWHERE, RUN_OLD

NEARBY_SHOWN = 8
HISTORY_SHOWN = 10
CREDIT = {
    "id": "Sumber data: BMKG. Diolah oleh Kentongan.",
    "en": "Source of data: BMKG. Worked on by Kentongan.",
}


@dataclass(frozen=True)
class Village:
    """A village with its point and clock."""

    place: Place
    point: tuple[float, float]
    """Longitude and latitude, degrees."""
    zone: int
    modelled: bool
    """Its point is not surveyed."""


def document(
    village: Village, standing: Standing, seen: Seen, nearby: Nearby, *, at: datetime, mode: Mode
) -> dict[str, Any]:
    """Everything that the app shows of a village; JSON, both languages."""
    code = village.place.code
    warned = sorted(_warned(village, standing, at), key=_most_urgent)
    ended = list(_ended(village, standing, at))
    doubts = list(_doubts(village, seen, at))
    named = next((one["point"] for one in warned if one["point"]), "")
    tsunami = code in standing.in_tsunami
    places = nearby.of(village.point, standing, tsunami=tsunami, named=named)
    level = max((one["level"] for one in warned), default=-1 if doubts else 0)
    cycle = seen.not_known.newest_run
    return {
        "at": iso(at),
        "exercise": mode is not Mode.ACTUAL or any(one["exercise"] for one in warned),
        "mode": str(mode),
        "place": _place(village),
        "state": _state(warned, doubts, ended),
        "level": level,
        "level_word": said.level(level),
        "checked": said.moment(at, at, village.zone),
        "data": {
            "at": iso(cycle) if cycle else None,
            "age_s": max(0, int((at - cycle).total_seconds())) if cycle else None,
            "said": said.moment(cycle, at, village.zone),
        },
        "old_after_s": int(RUN_OLD.total_seconds()),
        "doubts": doubts,
        "warnings": warned,
        "ended": ended,
        "nearby": _nearby(code, standing),
        "coast": tsunami,
        "points": places,
        "sketch": sketch(village.point, places),
        "credit": CREDIT,
    }


def _state(warned: list[Any], doubts: list[Any], ended: list[Any]) -> str:
    if warned:
        return "warned"
    if doubts:
        return "unclear"
    return "ended" if ended else "none"


def _place(village: Village) -> dict[str, Any]:
    place = village.place
    return {
        "code": place.code, "name": place.name, "kind": place.kind, "district": place.district,
        "regency": place.regency, "province": place.province, "zone": village.zone,
        "modelled": village.modelled,
    }  # fmt: skip


def _doubts(village: Village, seen: Seen, at: datetime) -> Iterator[said.Both]:
    """Why an empty list may be wrong."""
    zone, code, unknown = village.zone, village.place.code, seen.not_known
    if unknown.newest_run is None:
        yield said.NO_RUN
    elif unknown.is_old(at):
        yield said.old_run(unknown.newest_run, at, zone)
    mine = [area for area in unknown.areas if area.province_code in (EVERYWHERE, code[:2])]
    for area in mine:
        yield said.unknown_area(area.title, area.until, at, zone)
    if code in unknown.villages and not mine:
        yield said.NO_VALUES
    for feed in seen.feeds:
        if feed.tier == "warning" and words.in_trouble(feed):
            yield said.blind_feed(feed, at, zone)


def _warned(village: Village, standing: Standing, at: datetime) -> Iterator[dict[str, Any]]:
    code = village.place.code
    for index, number in standing.groups.get(code, ()):
        held, group = standing.held[index], standing.group(index, number)
        if held.holds_in(code) and group.level > 0:
            yield _warning(village, held, group, at)


def _ended(village: Village, standing: Standing, at: datetime) -> Iterator[dict[str, Any]]:
    """Warnings that told this village and do not hold here any more."""
    code = village.place.code
    told = {i: standing.group(i, number) for i, number in standing.groups.get(code, ())}
    for index in standing.left.get(code, ()):
        held = standing.held[index]
        how = None if held.holds_in(code) else _how_it_ended(held)
        if how is None:
            continue
        group = told.get(index)
        own = group if group is not None and not group.level else None
        yield {
            **_head(held, at, village.zone),
            "how": how,
            "ended": said.moment(held.changed_at, at, village.zone),
            "said": {
                spoken: _ended_words(held, own, how, spoken, code) for spoken in said.LANGUAGES
            },
        }


def _how_it_ended(held: Held) -> str | None:
    body = held.version.body
    if held.is_open:
        return "dropped"
    if body.action == "cancel" or held.version.state == WarningState.CANCELLED:
        return "cancel"
    if body.is_end:
        return "all-clear"
    if held.version.state == WarningState.EXPIRED:
        return "expired"
    return "all-clear" if held.version.state == WarningState.ENDED else None


def _ended_words(
    held: Held, group: AreaGroup | None, how: str, spoken: str, code: str
) -> dict[str, str]:
    """As the last message said it, where this village got one; else in words of ours."""
    hazard_id = held.version.body.hazard_id
    do = language(spoken).hazards[hazard_id].end_do if how == "all-clear" else ""
    if group is not None and group.push_title:
        title, text = _wording(group, code, spoken)
        return {"title": title, "text": text, "do": do}
    title = f"{said.ENDED[how][spoken]}: {said.hazard(str(hazard_id))[spoken]}"
    return {"title": title, "text": "", "do": do}


def _head(held: Held, at: datetime, zone: int) -> dict[str, Any]:
    version, body = held.version, held.version.body
    cap = "cap" if body.status == "Actual" else "cap-exercise"
    identifier = held.alert.identifier if held.alert else ""
    return {
        "id": version.warning_id,
        "version": version.version,
        "hazard": str(body.hazard_id),
        "hazard_word": said.hazard(str(body.hazard_id)),
        "exercise": body.status != "Actual",
        "official": body.official,
        "cap": f"/{cap}/{identifier}.xml" if identifier else "",
        "since": said.moment(parse_instant(held.history[0][1]), at, zone),
        "renewed": said.moment(parse_instant(held.history[-1][1]), at, zone),
        "until": None
        if facts()[body.hazard_id].until_told
        else said.moment(body.expires, at, zone),
        "expires": iso(body.expires),
        "overdue": body.expires <= at,
        "history": [
            {"version": number, "at": said.moment(parse_instant(made), at, zone)}
            for number, made in held.history[-HISTORY_SHOWN:]
        ],
    }


def _warning(village: Village, held: Held, group: AreaGroup, at: datetime) -> dict[str, Any]:
    body, code = held.version.body, village.place.code
    return {
        **_head(held, at, village.zone),
        "level": group.level,
        "level_word": said.level(group.level),
        "arrival": said.moment(group.arrival, at, village.zone) if group.arrival else None,
        "point": _point(group, code),
        "said": {
            spoken: {
                "title": _wording(group, code, spoken)[0],
                "text": _wording(group, code, spoken)[1],
                "do": language(spoken).hazards[body.hazard_id].at(group.level).do,
            }
            for spoken in said.LANGUAGES
        },
    }


def _most_urgent(one: dict[str, Any]) -> tuple[bool, int, str]:
    return (one["hazard"] != HazardId.TSUNAMI, -one["level"], one["id"])


def _wording(group: AreaGroup, code: str, spoken: str) -> tuple[str, str]:
    """Title and text of the push for this village; in Indonesian where there is none else."""
    mine = [one for one in group.wordings if one.language == spoken]
    own = [one for one in mine if code in one.villages]
    shared = [one for one in mine if not one.villages]
    if own or shared:
        found = (own or shared)[0]
        return found.push_title, found.push_body
    if spoken != FALLBACK:
        return _wording(group, code, FALLBACK)
    return group.push_title, group.push_body


def _point(group: AreaGroup, code: str) -> str:
    return next((one.point for one in group.wordings if code in one.villages and one.point), "")


def _nearby(code: str, standing: Standing) -> list[dict[str, Any]]:
    """Other warnings of this district, else of this regency: villages and their highest level."""
    found = []
    for held in standing.held:
        if not held.is_open or held.holds_in(code):
            continue
        levels = held.version.body.levels
        for length, where in ((8, "district"), (5, "regency")):
            near = {c: n for c, n in levels.items() if c.startswith(f"{code[:length]}.") and n > 0}
            if near:
                found.append(_near(held, near, where))
                break
    found.sort(key=lambda one: (one["where"] != "district", -one["level"], one["id"]))
    return found[:NEARBY_SHOWN]


def _near(held: Held, levels: dict[str, int], where: str) -> dict[str, Any]:
    highest = max(levels.values())
    body = held.version.body
    return {
        "id": held.version.warning_id, "where": where, "villages": len(levels), "level": highest,
        "level_word": said.level(highest), "hazard": str(body.hazard_id),
        "hazard_word": said.hazard(str(body.hazard_id)), "exercise": body.status != "Actual",
    }  # fmt: skip
