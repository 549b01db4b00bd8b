"""The public folder: alerts and their lists as plain files, so that any web server gives them
while everything else is down.

`public/cap/` holds Actual alerts and nothing else; exercises and tests stand apart, under a
title that says so. Alert files are written once and stay after their end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, Select, select

from kentongan.db import alerts, warnings
from kentongan.errors import DataError
from kentongan.store import Store, sha256_hex
from kentongan.times import iso
from kentongan.types import Mode
from notify.cap.feeds import (
    ALIVE,
    ATOM,
    INDEX,
    RSS,
    Entry,
    Place,
    Summary,
    atom,
    changed_at,
    index,
    rss,
    summary,
)
from notify.cap.files import FOLDER

ACTUAL, EXERCISE = "public", "public-exercise"
LOOKED_BACK = timedelta(days=7)
"""How long after its end a missing alert file is still put back by a cycle, unasked."""
INDEXED = 1_000
"""Newest alerts in `index.json`; older ones keep their files."""
_TITLES = {
    ACTUAL: ("Peringatan Kentongan", "Peringatan yang berlaku, CAP 1.2. Sumber data: BMKG."),
    EXERCISE: (
        "LATIHAN – bukan keadaan nyata (EXERCISE)",
        "LATIHAN dan TES. Tidak satu pun dari pesan ini nyata. EXERCISE AND TEST ONLY.",
    ),
}


@dataclass
class Refreshed:
    """What a look at the public folders did."""

    written: list[str] = field(default_factory=list)
    in_force: dict[str, int] = field(default_factory=dict)
    """Alerts in the lists, by folder."""
    troubles: list[str] = field(default_factory=list)
    """Alerts that are not public, or not as they were released: a person must look."""


def place_of(root: str, public_url: str) -> Place:
    title, subtitle = _TITLES[root]
    folder = FOLDER if root == ACTUAL else f"{FOLDER}-exercise"
    return Place(f"{public_url.rstrip('/')}/{folder}", title, subtitle)


def root_of(status: str) -> str:
    return ACTUAL if status == "Actual" else EXERCISE


def _with_status() -> Select[Any]:
    same = (warnings.c.warning_id == alerts.c.warning_id) & (warnings.c.version == alerts.c.version)
    return select(alerts, warnings.c.cap_status).join(warnings, same)


def released(engine: Engine, identifier: str) -> Entry | None:
    """One alert by its identifier, whatever its status; nothing is said of its being in force."""
    with engine.connect() as connection:
        query = _with_status().where(alerts.c.identifier == identifier)
        row = connection.execute(query).mappings().first()
    return _entry(dict(row), dict(row), datetime.max.replace(tzinfo=UTC)) if row else None


def entries(engine: Engine, at: datetime, *, whole: bool = False) -> dict[str, list[Entry]]:
    """Folder → its alerts, newest first: those of the index and all of late, or with `whole` all
    there are."""
    columns = warnings.c
    query = _with_status().order_by(columns.created_at.desc())
    parts = [query] if whole else [
        query.limit(INDEXED), query.where(columns.expires >= iso(at - LOOKED_BACK)),
    ]  # fmt: skip
    with engine.connect() as connection:
        found_rows = [row for part in parts for row in connection.execute(part).mappings()]
    rows = list({row["identifier"]: dict(row) for row in found_rows}.values())
    newest = {row["warning_id"]: row for row in sorted(rows, key=lambda r: int(r["version"]))}
    found: dict[str, list[Entry]] = {ACTUAL: [], EXERCISE: []}
    for row in rows:
        found[root_of(row["cap_status"])].append(_entry(row, newest[row["warning_id"]], at))
    for listed in found.values():
        listed.sort(key=lambda e: (-e.sent.timestamp(), e.identifier))
    return found


def _entry(row: dict[str, Any], newest: dict[str, Any], at: datetime) -> Entry:
    expires = datetime.fromisoformat(row["expires"])
    is_newest = newest["identifier"] == row["identifier"]
    return Entry(
        identifier=row["identifier"],
        warning_id=row["warning_id"],
        version=row["version"],
        sender=row["sender"],
        status=row["cap_status"],
        sent=datetime.fromisoformat(row["sent"]),
        expires=expires,
        path=row["path"],
        sha256=row["sha256"],
        in_force=is_newest and expires > at,
        superseded_by=None if is_newest else newest["identifier"],
    )


def refresh(
    engine: Engine, store: Store, *, at: datetime, mode: Mode, public_url: str, whole: bool = False
) -> Refreshed:
    """Bring the folders up to what the database holds at `at`; files that are right stay.

    Args:
        whole: look at every alert ever released, byte for byte, not only at those of late.
    """
    done = Refreshed()
    for root, listed in entries(engine, at, whole=whole).items():
        own = ACTUAL if mode is Mode.ACTUAL else EXERCISE
        if root == own or listed:
            _refresh(store, root, listed, done, at=at, public_url=public_url, whole=whole)
    return done


def _refresh(
    store: Store,
    root: str,
    listed: list[Entry],
    done: Refreshed,
    *,
    at: datetime,
    public_url: str,
    whole: bool,
) -> None:
    """Alert files first: a list never names a file that is not there yet."""
    public = [e for e in listed if _is_public(store, root, e, done, at=at, whole=whole)]
    for name, data in documents(store, root, public, at=at, public_url=public_url).items():
        _write(store, f"{root}/{FOLDER}/{name}", data, done)
    in_force = sum(e.in_force for e in public)
    alive = f'{{"at": "{iso(at)}", "alerts_in_force": {in_force}}}\n'
    store.write(f"{root}/{FOLDER}/{ALIVE}", alive.encode())
    done.in_force[f"{root}/{FOLDER}"] = in_force


def documents(
    store: Store, root: str, listed: Sequence[Entry], *, at: datetime, public_url: str
) -> dict[str, bytes]:
    """Name → bytes of the lists of one folder."""
    place = place_of(root, public_url)
    changed = changed_at(listed, at)
    told = [(e, _told(store, e)) for e in listed if e.in_force]
    return {
        ATOM: atom(told, place, changed=changed),
        RSS: rss(told, place, changed=changed),
        INDEX: index(listed[:INDEXED], place, changed=changed),
    }


def _told(store: Store, entry: Entry) -> Summary:
    """What a list says of an alert. One that cannot be read is listed by its name: it holds."""
    try:
        return _summary(store, entry.path, entry.sha256)
    except (DataError, OSError):
        return Summary(entry.identifier, "", "", "", "", "", (), ())


@lru_cache(maxsize=512)
def _summary(store: Store, path: str, _sha256: str) -> Summary:
    return summary(store.read(path))


def _is_public(
    store: Store, root: str, entry: Entry, done: Refreshed, *, at: datetime, whole: bool
) -> bool:
    """Whether the alert's file stands in the folder now, as it was released."""
    target = f"{root}/{FOLDER}/{entry.identifier}.xml"
    if not whole and entry.expires < at - LOOKED_BACK:
        return True
    is_there = store.exists(target)
    if is_there and not whole:
        return True
    try:
        data = released_bytes(store, entry.path, entry.sha256)
    except (DataError, OSError) as error:
        done.troubles.append(f"{entry.identifier}: not published: {error}")
        return False
    if not is_there:
        store.write(target, data, read_only=True)
        done.written.append(target)
    elif store.read(target) != data:
        done.troubles.append(
            f"{target}: holds other bytes than were released; it was not overwritten. Find out "
            "who changed it, move it away, then run: kentongan cap publish"
        )
        return False
    return True


def released_bytes(store: Store, path: str, sha256: str) -> bytes:
    """The document as it was released.

    Raises:
        DataError: a byte was changed.
        OSError: it is not there.
    """
    data = store.read(path)
    if sha256_hex(data) != sha256:
        raise DataError(f"{path}: was changed after its release; restore it from a backup")
    return data


def _write(store: Store, path: str, data: bytes, done: Refreshed) -> None:
    """Only what differs: whoever asks again is told that nothing changed."""
    if store.exists(path) and store.read(path) == data:
        return
    store.write(path, data)
    done.written.append(path)
