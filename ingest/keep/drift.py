"""Names of fields that a document has: those its reader knows, and those it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any

from ingest.read.payload import local_name, one_line

MAX_NAMES = 60
"""Unknown names kept of one document; more of them show no more."""


def field_names(
    seen: Iterable[str], known: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(known, unknown) names in alphabetical order, each once; unknown ones fit for a log line."""
    names = set(seen)
    strange = sorted({one_line(name, 60) or "(no name)" for name in names - known})
    return tuple(sorted(names & known)), tuple(strange[:MAX_NAMES])


def names_of(
    rows: Iterable[Any], prefix: str = "", *, nested: Collection[str] | None = None
) -> set[str]:
    """Names of the fields of all rows, with `prefix` before them.

    Args:
        nested: fields that may hold more than one value; None: all. Where another one does, it
            was not read, and a name of its own says so.
    """
    found: set[str] = set()
    for row in rows:
        if isinstance(row, Mapping):
            found.update(f"{prefix}{key}" for key in row)
            if nested is not None:
                found.update(
                    f"{prefix}{key} (nested)"
                    for key, value in row.items()
                    if isinstance(value, Mapping | list) and key not in nested
                )
    return found


def misplaced(
    root: Any, places: Mapping[str, Collection[str]], *, many: Collection[str]
) -> set[str]:
    """`parent.child` of known XML elements that stand where their reader does not look: in another
    parent, or a second time in theirs.

    Args:
        places: names of the children of each element that has some.
        many: names of elements that may stand more than once in a parent.
    """
    known = frozenset(chain(places, *places.values()))
    found: set[str] = set()
    for parent in root.iter():
        inside = local_name(parent)
        expected = places.get(inside, ())
        seen: set[str] = set()
        for child in parent:
            name = local_name(child)
            if name in known and name not in expected:
                found.add(f"{inside}.{name}")
            elif name in seen and name not in many:
                found.add(f"{inside}.{name} (again)")
            seen.add(name)
    return found
