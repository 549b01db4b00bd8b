"""A released warning version → its CAP alert.

Info blocks: for each level, highest first, `id-ID` then `en-US`, with the same machine
fields. Severity from our level; urgency by the time left; certainty by the kind of
knowledge (levels 2, 3, 4 → Moderate, Severe, Extreme).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from kentongan.codes import DECREE
from kentongan.times import ZONES, local_clock, local_date, require_aware
from kentongan.types import HazardId
from notify.area.geocodes import GEOCODE_SCHEME
from notify.area.names import area_names, whole_province
from notify.cap import Alert, Area, Info, Pair
from notify.cap.publisher import Publisher
from notify.firewall.gate import mark, mark_of
from notify.warning import AreaGroup, WarningBody
from notify.wording.phrases import LEVEL_WORDS, HazardPhrases, phrases

LANGUAGES = ("id-ID", "en-US")
HEADLINE_LIMIT = 140
_SEVERITY: dict[int, Literal["Moderate", "Severe", "Extreme"]] = {
    2: "Moderate", 3: "Severe", 4: "Extreme",
}  # fmt: skip
_AREA_NAME_LIMIT = 50


def build(
    body: WarningBody,
    *,
    identifier: str,
    warning_id: str,
    sent: datetime,
    references: Sequence[str],
    publisher: Publisher,
) -> Alert:
    """The alert of a version released at `sent`."""
    parts = _parts(body)
    zone = ZONES[parts[0][0].utc_offset if parts else 7]
    infos = [
        _info(body, groups, language, warning_id=warning_id, sent=sent, publisher=publisher)
        for groups in parts
        for language in LANGUAGES
    ]
    return Alert(
        identifier=identifier,
        sender=publisher.sender,
        sent=require_aware(sent).astimezone(zone),
        status=body.status,
        msg_type=body.msg_type if references or body.action == "alert" else "Alert",
        scope="Public",
        note=_note(body),
        references=" ".join(references) or None,
        incidents=body.linked_event_id and body.linked_event_id.replace(" ", "-"),
        infos=tuple(infos),
    )


def _note(body: WarningBody) -> str | None:
    notes = {
        "Exercise": "LATIHAN. Bukan keadaan nyata. EXERCISE, not a real event.",
        "Test": "TES. Bukan keadaan nyata. TEST, not a real event.",
    }
    return notes.get(body.status)


def _parts(body: WarningBody) -> list[list[AreaGroup]]:
    """Groups of one level together, highest first; an end has one part.

    Villages that an update leaves are told by message; the alert itself names what holds.
    """
    wanted = [group for group in body.groups if body.holds_nowhere or group.level]
    levels = sorted({group.level for group in wanted}, reverse=True)
    return [[group for group in wanted if group.level == level] for level in levels]


def _info(
    body: WarningBody,
    groups: Sequence[AreaGroup],
    language: str,
    *,
    warning_id: str,
    sent: datetime,
    publisher: Publisher,
) -> Info:
    words = phrases()[body.hazard_id]
    level = groups[0].level
    zone = ZONES[groups[0].utc_offset]
    english = language.startswith("en")
    onset = min([g.arrival for g in groups if g.arrival] or [body.onset])
    text = _Words(body, words, groups, language)
    return Info(
        language=language,
        categories=(words.category,),
        event=(words.name_en if english else words.name_id).capitalize(),
        response_types=(_response(body, words, level),),
        **_ranks(body, level, onset=onset, sent=sent),
        event_codes=_event_codes(words),
        effective=require_aware(sent).astimezone(zone),
        onset=None if body.holds_nowhere else onset.astimezone(zone),
        expires=body.expires.astimezone(zone),
        sender_name=publisher.sender_name,
        headline=text.headline(),
        description=text.description(),
        instruction=text.instruction(),
        web=publisher.page(warning_id),
        contact=publisher.contact,
        parameters=(*_parameters(body), *_said(body, level, language)),
        areas=_areas(groups, english=english),
    )


def _event_codes(words: HazardPhrases) -> tuple[Pair, ...]:
    return (Pair(name="OET:v1.2", value=words.event_code),) if words.event_code else ()


def _response(body: WarningBody, words: HazardPhrases, level: int) -> str:
    """That a warning no longer covers a place is no all-clear."""
    if body.is_end:
        return "AllClear"
    return "Monitor" if body.holds_nowhere else words.at(level).response


def _ranks(body: WarningBody, level: int, *, onset: datetime, sent: datetime) -> dict[str, Any]:
    if body.holds_nowhere:
        return {"urgency": "Past", "severity": "Minor", "certainty": "Observed"}
    return {
        "urgency": urgency(onset, sent),
        "severity": _SEVERITY[level],
        "certainty": certainty(body),
    }


def urgency(onset: datetime, sent: datetime) -> Literal["Immediate", "Expected", "Future"]:
    """Up to 1 h ahead, 1 to 3 h, more."""
    ahead = onset - sent
    if ahead <= timedelta(hours=1):
        return "Immediate"
    return "Expected" if ahead <= timedelta(hours=3) else "Future"


def certainty(body: WarningBody) -> Literal["Observed", "Likely", "Possible", "Unlikely"]:
    """By probability where there is one (`> 0.5` Likely), else by the kind of knowledge.

    A nowcast of BMKG's speaks of what radar sees; shaking and tsunami are computed from a
    quake that was measured; cloud-top classes alone are possible rain.
    """
    if body.evidence.get("observed") is True:
        return "Observed"
    p = body.evidence.get("probability")
    if isinstance(p, int | float) and not isinstance(p, bool):
        return "Likely" if p > 0.5 else "Possible" if p > 0.05 else "Unlikely"
    if body.hazard_id is HazardId.THUNDERSTORM and body.official:
        return "Observed"
    if body.hazard_id in (HazardId.SHAKING, HazardId.TSUNAMI):
        return "Likely"
    return "Likely" if body.official else "Possible"


def _parameters(body: WarningBody) -> tuple[Pair, ...]:
    evidence = "; ".join(
        f"{key}={value}" for key, value in sorted(body.evidence.items()) if value is not None
    )
    pairs = {
        "Kentongan:eventId": body.event_id,
        "Kentongan:evidence": evidence,
        "Kentongan:method": body.method,
        "Kentongan:quality": body.quality,
        "Kentongan:dataQuality": ",".join(body.data_quality),
        "Kentongan:observations": ",".join(sha[:16] for sha in body.observations),
        "Kentongan:unresolvedNames": ", ".join(body.unresolved),
        "Kentongan:credit": "BMKG",
    }
    return tuple(Pair(name=name, value=value) for name, value in pairs.items() if value)


def _said(body: WarningBody, level: int, language: str) -> tuple[Pair, ...]:
    """Texts for cell broadcast, as the design of the Indonesian EWS profile names them, and for a
    voice."""
    names = {"EWS:CBtext90": "short", "EWS:CBtext360": "long", "Kentongan:speech": "speech"}
    return tuple(
        Pair(name=name, value=getattr(one, field))
        for one in body.broadcasts
        if one.level == level and one.language == language[:2]
        for name, field in names.items()
    )


def _areas(groups: Sequence[AreaGroup], *, english: bool) -> tuple[Area, ...]:
    """One for each group; a province that is wholly warned at this level is one area."""
    provinces: dict[str, list[AreaGroup]] = {}
    made: list[Area] = []
    for group in groups:
        if group.whole_province:
            provinces.setdefault(group.adm2_code[:2], []).append(group)
        else:
            made.append(_area(group, english=english))
    for code, parts in provinces.items():
        made.append(
            Area(
                description=whole_province(parts[0].adm1_name, english=english),
                polygons=tuple(ring for part in parts for ring in part.polygons),
                geocodes=(Pair(name=GEOCODE_SCHEME, value=code),),
            )
        )
    return tuple(made)


def _area(group: AreaGroup, *, english: bool) -> Area:
    return Area(
        description=area_name(group, english=english),
        polygons=group.polygons,
        geocodes=tuple(
            Pair(name=GEOCODE_SCHEME, value=code) for code in group.geocodes or group.codes
        ),
    )


def area_name(group: AreaGroup, *, english: bool = False, limit: int = _AREA_NAME_LIMIT) -> str:
    """The most telling way that is short and names its regency."""
    ways = area_names(group.adm2_name, group.districts, whole=group.whole_regency, english=english)
    whole = [way for way in ways if ways[-1] in way]
    return next((way for way in whole if len(way) < limit), whole[-1])


class _Words:
    """The running text of one info block."""

    def __init__(
        self, body: WarningBody, words: HazardPhrases, groups: Sequence[AreaGroup], language: str
    ) -> None:
        self.body, self.words, self.groups, self.language = body, words, groups, language
        self.english = language.startswith("en")
        self.level = groups[0].level

    def headline(self) -> str:
        name = self.words.name_en if self.english else self.words.name_id
        places = "; ".join(area_name(g, english=self.english) for g in self.groups)
        text = f"{self._kind()} {name}: {places}"
        room = HEADLINE_LIMIT - len(mark_of(self.body.status, self.language))
        if len(text) > room:
            text = f"{self._kind()} {name}: {self._count()}"
        return mark(text[:room], self.body.status, self.language)

    def _kind(self) -> str:
        if self.body.action == "cancel":
            return "CANCELLED: warning of" if self.english else "DIBATALKAN: peringatan"
        if self.body.is_end:
            return "Ended: warning of" if self.english else "Berakhir: peringatan"
        if self.body.holds_nowhere:
            return "No longer covered: warning of" if self.english else "Tidak lagi: peringatan"
        return LEVEL_WORDS[self.level]

    def _count(self) -> str:
        first = area_name(self.groups[0], english=self.english)
        others = len(self.groups) - 1
        if self.english:
            return f"{first} and {others} more areas"
        return f"{first} dan {others} wilayah lain"

    def description(self) -> str:
        lines = [self.body.title, self._what(), self._people(), self._where(), self._until()]
        if self.body.unresolved:
            label = "Names not resolved" if self.english else "Nama yang belum dikenali"
            lines.append(f"{label}: {', '.join(self.body.unresolved)}.")
        lines.append(self._source())
        text = "\n".join(line for line in lines if line)
        return mark(text, self.body.status, self.language)

    def _what(self) -> str:
        if self.body.action == "cancel":
            if self.english:
                return "This warning is cancelled; it should not have been in force."
            return "Peringatan ini dibatalkan; peringatan ini seharusnya tidak berlaku."
        if self.body.is_end:
            return self.words.end_en if self.english else self.words.end_id
        if self.body.holds_nowhere:
            if self.english:
                return "This warning no longer covers the areas below."
            return "Peringatan ini tidak lagi mencakup wilayah di bawah ini."
        at_level = self.words.at(self.level)
        return at_level.what_en if self.english else at_level.what_id

    def _people(self) -> str:
        if self.body.holds_nowhere:
            return ""
        people = sum(group.exposed_people for group in self.groups)
        villages = sum(len(group.codes) for group in self.groups)
        if self.english:
            return f"Villages: {villages}. People there, estimated: {people:,}."
        number = f"{people:,}".replace(",", ".")
        return f"Desa/kelurahan: {villages}. Perkiraan penduduk di sana: {number} jiwa."

    def _where(self) -> str:
        names = [self._listed(group) for group in self.groups]
        return f"{'Areas' if self.english else 'Wilayah'}: {'; '.join(names)}."

    def _listed(self, group: AreaGroup) -> str:
        """`Kab. Boalemo (Kec. Mananggu, Tilamuta)`; the English name turned round."""
        regency = area_names(group.adm2_name, (), whole=True, english=self.english)[0]
        names = ", ".join(group.districts)
        return f"{regency} ({'districts' if self.english else 'Kec.'} {names})"

    def _until(self) -> str:
        if self.body.holds_nowhere:
            return ""
        if self.body.hazard_id is HazardId.TSUNAMI:
            if self.english:
                return "In force until BMKG says that the warning has ended."
            return "Berlaku sampai BMKG menyatakan peringatan berakhir."
        zone = self.groups[0].utc_offset
        clock, day = local_clock(self.body.expires, zone), local_date(self.body.expires, zone)
        return f"In force until {clock}, {day}." if self.english else f"Sampai {clock}, {day}."

    def _source(self) -> str:
        codes = f"Kode wilayah: {DECREE}." if not self.english else f"Area codes: {DECREE}."
        if self.english:
            kind = "Source: BMKG." if self.body.official else "Own estimate from BMKG data."
        else:
            kind = "Sumber: BMKG." if self.body.official else "Perkiraan sendiri dari data BMKG."
        return f"{kind} {codes}"

    def instruction(self) -> str:
        if self.body.action == "cancel":
            text = "Follow BMKG's news." if self.english else "Ikuti kabar BMKG."
        elif self.body.holds_nowhere and not self.body.is_end:
            text = "Stay alert and follow BMKG." if self.english else "Tetap waspada, ikuti BMKG."
        elif self.body.is_end:
            text = self.words.end_do_en if self.english else self.words.end_do_id
        else:
            at_level = self.words.at(self.level)
            text = at_level.do_en if self.english else at_level.do_id
        return mark(text, self.body.status, self.language)
