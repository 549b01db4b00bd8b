"""Keep what the feeds gave over a stretch of time as a scenario folder, from log and archive.

Each step is one instant at which an address gave other bytes than before, or failed otherwise
than before. The bytes are those that came; only their timing is rounded, to the second.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from ingest.known import read_payload
from ingest.read.payload import is_html, one_line
from ingest.registry import SOURCES
from ingest.visit import IngestContext
from kentongan.db import feed_log
from kentongan.errors import DataError, SettingsError
from kentongan.settings import Settings
from kentongan.times import iso, parse_instant

OPENING = timedelta(seconds=90)
"""The watcher asks every warning feed within a minute."""
PAYLOADS = "payloads"
NOT_ASKED = "not asked"
"""In the detail of a row that says nothing about the feed: we did not ask."""


@dataclass(frozen=True)
class Recording:
    """What was written."""

    folder: Path
    steps: int
    payloads: int
    size: int
    """Bytes of all payloads."""
    left_out: tuple[str, ...] = ()
    """One line for each thing that a scenario cannot hold."""


@dataclass(frozen=True)
class Change:
    """One address that gives something else from `at` on."""

    at: str
    source_id: str
    path: str
    sha256: str | None
    """None: it fails with `status`, 0 = no answer."""
    status: int


@dataclass
class _Step:
    serve: dict[str, str] = field(default_factory=dict)
    fail: dict[str, int] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)


def recordable(settings: Settings, sources: Sequence[str]) -> tuple[list[str], list[str]]:
    """Sources that a feed server can play, and why the others cannot be."""
    good: list[str] = []
    bad: list[str] = []
    for source_id in sources:
        base = SOURCES[source_id].info.base
        address = str(getattr(settings, base))
        is_served = base.startswith("bmkg_") and address.startswith(("http://", "https://"))
        (good if is_served else bad).append(source_id)
    return good, [f"{source_id}: read from a folder or another host" for source_id in bad]


def record(
    context: IngestContext, folder: Path, sources: Sequence[str], *, start: datetime, end: datetime
) -> Recording:
    """Write `scenario.toml` and payloads of all that was polled from `start` to `end`.

    Raises:
        SettingsError: the folder holds something else, or nothing was polled in that time.
    """
    require_own(folder)
    wanted, left_out = recordable(context.settings, sources)
    with context.engine.connect() as connection:
        found = _together(list(_changes(connection, context.settings, wanted, start, end)))
        steps, names = _steps(connection, context, folder, found, left_out)
    if not steps:
        raise SettingsError(
            f"no poll of {', '.join(wanted) or 'any of these sources'} from {iso(start)} to "
            f"{iso(end)} is in the log; choose another time, or record live with --for"
        )
    text = _toml(steps, wanted, start, end)
    temporary = folder / "scenario.toml.part"
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(folder / "scenario.toml")
    size = sum((folder / name).stat().st_size for name in set(names))
    return Recording(folder, len(steps), len(set(names)), size, tuple(dict.fromkeys(left_out)))


def require_own(folder: Path) -> None:
    """Raises:
    SettingsError: the folder is neither new, nor empty, nor an earlier recording.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    toml = folder / "scenario.toml"
    if toml.is_file() and "\nrecorded = true\n" in toml.read_text(encoding="utf-8"):
        return
    raise SettingsError(f"{folder}: not empty and no recording; choose another folder")


def _changes(
    connection: Connection,
    settings: Settings,
    sources: Sequence[str],
    start: datetime,
    end: datetime,
) -> Iterator[Change]:
    """Rows that differ from what their address gave before, in order."""
    rows = connection.execute(
        select(feed_log)
        .where(
            feed_log.c.source_id.in_(list(sources)),
            feed_log.c.polled_at >= iso(start),
            feed_log.c.polled_at <= iso(end),
        )
        .order_by(feed_log.c.polled_at, feed_log.c.id)
    )
    shown: dict[str, tuple[str | None, int]] = {}
    for row in rows:
        base = str(getattr(settings, SOURCES[row.source_id].info.base)).rstrip("/")
        gives = _given(row)
        path = row.url.removeprefix(base)
        if gives is None or path == row.url or not path.startswith("/"):
            continue
        if shown.get(path) != gives:
            shown[path] = gives
            yield Change(row.polled_at, row.source_id, path, *gives)


