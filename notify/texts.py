"""Short texts: SMS, push, readiness, tasks. Indonesian, one GSM-7 part, marked by status.

Each text says the hazard, where, until when, what to do, and BMKG. A text is chosen from
ways to say it, fullest first; the first that fits is taken, so a long name costs detail and
never the command. Words about mobile coverage would be one more way in `_sms_ways`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from kentongan.audit import canonical
from kentongan.times import MONTH_NAMES_ID, ZONES, iso, local_clock, require_aware
from kentongan.types import HazardId, Level
from notify.areas import area_names
from notify.firewall import Marked, mark, mark_of
from notify.gsm7 import ONE_PART, fits_one_part, to_basic
from notify.phrases import LEVEL_WORDS, HazardPhrases, phrases
from notify.warning import AreaGroup, WarningBody

UPDATED = "PEMBARUAN. "


def sms(body: WarningBody, group: AreaGroup, *, at: datetime) -> Marked:
    """The text for the residents of a group."""
    words = phrases()[body.hazard_id]
    update = UPDATED if body.action == "update" and group.again and group.level else ""
    ways = _end_ways(body, group, words) if not group.level else _sms_ways(body, group, words, at)
    return fitted((update + way for way in ways), body.status)


def _sms_ways(
    body: WarningBody, group: AreaGroup, words: HazardPhrases, at: datetime
) -> Iterator[str]:
    chosen = words.at(group.level)
    whens = when_ways(body.onset, body.expires, at=at, zone=group.utc_offset)
    ways = itertools.chain(
        itertools.product(_arrival_ways(group, at), whens, _where(body, group), chosen.sms),
        itertools.product(_arrival_ways(group, at), whens, _where(body, group), chosen.sms_last),
    )
    for arrival, when, where, template in ways:
        yield template.format(
            word=LEVEL_WORDS[group.level],
            where=where,
            when=when,
            arrival=arrival,
            source=source(body),
        )


def _end_ways(body: WarningBody, group: AreaGroup, words: HazardPhrases) -> Iterator[str]:
    if body.action == "all-clear":
        templates = words.sms_end
    elif body.action == "cancel":
        templates = (
            f"DIBATALKAN: peringatan {words.name_id} untuk {{where}} tidak berlaku. "
            "Mohon maaf. Ikuti kabar BMKG.",
            "DIBATALKAN: peringatan untuk {where} tidak berlaku. Ikuti kabar BMKG.",
        )
    else:
        templates = (
            f"PEMBARUAN. Peringatan {words.name_id} tidak lagi mencakup {{where}}. "
            "Tetap waspada. {source}",
            "PEMBARUAN. Peringatan tidak lagi mencakup {where}. Tetap waspada. {source}",
        )
    for where in _where(body, group):
        for template in templates:
            yield template.format(where=where, source=source(body))


def source(body: WarningBody) -> str:
    """BMKG's own warning, or our estimate from its data."""
    return "Sumber BMKG" if body.official else "Data BMKG"


def _where(body: WarningBody, group: AreaGroup) -> list[str]:
    ways = area_names(group.adm2_name, group.districts, whole=group.whole_regency)
    if body.hazard_id is HazardId.TSUNAMI:
        return [f"pesisir {way}" for way in ways]
    return ways


def _arrival_ways(group: AreaGroup, at: datetime) -> list[str]:
    """A time that has passed is never printed: waves may still come."""
    if group.arrival is None or group.arrival <= at:
        return [""]
    clock = local_clock(group.arrival, group.utc_offset)
    return [f" Perkiraan tiba {clock}.", f" Kira-kira {clock}.", ""]


def until(expires: datetime, *, at: datetime, zone: int) -> str:
    """`17.27 WITA`, `besok 02.10 WIB` or `26 September 02.10 WIB`, as seen from `at`."""
    clock = local_clock(expires, zone)
    there = require_aware(expires).astimezone(ZONES[zone]).date()
    today = require_aware(at).astimezone(ZONES[zone]).date()
    if there == today:
        return clock
    if there == today + timedelta(days=1):
        return f"besok {clock}"
    return f"{there.day} {MONTH_NAMES_ID[there.month - 1]} {clock}"


def when_ways(onset: datetime, expires: datetime, *, at: datetime, zone: int) -> list[str]:
    """From-to while the onset is ahead, else until when; the shorter way second."""
    end = until(expires, at=at, zone=zone)
    if onset <= at or onset >= expires:
        return [f"sampai {end}"]
    start = until(onset, at=at, zone=zone).rsplit(" ", 1)[0]
    return [f"mulai {start} sampai {end}", f"sampai {end}"]


def fitted(ways: Iterable[str], status: str) -> Marked:
    """The first way that is one part with its mark; else the last one, cut."""
    text = ""
    for way in ways:
        text = mark(to_basic(way), status)
        if fits_one_part(text):
            return text
    return mark(text[len(mark_of(status)) : ONE_PART - 3].rstrip() + "...", status)


def push_title(body: WarningBody, group: AreaGroup) -> Marked:
    name = phrases()[body.hazard_id].name_id
    if body.action == "cancel":
        return mark(f"Dibatalkan: peringatan {name}", body.status)
    if not group.level:
        return mark(f"Berakhir: peringatan {name}", body.status)
    return mark(f"{LEVEL_WORDS[group.level]} {name}", body.status)


def push_body(body: WarningBody, group: AreaGroup, *, at: datetime) -> Marked:
    """The SMS text: what was reviewed for 160 places is right on a lock screen."""
    return sms(body, group, at=at)


def readiness(body: WarningBody, group: AreaGroup, *, at: datetime) -> Marked:
    """For the coordinators of a warned regency; tasks come in messages of their own."""
    name = phrases()[body.hazard_id].name_id
    if not group.level:
        return sms(body, group, at=at)
    end = until(body.expires, at=at, zone=group.utc_offset)
    word = LEVEL_WORDS[group.level].capitalize()
    tasks = "Belum ada tugas." if group.level < Level.SIAGA else "Tugas tim lewat SMS lain."
    ways = (
        template.format(
            name=name, where=where, end=end, word=word, source=source(body), tasks=tasks
        )
        for where in _where(body, group)
        for template in (
            "TAGANA BERSIAP: {word} {name} di {where} sampai {end}. {tasks} "
            "Siapkan tim & pantau kabar. {source}",
            "TAGANA BERSIAP: {word} {name}, {where}, sampai {end}. {tasks} {source}",
        )
    )
    return fitted(ways, body.status)


PUSH_LIMIT = 3000
"""Bytes of JSON; push services take 4,096 with encryption and headers."""


def push_payload(
    body: WarningBody, group: AreaGroup, *, warning_id: str, version: int, url: str
) -> dict[str, Any]:
    """What the app gets; area codes get coarser until it is small enough."""
    payload: dict[str, Any] = {}
    for length in (13, 8, 5):
        payload = {
            "title": group.push_title,
            "body": group.push_body,
            "tag": warning_id,
            "warning_id": warning_id,
            "version": version,
            "hazard": str(body.hazard_id),
            "level": group.level,
            "area_codes": sorted({code[:length] for code in group.told or group.codes}),
            "expires": iso(body.expires),
            "url": url,
            "status": body.status,
        }
        if len(canonical(payload).encode()) <= PUSH_LIMIT:
            break
    return payload
