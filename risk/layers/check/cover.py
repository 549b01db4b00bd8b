"""Overlaps and gaps of many polygons, by how full the cells of the base grid are.

Exact intersections of 83,000 villages cost a minute and find hundreds of thousands of slivers;
a cell covered by more than its area, or an inner cell by less, is what would move people.
"""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from kentongan.grid import BASE_GRID, Grid
from risk.layers.check.finding import Finding, Severity
from risk.layers.check.shapes import KM_PER_DEGREE, square_degrees
from risk.operator import compile_operator

_NOISE = 0.01
"""Share of a cell (5 ha): slivers along borders are no overlap of villages."""
_DOUBTFUL_PCT = 1.0
_F64 = NDArray[np.float64]


def covered(geometry: NDArray[np.object_], grid: Grid = BASE_GRID) -> _F64:
    """How often each cell is covered, shape (rows, columns): 1 is full, 2 is full twice."""
    ones = np.ones(len(geometry), dtype=np.int64)
    operator = compile_operator(geometry, ones, grid)
    cells = square_degrees(geometry) / grid.step**2
    weight = operator.share / operator.scale * cells[operator.row]
    total = np.bincount(operator.cell, weights=weight, minlength=grid.rows * grid.columns)
    cosine = np.cos(np.radians(grid.latitude))
    cover: _F64 = total.reshape(grid.rows, grid.columns) / cosine[:, None]
    return cover


def examine_cover(
    geometry: NDArray[np.object_], labels: NDArray[np.object_], file: str
) -> list[Finding]:
    cover = covered(geometry)
    size = (KM_PER_DEGREE * BASE_GRID.step) ** 2 * np.cos(np.radians(BASE_GRID.latitude))[:, None]
    whole = float((cover * size).sum())
    over = np.where(cover > 1 + _NOISE, cover - 1, 0)
    inner = binary_erosion(cover > 0, structure=np.ones((3, 3)))
    under = np.where(inner & (cover < 1 - _NOISE), 1 - cover, 0)
    found = [
        _finding("overlaps", over * size, whole, geometry, labels, file),
        _finding("gaps", under * size, whole, geometry, labels, file),
    ]
    return [f for f in found if f is not None]


_SAYS = {
    "overlaps": ("belong to two areas", "areas that only touch", "people there count twice"),
    "gaps": (
        "between areas belong to none",
        "areas that leave no land out (lakes and straits may)",
        "people there are counted as unassigned",
    ),
}


def _finding(
    check: str,
    area: _F64,
    whole: float,
    geometry: NDArray[np.object_],
    labels: NDArray[np.object_],
    file: str,
) -> Finding | None:
    total = float(area.sum())
    if total <= 0:
        return None
    row, column = np.unravel_index(int(np.argmax(area)), area.shape)
    x, y = float(BASE_GRID.longitude[column]), float(BASE_GRID.latitude[row])
    near = labels[int(shapely.STRtree(geometry).nearest(shapely.Point(x, y)))]
    pct = total / whole * 100
    found, expected, remedy = _SAYS[check]
    return Finding(
        Severity.FLAG if pct > _DOUBTFUL_PCT else Severity.INFO, check, file,
        f"worst at {x:.2f} E {y:.2f} N, near {near}",
        f"at least {total:.1f} km2 ({pct:.3f} %) {found}, in {int((area > 0).sum())} cells of "
        f"{BASE_GRID.step:g} degrees (less than {_NOISE:.0%} of a cell is not counted)",
        expected, remedy,
    )  # fmt: skip
