"""Names of fields that a document has: those its reader knows, and those it does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingest.payload import one_line

MAX_NAMES = 60
"""Unknown names kept of one document; more of them show no more."""


def field_names(
    seen: Iterable[str], known: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(known, unknown) names in alphabetical order, each once; unknown ones fit for a log line."""
    names = set(seen)
    strange = sorted({one_line(name, 60) for name in names - known if name})
    return tuple(sorted(names & known)), tuple(strange[:MAX_NAMES])


def names_of(rows: Iterable[Any], prefix: str = "") -> set[str]:
    """Names of the fields of all rows, with `prefix` before them."""
    return {f"{prefix}{key}" for row in rows if isinstance(row, Mapping) for key in row}