def _together(changes: list[Change]) -> list[Change]:
    """The first look at each address, within `OPENING`, as one step: what stood there when the
    recording began. Polls of different feeds are seconds apart."""
    if not changes:
        return []
    latest = iso(parse_instant(changes[0].at) + OPENING)
    seen: set[str] = set()
    begun = changes[0].at
    for change in changes:
        if change.path not in seen and change.at <= latest:
            begun = change.at
        seen.add(change.path)
    return [replace(change, at=max(change.at, begun)) for change in changes]


def _given(row: Any) -> tuple[str | None, int] | None:
    """Bytes or status of one poll; None where it says nothing about the feed."""
    if row.sha256 is not None and row.http_status in (None, 200, 304):
        return row.sha256, 200
    if row.http_status is not None:
        return None, row.http_status
    return None if NOT_ASKED in row.detail else (None, 0)


def _steps(
    connection: Connection,
    context: IngestContext,
    folder: Path,
    changes: Iterable[Change],
    left_out: list[str],
) -> tuple[dict[str, _Step], list[str]]:
    """Steps by instant, and the names of the payloads, which are written on the way."""
    steps: dict[str, _Step] = {}
    names: list[str] = []
    for change in changes:
        step = steps.setdefault(change.at, _Step())
        if change.source_id not in step.sources:
            step.sources.append(change.source_id)
        if change.sha256 is None:
            step.fail[change.path] = change.status
            step.serve.pop(change.path, None)
            continue
        try:
            name = _payload(connection, context, folder, change)
        except (DataError, OSError) as error:
            left_out.append(f"{change.path} at {change.at}: {one_line(error, 120)}")
            continue
        step.serve[change.path] = name
        step.fail.pop(change.path, None)
        names.append(name)
    return {at: step for at, step in steps.items() if step.serve or step.fail}, names


def _payload(connection: Connection, context: IngestContext, folder: Path, change: Change) -> str:
    """Name of the file with these bytes, below the folder; the same bytes are one file."""
    digest = str(change.sha256)
    for found in (folder / PAYLOADS).glob(f"{digest[:16]}.*"):
        return f"{PAYLOADS}/{found.name}"
    body = read_payload(connection, context.archive, change.source_id, digest)
    name = f"{PAYLOADS}/{digest[:16]}{_suffix(body, change.path)}"
    (folder / PAYLOADS).mkdir(parents=True, exist_ok=True)
    temporary = folder / f"{name}.part"
    temporary.write_bytes(body)
    temporary.replace(folder / name)
    return name


def _suffix(body: bytes, path: str) -> str:
    """By content: a block page stands where JSON should."""
    if is_html(body):
        return ".html"
    head = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith((b"{", b"[")):
        return ".json"
    if head.startswith(b"<"):
        return ".xml"
    return ".png" if body.startswith(b"\x89PNG") else Path(path.partition("?")[0]).suffix or ".bin"


def _toml(steps: dict[str, _Step], sources: Sequence[str], start: datetime, end: datetime) -> str:
    used = [s for s in sources if any(s in step.sources for step in steps.values())]
    title = f"Rekaman feed {iso(start)} sampai {iso(end)}"
    note = "Rekaman asli dari feed BMKG, bukan reka ulang buatan; diputar ulang tanpa peringatan"
    lines = [
        f"title = {_text(title)}",
        f"note = {_text(note)}",
        "# Whatever is played again is treated as a re-creation: it can never warn anybody.",
        "re_creation = true",
        "recorded = true",
        f"sources = [{', '.join(_text(source) for source in used)}]",
    ]
    for at, step in steps.items():
        told = ", ".join(step.sources)
        changed = len(step.serve) + len(step.fail)
        lines += ["", "[[step]]", f"at = {iso(parse_instant(at))}"]
        lines += [f"note = {_text(f'{told}: {changed} alamat berubah')}"]
        lines += _table("serve", {path: _text(name) for path, name in step.serve.items()})
        lines += _table("fail", {path: str(status) for path, status in step.fail.items()})
    return "\n".join(lines) + "\n"


def _table(name: str, values: dict[str, str]) -> list[str]:
    if not values:
        return []
    pairs = ", ".join(f"{_text(key)} = {value}" for key, value in values.items())
    return [f"{name} = {{ {pairs} }}"]


def _text(value: str) -> str:
    """A TOML basic string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
