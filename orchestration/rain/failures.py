"""Frames that could not be used: tried a few times, then left alone.

To open a frame takes a second and a process of its own. Eighteen broken ones, opened again in each
cycle, would hold every warning back; but one that failed on a busy machine deserves another try.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from kentongan.store import Store, sha256_hex
from kentongan.times import iso, parse_instant

TRIES = 3
KEPT = timedelta(hours=8)
"""Longer than any step looks back."""
_PATH = "rain/failed.json"


def given_up(store: Store, time: datetime, sha256: Sequence[str]) -> str | None:
    """Why these files are not opened any more; None: they may be."""
    count, words = _known(store).get(_key(time, sha256), (0, ""))
    return words if count >= TRIES else None


def note_failure(store: Store, time: datetime, sha256: Sequence[str], words: str) -> None:
    """Count one more failure of these files; what is long past is forgotten."""
    known, key = _known(store), _key(time, sha256)
    known[key] = known.get(key, (0, ""))[0] + 1, words
    kept = {k: v for k, v in known.items() if abs(_time_of(k) - time) <= KEPT}
    store.write(_PATH, json.dumps(kept, sort_keys=True).encode())


def _key(time: datetime, sha256: Sequence[str]) -> str:
    return f"{iso(time)} {sha256_hex(' '.join(sorted(sha256)).encode())[:16]}"


def _time_of(key: str) -> datetime:
    return parse_instant(key.partition(" ")[0])


def _known(store: Store) -> dict[str, tuple[int, str]]:
    if not store.exists(_PATH):
        return {}
    try:
        found = json.loads(store.read(_PATH))
        return {k: (int(n), str(words)) for k, (n, words) in found.items() if _time_of(k)}
    except (ValueError, TypeError, AttributeError):
        # Damaged: every frame is tried again, which costs time and nothing else.
        return {}
