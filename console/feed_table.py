"""The table of feeds for the terminal: what is known, how old, what are we blind to since when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console import words
from console.columns import table
from console.report import plain_age, plain_time
from console.warning_lines import jsonable
from kentongan.times import ZONES, iso, local_clock
from kentongan.view import FeedLine

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from ingest.keep.census import Drift
    from kentongan.settings import Settings
    from orchestration.heartbeat import Beat

HEAD = ("", "source", "state", "newest content", "next due", "blind since", "detail")
DETAIL_WIDTH = 70
WIB = 7


@dataclass(frozen=True)
class Overview:
    """What the table is made of, at one instant."""

    at: datetime
    feeds: tuple[FeedLine, ...]
    beats: tuple[Beat, ...]
    quarantine: Mapping[str, int]
    """Source → entries that wait for a person."""


def overview(engine: Engine, at: datetime, settings: Settings) -> Overview:
    from ingest.keep.quarantine import open_counts
    from orchestration.heartbeat import beats
    from orchestration.view import feed_lines

    lines = feed_lines(engine, at, settings)
    with engine.connect() as connection:
        return Overview(at, lines, beats(engine), open_counts(connection))


def feeds_document(seen: Overview) -> dict[str, Any]:
    return {
        "at": iso(seen.at),
        "feeds": [jsonable(line) for line in seen.feeds],
        "heartbeats": [jsonable(beat) for beat in seen.beats],
        "quarantine": dict(seen.quarantine),
    }


def feeds_report(seen: Overview) -> str:
    """What we are blind to first, then every source, then what stands behind."""
    used = [line for line in seen.feeds if line.state != words.UNUSED]
    unused = [line for line in seen.feeds if line.state == words.UNUSED]
    rows = [row for line in used for row in _rows(line, seen.at)]
    parts = [
        "\n".join(_summary(seen.at, used)),
        table(HEAD, rows),
        "\n".join(_behind(seen, unused)),
    ]
    return "\n\n".join(part for part in parts if part)


def _summary(at: datetime, used: Sequence[FeedLine]) -> Iterator[str]:
    blind = [line for line in used if words.in_trouble(line)]
    count = f"{len(used) - len(blind)} of {len(used)} feeds tell what they should"
    yield f"Feeds, {plain_time(at)} ({iso(at)}): {count}"
    for line in blind:
        yield f"  ! {line.source_id}: {_trouble(line, at)}"
    if blind:
        yield "  What rests on a blind feed is not ended by it; not known is never safe."


def _trouble(line: FeedLine, at: datetime) -> str:
    state = words.english(words.FEED_STATES, line.state)
    if line.state in words.SEEING:
        told = "; ".join(
            f"{words.file_of(part)} {part.state}, BLIND since {_since(part.blind_since, at)}"
            for part in words.blind_parts(line)
        )
        return f"partly blind: {told}"
    return f"{state}" + (
        f", BLIND since {_since(line.blind_since, at)}" if line.blind_since else ""
    )


def _since(value: datetime | None, at: datetime) -> str:
    return f"{_clock(value, at)} ({plain_age(value, at)})" if value else "-"


def _rows(line: FeedLine, at: datetime) -> Iterator[tuple[str, ...]]:
    blind = line.blind_since is not None or line.state not in words.SEEING
    mark = "!" if blind else "~" if words.in_trouble(line) else ""
    name = line.source_id if line.tier == "warning" else f"{line.source_id} (support)"
    odd = words.odd_parts(line)
    said = "see below" if odd and line.state in words.SEEING else line.detail
    yield (
        mark,
        name,
        line.state,
        _content(line.newest, at),
        _due(line, at),
        _clock(line.blind_since, at),
        words.shortened(said, DETAIL_WIDTH),
    )
    for part in odd:
        detail = words.shortened(part.detail.removeprefix(f"{part.name}: "), DETAIL_WIDTH)
        content, since = _content(part.newest, at), _clock(part.blind_since, at)
        yield ("!", f"  - {words.file_of(part)}", part.state, content, "", since, detail)


def _content(newest: datetime | None, at: datetime) -> str:
    return f"{_clock(newest, at)} ({plain_age(newest, at)})" if newest else "-"


def _due(line: FeedLine, at: datetime) -> str:
    if line.due_at is None:
        return "any time" if line.last_poll else ""
    over = f" (over by {plain_age(line.due_at, at)})" if line.due_at < at else ""
    return f"{_clock(line.due_at, at)}{over}"


def _clock(value: datetime | None, at: datetime) -> str:
    """`14.35 WIB` today, `2026-09-23 14.35 WIB` on another day."""
    if value is None:
        return ""
    zone = ZONES[WIB]
    same = value.astimezone(zone).date() == at.astimezone(zone).date()
    return local_clock(value, WIB) if same else plain_time(value)


def _behind(seen: Overview, unused: Sequence[FeedLine]) -> Iterator[str]:
    if unused:
        listed = ", ".join(f"{line.source_id} ({line.detail})" for line in unused)
        yield f"Not configured, nothing expected: {listed}"
    if seen.quarantine:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(seen.quarantine.items()))
        yield f"In quarantine: {counts}; see: kentongan quarantine list"
    if seen.beats:
        told = ", ".join(f"{b.name} {_ago(b.at, seen.at)}" for b in seen.beats)
        yield f"Heartbeats: {told}"
    else:
        yield "Heartbeats: none; nothing polls or sends on this home"


def _ago(value: datetime, at: datetime) -> str:
    seconds = int((at - value).total_seconds())
    return f"{seconds} s ago" if 0 <= seconds < 120 else f"{plain_age(value, at)} ago"


# --- drift -------------------------------------------------------------------------------


def drift_document(found: Sequence[Drift], at: datetime) -> dict[str, Any]:
    return {"at": iso(at), "fields": [jsonable(line) for line in found]}


def drift_report(found: Sequence[Drift], known: Mapping[str, int]) -> str:
    counted = ", ".join(f"{source} {number}" for source, number in known.items())
    end = f"Fields counted: {counted}" if counted else "No document has been counted yet"
    if not found:
        return f"No field is unknown, none has gone.\n{end}"
    head = ("source", "document", "field", "is", "first seen", "last seen", "documents")
    rows = [
        (
            line.source_id,
            line.document,
            line.field,
            line.kind,
            plain_time(line.first_at),
            plain_time(line.last_at),
            line.seen,
        )
        for line in found
    ]
    return f"{table(head, rows, right=(6,))}\n{end}"
