"""What must be true of whatever a reader makes of whatever bytes.

1.  Nothing but a `SourceError` comes out, in one line.
2.  A record survives storage, its key is short, its times are aware and possible.
3.  Bytes that are no document never read as `empty`, and never as less danger.
4.  A document that reads as `empty` holds nothing of what the original warned of.
5.  Less or later danger is said: by a rejected item, a note, an unknown field, or by a field of
    the document's own that was really changed and that speaks of danger, or of a drill.
6.  What moved under an unknown name is not dropped without a word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from ingest.source import Reading
from kentongan.drills import is_drill, is_re_creation
from kentongan.errors import SourceError
from kentongan.records import Record, record_from_json
from tests.fuzz.dangers import Dangers, dangers, lost
from tests.fuzz.trees import Leaf, is_tolerated, leaves, things

MAX_KEY, MAX_LINE = 200, 1_000
_YEARS = range(1900, 2201)
HARMLESS = frozenset(
    (
        *("wilayah", "wilayah1", "wilayah2", "wilayah3", "wilayah4", "wilayah5", "shakemap"),
        *("area", "description", "instruction", "instruction1", "instruction2", "instruction3"),
        *("wzmap", "ttmap", "sshmap", "sender", "source", "msgtype_", "code", "event"),
        *("category", "urgency", "severity", "certainty", "eventcode", "web", "contact"),
        *("author", "copyright", "generator", "ttl", "sendername", "areadesc", "valuename"),
        *("time_index", "image", "utc_datetime", "local_datetime", "weather_desc_en", "wd_to"),
        *("provinsi", "kotkab", "kecamatan", "desa", "timezone", "vs", "vs_text", "wd", "adm1"),
        *("adm2", "adm3", "url", "tile", "headline"),
    )
)
"""Fields that say nothing of where, when or how strong: a change there loses no danger. The
description of a nowcast does speak (districts, end): see `speaks`."""
_SPOKEN = {("alert", "info", "description"), ("rss", "channel", "item", "description")}
_WHOLE = frozenset(
    (
        "identifier",
        "sent",
        "status",
        "scope",
        "msgtype",
        "code",
        "lastbuilddate",
        "pubdate",
        "title",
        "link",
    )
)
"""Fields that stand for a document, not for one thing in it."""


@dataclass(frozen=True)
class Original:
    """What a sound document says, for comparison."""

    form: str
    dangers: Dangers
    leaves: Counter[Leaf]
    things: Counter[frozenset[Leaf]]


@dataclass(frozen=True)
class Verdict:
    outcome: str
    faults: tuple[str, ...] = ()


def original(payload: bytes, form: str, found: Dangers) -> Original:
    if form not in ("json", "xml"):
        return Original(form, found, Counter(), Counter())
    own = leaves(payload, form)
    if own is None:
        raise ValueError("a seed that strict parsers refuse")
    return Original(form, found, Counter(own), things(payload, form))


def run(act: Callable[[], Any]) -> tuple[Any, str, tuple[str, ...]]:
    """(result, refusal, faults) of one call."""
    try:
        return act(), "", ()
    except SourceError as error:
        return None, type(error).__name__, tuple(_line_faults([str(error)]))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return None, "crash", (f"crash {type(error).__name__}: {str(error)[:200]}",)


def judge(base: Original, payload: bytes, reading: Reading, found: Dangers) -> Verdict:
    """The verdict on a reading of a mutant; `found` are its dangers."""
    faults = [*_line_faults([*reading.rejected, *reading.notes])]
    for record in reading.records:
        faults += _record_faults(record)
    faults += _shape_faults(reading)
    if base.form in ("json", "xml"):
        faults += _loss_faults(base, payload, reading, found)
    return Verdict(outcome_of(reading), tuple(faults[:5]))


def outcome_of(reading: Reading) -> str:
    if reading.empty:
        return "empty"
    if reading.rejected:
        return "partly" if reading.records else "quarantined"
    return "read"


def _line_faults(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if len(line) > MAX_LINE or not line.isprintable():
            yield f"line of {len(line)} characters, or not printable: {line[:80]!r}"


def _shape_faults(reading: Reading) -> Iterator[str]:
    if reading.empty and (reading.records or reading.rejected):
        yield "empty, and yet with items"
    if not (reading.empty or reading.records or reading.rejected):
        yield "neither a record, nor a rejected item, nor empty"
    said: dict[str, set[frozenset[Any]]] = {}
    for record in reading.records:
        said.setdefault(record.key, set()).add(frozenset(dangers([record]).items()))
    if twice := [key for key, dangers_of_one in said.items() if len(dangers_of_one) > 1]:
        yield f"records of different danger under one key, only one is kept: {twice[0][:120]}"


def _record_faults(record: Record) -> Iterator[str]:
    if not 0 < len(record.key) <= MAX_KEY or not record.key.isprintable():
        yield f"key of {len(record.key)} characters: {record.key[:60]!r}"
    try:
        if record_from_json(record.model_dump_json()) != record:
            yield f"{record.key[:60]}: changed by storage"
    except (ValueError, TypeError) as error:
        yield f"{record.key[:60]}: cannot be stored: {str(error)[:120]}"
    for name, value in _values(record):
        yield from _value_faults(name, value)


def _values(model: BaseModel) -> Iterator[tuple[str, Any]]:
    for name in type(model).model_fields:
        stack = [getattr(model, name)]
        while stack:
            value = stack.pop()
            if isinstance(value, BaseModel):
                yield from _values(value)
            elif isinstance(value, tuple | list):
                stack += list(value)
            else:
                yield name, value


def _value_faults(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, datetime) and (value.tzinfo is None or value.year not in _YEARS):
        yield f"{name}: impossible time {value}"
    if isinstance(value, float) and not math.isfinite(value):
        yield f"{name}: {value}"
    limit = {"latitude": 90, "longitude": 180, "magnitude": 12, "depth_km": 1_000}.get(name)
    if limit and isinstance(value, int | float) and abs(value) > limit:
        yield f"{name}: {value} is impossible"


def _loss_faults(base: Original, payload: bytes, reading: Reading, found: Dangers) -> Iterator[str]:
    gone = lost(base.dangers, found)
    own = leaves(payload, base.form)
    if own is None:
        tolerated = base.form == "xml" and is_tolerated(payload) and _said(reading)
        if reading.empty or (gone and reading.records and not tolerated):
            yield f"no document, yet read as {outcome_of(reading)} without {gone[:2]}"
        return
    now = Counter(own)
    if reading.empty:
        yield from _still_says(base, now)
    elif gone and not _said(reading) and not _exchanged(base, payload, now):
        yield from _unsaid(base, now, gone)


def _exchanged(base: Original, payload: bytes, now: Counter[Leaf]) -> bool:
    """Whether some values stand beside others, or figures in another order."""
    gone = _speaking_things(base.things) - _speaking_things(things(payload, base.form))
    return bool(gone) and (
        _speaking(now) == _speaking(base.leaves) or any(_is_list(thing) for thing in gone)
    )


def _speaking(found: Iterable[Leaf]) -> frozenset[Leaf]:
    """Descriptions count here: those of the nowcast speak of districts and ends."""
    return frozenset(leaf for leaf in found if speaks(leaf[0]) or leaf[0][-1] == "description")


def _speaking_things(found: Counter[frozenset[Leaf]]) -> Counter[frozenset[Leaf]]:
    speaking: Counter[frozenset[Leaf]] = Counter()
    for thing, count in found.items():
        speaking[_speaking(thing)] += count
    return speaking


def _is_list(thing: frozenset[Leaf]) -> bool:
    return any(names == ("",) for names, _ in thing)


def _said(reading: Reading) -> bool:
    return bool(reading.rejected or reading.notes or reading.unknown_fields or reading.area_unknown)


def _still_says(base: Original, now: Counter[Leaf]) -> Iterator[str]:
    """Values of the original that warn and are still there, under whatever name."""
    texts = {text for names, text in base.leaves if _of_an_item(names) and len(text) > 4}
    kept = sorted({text for _, text in now if text in texts})
    # One text alone may have strayed into a field of the document's head.
    if len(kept) > 1:
        yield f"empty, and yet it says {kept[:3]}"


def _of_an_item(names: tuple[str, ...]) -> bool:
    last = names[-1].lower() if names else ""
    return speaks(names) and last not in _WHOLE and len(names) > 1


def _many(names: tuple[str, ...], found: Counter[Leaf]) -> int:
    return sum(count for (own, _), count in found.items() if own == names)


def speaks(names: tuple[str, ...]) -> bool:
    """Whether a field may say that there is less danger."""
    return names in _SPOKEN or not names or names[-1].lower() not in HARMLESS


def _unsaid(base: Original, now: Counter[Leaf], gone: list[str]) -> Iterator[str]:
    removed = [leaf for leaf in base.leaves - now if speaks(leaf[0])]
    added = [leaf for leaf in now - base.leaves if speaks(leaf[0])]
    places = {names for names, _ in base.leaves}
    if any(is_drill(text) or is_re_creation(text) for _, text in now - base.leaves):
        return
    if not removed and not any(names in places for names, _ in added):
        yield f"lost {gone[:2]} though nothing that speaks was changed"
        return
    elsewhere = Counter(text for names, text in added if names not in places)
    for names, text in removed:
        if len(text) < 3 or not elsewhere[text] or _many(names, base.leaves) == _many(names, now):
            return
        elsewhere[text] -= 1
    if removed:
        yield f"lost {gone[:2]}: {removed[0]} moved to an unknown name, without a word"
