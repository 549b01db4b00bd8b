"""Proof that every text fits, says what it must, and is never cut: `python -m notify.wording.lint`.

The proof. A text is literals and fields (`notify.wording.ways`), all in characters of one septet,
so its length is the sum of the lengths of its parts. The writer takes the first way that fits and
is never left without one if the *shortest* way with the *shortest* filling of each field fits. The
shortest filling of a place is longest for one area of the layer set; of a time for one month and
zone; of a mark for one status. If the sum of these maxima stays within the limit, then every text
for every area, time and mark does: no other combination has a longer shortest form. So one sum for
each template replaces some 83,762 villages x 4 marks x 12 months x 3 zones. The names themselves
are all looked at, once, in the alphabet of the SMS.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from kentongan.reach import Help, VillageReach
from kentongan.types import HazardId
from notify.area.names import area_names, many_areas, short_regency
from notify.firewall.gate import mark_of
from notify.wording import texts
from notify.wording.clock import arrival_ways, when_ways
from notify.wording.gsm7 import BASIC, ONE_PART
from notify.wording.language import CODES, HazardWords, Language, LevelWords, facts, language
from notify.wording.ways import basic, way

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("Actual", "Exercise", "Test")
LEVELS = (2, 3, 4)
_PEOPLE = "280.000.000"
_TAGS = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong, and where."""

    language: str
    place: str
    """`flood.3 sms`, `ends.cancel`."""
    what: str

    def __str__(self) -> str:
        return f"{self.language} {self.place}: {self.what}"


@dataclass(frozen=True)
class Longest:
    """The longest shortest filling of each field, in characters."""

    where: int
    """A regency of the layer set."""
    many: int
    """Several at once."""
    when: int
    arrival: int
    source: int
    people: int = len(_PEOPLE)

    def of(self, field: str) -> int:
        sizes = {"where": self.where, "when": self.when, "When": self.when, "people": self.people}
        sizes |= {"arrival": self.arrival, "source": self.source}
        return sizes[field]


@dataclass(frozen=True)
class Names:
    """Of a layer set, each once: regencies shortened, with their districts."""

    regencies: Mapping[str, tuple[str, ...]]
    provinces: tuple[str, ...]
    villages: tuple[str, ...]


def names_of(villages: pd.DataFrame) -> Names:
    """Every name that a text may hold."""
    pairs = villages[["adm2_name", "adm3_name"]].drop_duplicates()
    regencies: dict[str, set[str]] = {}
    for regency, district in zip(*(pairs[k].tolist() for k in pairs.columns), strict=True):
        regencies.setdefault(short_regency(str(regency)), set()).add(str(district))
    return Names(
        {name: tuple(sorted(districts)) for name, districts in sorted(regencies.items())},
        tuple(sorted(map(str, villages["adm1_name"].unique().tolist()))),
        tuple(sorted(map(str, villages["name"].unique().tolist()))),
    )


def lint(names: Names, codes: Sequence[str] = CODES) -> list[Finding]:
    """Everything that is wrong with the words, sorted; empty: each text of each language, hazard,
    level, channel and mark fits every area and says what it must."""
    found = list(_names(names)) if codes else []
    for code in codes:
        words = language(code)
        longest = longest_of(words, names)
        found += _common(words, longest)
        for hazard in HazardId:
            found += _hazard(words, hazard, longest)
    return sorted(set(found))


def longest_of(words: Language, names: Names) -> Longest:
    """Maxima over areas, months, zones and levels of the shortest way to say each."""
    wheres = [basic(area_names(name, ("x",), whole=False, words=words)[-1]) for name in
              names.regencies]  # fmt: skip
    whens, arrivals = _times(words)
    return Longest(
        where=max(map(len, wheres)),
        many=len(many_areas(["x", "y"], ["p", "q"], words)[-1]),
        when=max(map(len, whens)),
        arrival=max(map(len, arrivals)),
        source=max(len(words.official), len(words.estimate)),
    )


def _times(words: Language) -> tuple[list[str], list[str]]:
    """The shortest way to say until when, and when waves come, over a year of days and zones."""
    start = datetime(2026, 1, 20, 22, 59, tzinfo=UTC)
    whens, arrivals = [], []
    for month in range(12):
        for zone in (7, 8, 9):
            at = start + timedelta(days=30 * month)
            for ahead in (timedelta(hours=1), timedelta(days=1), timedelta(days=3)):
                ways = when_ways(at, at + ahead, at=at, zone=zone, words=words)
                whens.append(basic(ways[-1]))
            ways = arrival_ways(at + timedelta(hours=1), at=at, zone=zone, words=words)
            arrivals.append(basic(ways[-1]))
    return whens, arrivals


