"""Short texts: SMS, push, cell broadcast, speech, readiness. Marked by status, in any language.

Each text says the hazard, where, until when, what to do, and BMKG. It is chosen from ways to
say it, fullest first (`notify.wording.ways`); the first that fits its channel is taken, so a
long name costs detail and never the command. The words stand in `notify/wording/<code>.toml`,
and `notify.wording.lint` proves that each of them fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from kentongan.audit import canonical
from kentongan.reach import NOTHING_KNOWN, Help, VillageReach
from kentongan.times import iso
from kentongan.types import HazardId, Level
from notify.area.names import area_names, many_areas, plain_name, regency_in, shortened
from notify.firewall.gate import Marked, mark, mark_of
from notify.warning import AreaGroup, WarningBody
from notify.wording.clock import arrival_ways, when_ways
from notify.wording.gsm7 import ONE_PART, fits_one_part, to_basic
from notify.wording.language import FALLBACK, HazardWords, HelpWords, Language, facts, language
from notify.wording.speech import spoken
from notify.wording.ways import basic, first_fit

PUSH_TITLE, PUSH_BODY = 65, 240
"""Characters that a locked screen shows of a notification on common phones."""
CB_SHORT, CB_LONG = 90, 360
"""Characters of cell broadcast: one page (93 octets with its padding), and the longer text."""
SHORT_POINT = 24
"""Characters that are left of a long assembly point's name before it is given up."""
SPEECH = 900
"""Characters: about a minute read aloud; room for every way."""


@dataclass(frozen=True)
class Place:
    """Where a text is about, apart from the version that it is for."""

    level: int
    wheres: tuple[str, ...]
    """Ways to say it, fullest first, in the language of the text."""
    zone: int
    arrival: datetime | None
    again: bool


