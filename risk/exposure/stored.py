"""The operator as one file that is mapped into memory: opened in milliseconds, read where used.

A line of JSON (grid, scale, notes, and for each array its type, length and place), then the
arrays, each on a 64-byte border, little-endian. Whole numbers throughout, so the same
operator gives the same bytes.
"""

from __future__ import annotations

import json
import mmap
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from kentongan.grid import Grid
from risk.exposure.operator import ExposureOperator, Unassigned

MAGIC = "kentongan-operator-1"
_ALIGN = 64
_LONGEST_HEAD = 1 << 16
_KINDS = {
    "entries": "<i4",
    "cell": "<i4",
    "share": "<i4",
    "people": "<i4",
    "spread": "|u1",
    "unassigned_cell": "<i4",
    "unassigned_people": "<i4",
}
"""Arrays and their stored types; `entries` is the number of entries of each village."""

_Arrays = dict[str, NDArray[Any]]


def save_operator(path: Path, operator: ExposureOperator) -> None:
    """Write the operator; whoever calls sees to it that no reader meets half a file.

    Raises:
        LayerError: more people in a village than 32 bits hold.
    """
    arrays = {name: _narrow(path, name, a) for name, a in _columns(operator).items()}
    head = {
        "magic": MAGIC,
        "grid": asdict(operator.grid),
        "scale": operator.scale,
        "notes": {name: operator.notes[name] for name in sorted(operator.notes)},
        "arrays": {name: a.size for name, a in arrays.items()},
    }
    line = json.dumps(head, sort_keys=True).encode() + b"\n"
    with path.open("wb") as file:
        file.write(line.ljust(_up(len(line)), b" "))
        for array in arrays.values():
            content = array.tobytes()
            file.write(content.ljust(_up(len(content)), b"\0"))


def open_operator(path: Path) -> ExposureOperator:
    """Map a stored operator and check that it is whole and consistent.

    Raises:
        LayerError: not such a file, cut off, or with entries that cannot be.
    """
    try:
        with path.open("rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:
        raise LayerError(f"operator {path}: cannot be read ({error}); build the set anew") from None
    head, arrays = _split(path, content)
    try:
        grid, scale = _grid(head["grid"]), int(head["scale"])
        notes = {str(name): float(value) for name, value in head["notes"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _broken(path, f"its first line lacks or misstates {error}") from None
    _check(path, grid, scale, arrays)
    return ExposureOperator(
        grid=grid,
        pointer=np.concatenate([[0], np.cumsum(arrays["entries"], dtype=np.int64)]),
        cell=arrays["cell"],
        share=arrays["share"],
        people=arrays["people"].astype(np.int64),
        scale=scale,
        spread=arrays["spread"] if arrays["spread"].size else None,
        unassigned=Unassigned(
            arrays["unassigned_cell"], arrays["unassigned_people"].astype(np.int64)
        ),
        notes=notes,
    )


def _grid(head: dict[str, Any]) -> Grid:
    west, south, step = (float(head[name]) for name in ("west", "south", "step"))
    return Grid(west, south, step, int(head["columns"]), int(head["rows"]))


def _columns(operator: ExposureOperator) -> _Arrays:
    none = np.empty(0, dtype=np.uint8)
    return {
        "entries": np.diff(operator.pointer),
        "cell": operator.cell,
        "share": operator.share,
        "people": operator.people,
        "spread": none if operator.spread is None else operator.spread,
        "unassigned_cell": operator.unassigned.cell,
        "unassigned_people": operator.unassigned.people,
    }


def _narrow(path: Path, name: str, array: NDArray[Any]) -> NDArray[Any]:
    kind = np.dtype(_KINDS[name])
    limit = np.iinfo(kind)
    if array.size and not (limit.min <= array.min() and array.max() <= limit.max):
        raise LayerError(f"operator {path}: {name} reaches {array.max()}; expected {kind} at most")
    return array.astype(kind)


def _split(path: Path, content: mmap.mmap) -> tuple[dict[str, Any], _Arrays]:
    end = content.find(b"\n", 0, _LONGEST_HEAD)
    try:
        head = json.loads(content[: max(end, 0)])
        sizes = {name: int(head["arrays"][name]) for name in _KINDS}
        if head["magic"] != MAGIC or min(sizes.values()) < 0:
            raise ValueError(f"format {head['magic']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise _broken(path, f"its first line is none of {MAGIC} ({error})") from None
    arrays, place = {}, _up(end + 1)
    for name, kind in _KINDS.items():
        width = np.dtype(kind).itemsize * sizes[name]
        if place + width > len(content):
            raise _broken(path, f"it ends within {name}")
        arrays[name] = np.frombuffer(content, dtype=kind, count=sizes[name], offset=place)
        place = _up(place + width)
    return head, arrays


def _check(path: Path, grid: Grid, scale: int, arrays: _Arrays) -> None:
    """What the loops rely on: they do not look again."""
    cells = grid.rows * grid.columns
    entries, cell, share = arrays["entries"], arrays["cell"], arrays["share"]
    numbers = np.isfinite([grid.west, grid.south, grid.step]).all()
    if not (numbers and min(grid.rows, grid.columns, grid.step) > 0 and cells < 1 << 31):
        raise _broken(path, f"a grid of {grid.rows} x {grid.columns} cells")
    if scale & (scale - 1) or not 0 < scale <= 1 << 30:
        raise _broken(path, f"a scale of {scale}, expected a power of two up to 2**30")
    villages = entries.size
    whole = arrays["people"].size == villages and arrays["spread"].size in (0, villages)
    if (
        not whole
        or (villages and entries.min() < 1)
        or not entries.sum() == cell.size == share.size
    ):
        raise _broken(path, "its arrays do not belong together")
    for name in ("cell", "unassigned_cell"):
        if arrays[name].size and not 0 <= arrays[name].min() <= arrays[name].max() < cells:
            raise _broken(path, f"{name} outside the grid")
    if arrays["unassigned_cell"].size != arrays["unassigned_people"].size:
        raise _broken(path, "its arrays do not belong together")
    if villages and (share.min() < 1 or not (_village_sums(entries, share) == scale).all()):
        raise _broken(path, "shares that do not add up")
    if villages and arrays["people"].min() < 0:
        raise _broken(path, "a village of less than nobody")


def _village_sums(entries: NDArray[Any], share: NDArray[Any]) -> NDArray[np.int64]:
    start = np.cumsum(entries, dtype=np.int64) - entries
    sums: NDArray[np.int64] = np.add.reduceat(share, start, dtype=np.int64)
    return sums


def _broken(path: Path, why: str) -> LayerError:
    return LayerError(f"operator {path}: {why}; restore the file or build the set anew")


def _up(size: int) -> int:
    return -(-size // _ALIGN) * _ALIGN