def _names(names: Names) -> Iterator[Finding]:
    """Every name in the alphabet of the SMS, nothing lost; characters that all texts share are
    looked at once."""
    every = {*names.regencies, *names.provinces, *names.villages}
    every |= {district for some in names.regencies.values() for district in some}
    strange = {c for c in set("".join(every)) if not (c in BASIC and c.isascii())}
    doubtful = {n for n in every if not n.strip() or not strange.isdisjoint(n)}
    for name in sorted(doubtful):
        if "?" in basic(name) or not name.strip():
            yield Finding("*", "names", f"{name!r} cannot be written in GSM-7")


def _leads(words: Language, *, update: bool) -> int:
    """The longest thing in front: a mark, and that it is news of a known warning."""
    own = "en" if words.code == "en" else "id"
    marks = max(len(mark_of(status, own)) for status in STATUSES)
    return marks + (len(words.update) if update else 0)


def _common(words: Language, longest: Longest) -> Iterator[Finding]:
    for name in ("cancel", "dropped"):
        ways = getattr(words.ends, name)
        yield from _each(words, f"ends.{name}", ways, need=("where",), marks=("BMKG", "{source}"))
        for hazard in words.hazards.values():
            yield from _fits(words, f"ends.{name}", ways, longest, hazard, limit=ONE_PART)
    for hazard in words.hazards.values():
        for name in ("cancel_brief", "dropped_brief"):
            ways, limit = getattr(words.ends, name), texts.CB_SHORT
            yield from _fits(words, f"ends.{name}", ways, longest, hazard, limit=limit)
        yield from _titles(words, hazard)
        for name in ("ready", "gap", "bpbd"):
            ways = getattr(words.staff, name)
            yield from _fits(words, f"staff.{name}", ways, longest, hazard, limit=ONE_PART)
    yield from _each(words, "staff.gap", words.staff.gap, need=("where", "people", "source"))
    yield from _each(words, "staff.bpbd", words.staff.bpbd, need=("where", "people", "source"))
    yield from _each(words, "staff.ready", words.staff.ready, need=("where", "when", "source"))


def _titles(words: Language, hazard: HazardWords) -> Iterator[Finding]:
    room = texts.PUSH_TITLE - _leads(words, update=False)
    for form in (
        words.push.title,
        words.push.title_renew,
        words.push.title_end,
        words.push.title_cancel,
    ):
        for word in words.levels.values():
            title = form.format(word=word, name=hazard.short)
            if len(title) > room:
                yield Finding(words.code, "push.title", f"{len(title)} > {room}: {title}")


def _hazard(words: Language, hazard: HazardId, longest: Longest) -> Iterator[Finding]:
    own = words.hazards[hazard]
    yield from _each(words, f"{hazard}.end", own.end, need=("where",), marks=own.marks)
    yield from _fits(words, f"{hazard}.end", own.end, longest, own, limit=ONE_PART)
    limit = texts.CB_SHORT
    yield from _fits(words, f"{hazard}.end_brief", own.end_brief, longest, own, limit=limit)
    yield from _forbidden(words, f"{hazard}.end", [own.end_what, own.end_do, *own.end])
    for level in LEVELS:
        yield from _level(words, hazard, level, longest)


def _level(words: Language, hazard: HazardId, level: int, longest: Longest) -> Iterator[Finding]:
    own, at = words.hazards[hazard], words.hazards[hazard].at(level)
    ways = [*at.ways, *at.resort]
    place, fact = f"{hazard}.{level}", facts()[hazard]
    timed = not fact.until_told
    need = ("word", "where", *(("when|When", "source") if timed else ()))
    yield from _each(words, place, ways, need=need, marks=own.marks)
    yield from _each(words, f"{place} brief", at.brief, need=("word",), marks=own.marks)
    yield from _commands(words, place, [*ways, *at.brief], at)
    yield from _sources(words, place, [*ways, *at.brief])
    yield from _forbidden(words, place, [*ways, *at.brief, at.what, at.do])
    leaves = fact.leave is not None and level >= fact.leave
    yield from _leaving(words, hazard, place, at, leaves=leaves)
    helps = _shortest_help(words, hazard) if leaves else 0
    for limit in (ONE_PART, texts.PUSH_BODY, texts.CB_LONG):
        yield from _fits(words, place, ways, longest, own, limit=limit, help_=helps, level=level)
    limit = texts.CB_SHORT
    yield from _fits(words, f"{place} brief", at.brief, longest, own, limit=limit, level=level)