class Speaker:
    """All texts of one version for one place in one language."""

    def __init__(
        self, body: WarningBody, place: Place, *, at: datetime, code: str = FALLBACK
    ) -> None:
        self.body, self.place, self.at = body, place, at
        self.words: Language = language(code)
        self.hazard: HazardWords = self.words.hazards[body.hazard_id]

    @cached_property
    def _options(self) -> dict[str, tuple[str, ...]]:
        body, place = self.body, self.place
        whens = when_ways(body.onset, body.expires, at=self.at, zone=place.zone, words=self.words)
        arrivals = arrival_ways(place.arrival, at=self.at, zone=place.zone, words=self.words)
        found = {
            "word": [self.words.levels.get(place.level, "")],
            "name": [self.hazard.name],
            "short": [self.hazard.short],
            "where": place.wheres,
            "when": whens,
            "arrival": arrivals,
            "source": [source(body, self.words)],
        }
        plain = {name: tuple(map(basic, values)) for name, values in found.items()}
        return {**plain, "When": (_sentence(plain["when"][-1]),)}

    def _mark(self) -> str:
        return mark_of(self.body.status, "en" if self.words.code == "en" else FALLBACK)

    def _lead(self) -> str:
        """The mark of the status, and that this is news of a warning they know."""
        told = self.body.action == "update" and self.place.again and self.place.level
        return self._mark() + (self.words.update if told else "")

    def _marked(
        self,
        templates: Sequence[str],
        limit: int,
        help_: Sequence[str],
        resort: Sequence[str] = (),
    ) -> Marked:
        lead = self._lead()
        options = {**self._options, "help": tuple(map(basic, help_))}
        if limit <= ONE_PART:  # a second way to say the same would cost the place its detail
            options["arrival"] = options["arrival"][-2:]
        return Marked(lead + first_fit(templates, options, limit - len(lead), resort))

    def text(self, limit: int = ONE_PART, reach: VillageReach = NOTHING_KNOWN) -> Marked:
        """For residents of whom `reach` is known, in at most `limit` characters."""
        helps = self._help(reach, compact=limit <= ONE_PART)
        level = self.place.level
        resort = self.hazard.at(level).resort if level else ()
        return self._marked(self._templates(), limit, helps, resort)

    def brief(self) -> Marked:
        """For 90 characters of cell broadcast, where the cell says where."""
        if self.place.level:
            return self._marked(self.hazard.at(self.place.level).brief, CB_SHORT, [""])
        if self._all_clear:
            return self._marked(self.hazard.end_brief, CB_SHORT, [""])
        if self.body.action == "cancel":
            return self._marked(self.words.ends.cancel_brief, CB_SHORT, [""])
        return self._marked(self.words.ends.dropped_brief, CB_SHORT, [""])

    def speech(self) -> Marked:
        """The full text for a voice: numbers and abbreviations in words."""
        return Marked(spoken(self.text(SPEECH), self.words.code))

    def title(self) -> Marked:
        """For the first line of a push."""
        if self.place.level:
            renewed = self.body.action == "renew"
            form = self.words.push.title_renew if renewed else self.words.push.title
        else:
            cancelled = self.body.action == "cancel"
            form = self.words.push.title_cancel if cancelled else self.words.push.title_end
        word = self.words.levels.get(self.place.level, "")
        room = PUSH_TITLE - len(self._mark())
        forms = [form.format(word=word, name=n) for n in (self.hazard.name, self.hazard.short)]
        title = next((t for t in forms if len(t) <= room), forms[-1][:room])
        return Marked(self._mark() + title)

    def staff(self, templates: Sequence[str], **values: str) -> Marked:
        """For coordinators: one SMS."""
        options = {**self._options, **{name: (basic(v),) for name, v in values.items()}}
        lead = self._mark()
        return Marked(lead + first_fit(templates, options, ONE_PART - len(lead)))

    @property
    def _all_clear(self) -> bool:
        return self.body.action == "all-clear"

    def _templates(self) -> Sequence[str]:
        if self.place.level:
            return self.hazard.at(self.place.level).ways
        if self._all_clear:
            return self.hazard.end
        return self.words.ends.cancel if self.body.action == "cancel" else self.words.ends.dropped

    def _help(self, reach: VillageReach, *, compact: bool) -> list[str]:
        leave = facts()[self.body.hazard_id].leave
        if leave is None or not leave <= self.place.level:
            return [""]
        return help_ways(reach, self.words.help_of(self.body.hazard_id), compact=compact)


def help_ways(reach: VillageReach, words: HelpWords, *, compact: bool = True) -> list[str]:
    """Ways to say whether help comes and where to go. Not known is told as alone.

    Args:
        compact: leave out the longest way of each, but for a name of a place.
    """
    alone = words.alone[1:] if compact and len(words.alone) > 1 else words.alone
    forms = words.point[-1:] if compact else words.point
    if reach.help is Help.COMING and words.coming:
        return list(words.coming)
    if reach.help is Help.CLEARED and words.cleared:
        return list(words.cleared)
    point = plain_name(reach.point)
    names = dict.fromkeys((point, shortened(point, SHORT_POINT))) if point else ()
    named = [form.format(point=name) for name in names for form in forms]
    return [*named, *alone]


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def source(body: WarningBody, words: Language | None = None) -> str:
    """BMKG's own warning, or our estimate from its data."""
    words = words or language(FALLBACK)
    return words.official if body.official else words.estimate


def place_of(group: AreaGroup, words: Language) -> Place:
    wheres = area_names(group.adm2_name, group.districts, whole=group.whole_regency, words=words)
    return Place(group.level, tuple(wheres), group.utc_offset, group.arrival, group.again)


def speaker(body: WarningBody, group: AreaGroup, *, at: datetime, code: str = FALLBACK) -> Speaker:
    """Of the texts for the residents of one group."""
    return Speaker(body, place_of(group, language(code)), at=at, code=code)


