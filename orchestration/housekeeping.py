"""What is done every night: thin the archive by policy, then prove that the rest is whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from kentongan.errors import DataError
from kentongan.settings import Settings, data_dir
from kentongan.times import parse_instant
from orchestration.context import open_ingest

ACTOR = "housekeeping"


def thin_archive(at: str) -> dict[str, Any]:
    """Delete the bytes that the retention policy gives up; what was deleted, by source.

    Raises:
        SettingsError: the policy is wrong.
        KentonganError: a feed is being polled just now.
    """
    return thin_at(Settings(), parse_instant(at))


def thin_at(settings: Settings, at: datetime) -> dict[str, Any]:
    from ingest.registry import SOURCES
    from ingest.thinning import Thinning, sweep, thin
    from ingest.thinning_rows import thin_rows
    from kentongan.retention import load_retention

    rules = load_retention(data_dir() / "policy" / "retention.toml")
    with open_ingest(settings) as ingest:
        run = Thinning(ingest.engine, ingest.archive, rules, at, ACTOR)
        done = thin(run, known_sources=tuple(SOURCES))
        rows = thin_rows(ingest.engine, rules, at, ACTOR)
        leftovers = sweep(ingest.engine, ingest.archive, at=at)
    return {
        "documents": {one.source_id: one.documents for one in done},
        "bytes": sum(one.size for one in done),
        "rows": rows.total,
        "leftovers": leftovers,
    }


def verify_archive(settings: Settings | None = None) -> dict[str, Any]:
    """Read every archived document.

    Raises:
        DataError: a document was changed, is missing, or is none of ours.
    """
    from ingest.archive_check import check_archive

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