def _shortest_help(words: Language, hazard: HazardId) -> int:
    """The longest of the shortest things to say about help, with and without a point."""
    known = (
        VillageReach(),
        VillageReach(help=Help.COMING),
        VillageReach(help=Help.CLEARED),
        VillageReach(help=Help.ALONE, point="x" * 80),
    )
    said = [texts.help_ways(one, words.help_of(hazard))[-1] for one in known]
    return max(len(basic(text)) for text in said)


def _fits(
    words: Language,
    place: str,
    ways: Sequence[str],
    longest: Longest,
    hazard: HazardWords,
    *,
    limit: int,
    help_: int = 0,
    level: int = 0,
) -> Iterator[Finding]:
    """The last way with the longest shortest fillings; `level` 0: of no level, or of any."""
    sizes = {"name": len(hazard.name), "short": len(hazard.short), "help": help_}
    sizes["word"] = len(words.levels[level]) if level else max(map(len, words.levels.values()))
    staff = words.staff
    sizes |= {"tasks": max(map(len, (staff.tasks, staff.no_tasks, staff.stay)))}
    sizes |= {"stay": len(staff.stay) + 1}
    last = way(ways[-1])
    need = _leads(words, update=bool(level))
    need += last.fixed + sum(sizes[f] if f in sizes else longest.of(f) for f in last.fields)
    if need > limit:
        yield Finding(
            words.code, place, f"needs {need} of {limit} for the longest names: {ways[-1]}"
        )


def _each(
    words: Language,
    place: str,
    ways: Sequence[str],
    *,
    need: Sequence[str],
    marks: Sequence[str] = (),
) -> Iterator[Finding]:
    """Plain characters, known fields, and the parts that no way may be without."""
    for text in ways:
        literal = _TAGS.sub("", text)
        if strange := sorted({c for c in literal if c not in BASIC or not c.isascii()}):
            yield Finding(words.code, place, f"not plain GSM-7 {strange}: {text}")
        if (
            "  " in text
            or text != text.strip()
            or any(f" {{{f}}}" in text for f in ("help", "arrival", "stay"))
        ):
            yield Finding(words.code, place, f"stray spaces: {text}")
        fields = set(_TAGS.findall(text))
        for part in need:
            if not fields & set(part.split("|")):
                yield Finding(words.code, place, f"does not say {part}: {text}")
        if marks and not any(mark.lower() in text.lower() for mark in marks):
            yield Finding(words.code, place, f"names none of {list(marks)}: {text}")


def _commands(
    words: Language, place: str, ways: Sequence[str], at: LevelWords
) -> Iterator[Finding]:
    for text in ways:
        if not any(command in text for command in at.command):
            yield Finding(words.code, place, f"no command of {list(at.command)}: {text}")


def _sources(words: Language, place: str, ways: Sequence[str]) -> Iterator[Finding]:
    for text in ways:
        if "{source}" not in text and "BMKG" not in text:
            yield Finding(words.code, place, f"names no source: {text}")


def _leaving(
    words: Language, hazard: HazardId, place: str, at: LevelWords, *, leaves: bool
) -> Iterator[Finding]:
    """Where people must leave, the command is before time, help and source; help is said."""
    for text in (*at.ways, *at.resort) if leaves else ():
        where = min((text.find(c) for c in at.command if c in text), default=-1)
        behind = [text.find(f"{{{f}}}") for f in ("when", "When", "help", "arrival", "source")]
        if where < 0 or any(0 <= position < where for position in behind):
            yield Finding(words.code, place, f"the command does not come first: {text}")
        if "{help}" not in text:
            yield Finding(words.code, place, f"says nothing of help: {text}")
    if hazard is HazardId.TSUNAMI and words.help_of(hazard).coming:
        yield Finding(words.code, place, "promises help in a tsunami zone; nobody enters it")


def _forbidden(words: Language, place: str, said: Sequence[str]) -> Iterator[Finding]:
    for text in said:
        for word in words.forbidden:
            if word.lower() in text.lower():
                yield Finding(words.code, place, f"forbidden word {word!r}: {text}")


def main() -> int:
    """Lint the words against the layer set of the settings; 1 where something is wrong."""
    from notify.wording.verdict import judge

    verdict = judge()
    for finding in verdict.findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{verdict.summary}\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