def level_speaker(
    body: WarningBody, groups: Sequence[AreaGroup], *, at: datetime, code: str = FALLBACK
) -> Speaker:
    """Of the texts for all groups of one level together: cell broadcast, radio, a notice.

    Args:
        groups: at least one, all of one level.
    """
    words = language(code)
    if len(groups) == 1:
        return speaker(body, groups[0], at=at, code=code)
    names = [regency_in(group.adm2_name, words) for group in groups]
    wheres = many_areas(names, [group.adm1_name for group in groups], words)
    arrivals = [group.arrival for group in groups if group.arrival and group.arrival > at]
    first = groups[0]
    place = Place(
        first.level,
        tuple(wheres),
        first.utc_offset,
        min(arrivals, default=None),
        any(group.again for group in groups),
    )
    return Speaker(body, place, at=at, code=code)


def sms(
    body: WarningBody,
    group: AreaGroup,
    *,
    at: datetime,
    code: str = FALLBACK,
    reach: VillageReach = NOTHING_KNOWN,
) -> Marked:
    """The SMS for residents of a group."""
    return speaker(body, group, at=at, code=code).text(reach=reach)


def push_title(body: WarningBody, group: AreaGroup, *, code: str = FALLBACK) -> Marked:
    return speaker(body, group, at=body.valid_from, code=code).title()


def readiness(body: WarningBody, group: AreaGroup, *, at: datetime, code: str = FALLBACK) -> Marked:
    """For the coordinators of a warned regency; tasks come in messages of their own."""
    one = speaker(body, group, at=at, code=code)
    if not group.level:
        return one.text()
    staff = one.words.staff
    tasks = staff.no_tasks if group.level < Level.SIAGA else staff.tasks
    if body.hazard_id is HazardId.TSUNAMI:
        tasks = staff.stay
    return one.staff(staff.ready, tasks=tasks)


def gap(body: WarningBody, group: AreaGroup, *, at: datetime, code: str = FALLBACK) -> Marked:
    """For coordinators next door: how many people nobody of the regency reaches in time."""
    one = speaker(body, group, at=at, code=code)
    staff = one.words.staff
    stay = f" {staff.stay}" if body.hazard_id is HazardId.TSUNAMI else ""
    return one.staff(staff.gap, people=_people(group.uncovered_people, code), stay=stay)


def bpbd(body: WarningBody, group: AreaGroup, *, at: datetime, code: str = FALLBACK) -> Marked:
    """The same for the regency's disaster agency."""
    one = speaker(body, group, at=at, code=code)
    return one.staff(one.words.staff.bpbd, people=_people(group.uncovered_people, code))


def _people(count: int, code: str) -> str:
    text = f"{count:,}"
    return text if code == "en" else text.replace(",", ".")


def fitted(ways: Iterable[str], status: str) -> Marked:
    """The first way that is one part with its mark; else the last one, cut."""
    text = ""
    for way in ways:
        text = mark(to_basic(way), status)
        if fits_one_part(text):
            return text
    return mark(text[len(mark_of(status)) : ONE_PART - 3].rstrip() + "...", status)


PUSH_LIMIT = 3000
"""Bytes of JSON; push services take 4,096 with encryption and headers."""


def push_payload(
    body: WarningBody,
    group: AreaGroup,
    *,
    warning_id: str,
    version: int,
    url: str,
    said: Mapping[str, str] | None = None,
    villages: Sequence[str] = (),
) -> dict[str, Any]:
    """What the app gets; area codes get coarser until it is small enough.

    Args:
        said: `title` and `body` in the reader's language; the group's own by default.
        villages: for whom; those of the group that are told by default.
    """
    payload: dict[str, Any] = {}
    shown = said or {"title": group.push_title, "body": group.push_body}
    for length in (13, 8, 5):
        payload = {
            **shown,
            "tag": warning_id,
            "warning_id": warning_id,
            "version": version,
            "hazard": str(body.hazard_id),
            "level": group.level,
            "area_codes": sorted({c[:length] for c in villages or group.told or group.codes}),
            "expires": iso(body.expires),
            "url": url,
            "status": body.status,
        }
        if len(canonical(payload).encode()) <= PUSH_LIMIT:
            break
    return payload
