"""What is done every night: thin the archive by policy, forget people who left, then prove that the
rest is whole."""

from __future__ import annotations

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kentongan.errors import DataError
from kentongan.settings import Settings, data_dir
from kentongan.times import parse_instant
from orchestration.context import open_ingest

ACTOR = "housekeeping"
MADE_AGAIN_AFTER = timedelta(days=7)
"""Maps and tables of single cycles are drawn from what is kept; after a week nobody opens them."""
_MADE = ("maps/situation-*.html", "runs/cycles/*")
_STAMP = re.compile(r"(\d{8}T\d{6})Z")


def thin_archive(at: str) -> dict[str, Any]:
    """Delete the bytes that the retention policy gives up; what was deleted, by source.

    Raises:
        SettingsError: the policy is wrong.
        KentonganError: a feed is being polled just now.
    """
    return thin_at(Settings(), parse_instant(at))


def thin_at(settings: Settings, at: datetime) -> dict[str, Any]:
    from ingest.keep.thinning import Thinning, sweep, thin
    from ingest.keep.thinning_rows import thin_rows
    from ingest.registry import SOURCES
    from kentongan.retention import load_retention
    from notify.registry.keeping import forget
    from notify.registry.policy import registry_policy

    rules = load_retention(data_dir() / "policy" / "retention.toml")
    with open_ingest(settings) as ingest:
        run = Thinning(ingest.engine, ingest.archive, rules, at, ACTOR)
        done = thin(run, known_sources=tuple(SOURCES))
        rows = thin_rows(ingest.engine, rules, at, ACTOR)
        leftovers = sweep(ingest.engine, ingest.archive, at=at)
        forgotten = forget(ingest.engine, registry_policy(), at=at, actor=ACTOR)
    return {
        "documents": {one.source_id: one.documents for one in done},
        "bytes": sum(one.size for one in done),
        "rows": rows.total,
        "leftovers": leftovers,
        "registry": forgotten.total,
        "made_again": sweep_made(settings.home, at),
    }


def sweep_made(home: Path, at: datetime) -> int:
    """Delete maps and tables of single cycles older than `MADE_AGAIN_AFTER`, but never the newest.

    Returns how many were deleted.
    """
    gone = 0
    for pattern in _MADE:
        dated = sorted((_stamp(path), path) for path in home.glob(pattern) if _stamp(path))
        for stamp, path in dated[:-1]:
            if parse_instant(stamp) < at - MADE_AGAIN_AFTER:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
                gone += 1
    return gone


def _stamp(path: Path) -> str:
    """The instant in a file's name, ISO 8601; empty if it has none."""
    found = _STAMP.search(path.name)
    return (
        f"{datetime.strptime(found[1] + '+0000', '%Y%m%dT%H%M%S%z').isoformat()}" if found else ""
    )


def verify_archive(settings: Settings | None = None) -> dict[str, Any]:
    """Read every archived document.

    Raises:
        DataError: a document was changed, is missing, or is none of ours.
    """
    from ingest.keep.archive_check import check_archive

    with open_ingest(settings or Settings()) as ingest:
        found = check_archive(ingest.engine, ingest.archive)
    counts = {
        "changed": found.changed.count,
        "missing": found.missing.count,
        "foreign": found.foreign.count,
    }
    if not found.holds:
        told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
        raise DataError(
            f"archive: {told} of {found.files} documents; run: kentongan archive verify, and "
            "restore them from a backup"
        )
    return {"files": found.files, "bytes": found.size, **counts}
