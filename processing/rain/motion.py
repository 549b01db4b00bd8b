"""How the rain moves: optical flow between frames, spread to where there is no rain.

Dense inverse search (Kroeger, Timofte, Dai & Van Gool 2016, ECCV), OpenCV's implementation, on the
square root of the rain rate; a mean weighted by rain, so that a dry place moves as the nearest
rain does; and one round of least squares over the same surroundings (Lucas & Kanade 1981, IJCAI),
which takes the error from some hundredths of a cell to some thousandths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit, jit_parallel

Field = npt.NDArray[np.float32]

BLOCK = 8
"""Cells of a frame along each side of a cell of the motion field: 16 km at 0.02 degrees. Storms of
that size are what optical flow can follow from one frame to the next."""
SPREAD_BLOCKS = 6.0
"""Standard deviation of the weighted mean, blocks: about 100 km at 0.02 degrees."""
RAIN_FROM_MM_H = 0.5
"""Less rain has no edge to follow."""
MAX_RESIDUAL = 1.0
"""Cells: more is no residual of the flow, but a storm that grew."""
FULL_SCALE_MM_H = 60.0
"""Rate that takes the brightest value of the picture that the flow is found on."""


@dataclass(frozen=True)
class Motion:
    """Cells a step, on a coarse grid whose row `i` is row (i + 0.5) BLOCK - 0.5 of the frame."""

    east: Field
    """Shape (rows / BLOCK, columns / BLOCK), rounded up."""
    north: Field
    """Same shape; rows ascend with latitude."""
    seen: Field
    """Share of each cell's surroundings that had rain to follow, 0 to 1."""


def motion(earlier: Field, later: Field) -> Motion:
    """Motion of the rain from one frame to the next.

    Args:
        earlier, later: rain rate, mm/h, shape (rows, columns), rows ascending with latitude; NaN:
            not known, taken as dry for the flow and given no weight.

    Raises:
        ValueError: frames of two shapes.
    """
    if earlier.shape != later.shape:
        raise ValueError(f"frames of shapes {earlier.shape} and {later.shape}: expected one grid")
    flow = _flow().calc(_picture(earlier), _picture(later), None)
    blocks = np.empty((3, *_blocks_of(earlier.shape)), dtype=np.float32)
    _weighed(flow, earlier, later, blocks)
    *parts, seen = (blurred(block) for block in blocks)
    everywhere = max(float(blocks[2].mean()), 1e-12)
    means = [float(block.mean()) / everywhere for block in blocks[:2]]
    # Far from any rain the mean of all rain takes over; the figure only breaks the division by 0.
    east, north = ((p + 1e-6 * m) / (seen + 1e-6) for p, m in zip(parts, means, strict=True))
    first = Motion(east, north, np.clip(seen, 0.0, 1.0))
    return _refined(first, earlier, later)


def _refined(first: Motion, earlier: Field, later: Field) -> Motion:
    """The motion with the residual of one Lucas-Kanade step added."""
    before, after = _root(earlier), _root(later)
    products = np.empty((5, *_blocks_of(earlier.shape)), dtype=np.float32)
    _products(_moved(before, first), after, earlier, later, products)
    xx, xy, yy, xt, yt = (blurred(product) for product in products)
    # Where no edge is, the ridge keeps the first answer: a thousandth of the mean squared slope.
    ridge = 1e-3 * float((xx + yy).mean()) + 1e-9
    xx, yy = xx + ridge, yy + ridge
    determinant = xx * yy - xy**2
    east = np.clip((xy * yt - yy * xt) / determinant, -MAX_RESIDUAL, MAX_RESIDUAL)
    north = np.clip((xy * xt - xx * yt) / determinant, -MAX_RESIDUAL, MAX_RESIDUAL)
    return Motion(first.east + east, first.north + north, first.seen)


def _blocks_of(shape: tuple[int, ...]) -> tuple[int, int]:
    return -(-shape[0] // BLOCK), -(-shape[1] // BLOCK)


@jit_parallel
def _weighed(flow: Any, earlier: Any, later: Any, out: Any) -> None:
    """Means over blocks as of `coarse`: the flow east and north where it rains, and the share of
    cells where it does."""
    rows, columns = later.shape
    for block in numba.prange(out.shape[1]):
        out[:, block] = 0
        for k in range(BLOCK):
            i = min(block * BLOCK + k, rows - 1)
            for j in range(out.shape[2] * BLOCK):
                at, to = min(j, columns - 1), j // BLOCK
                if later[i, at] >= RAIN_FROM_MM_H and np.isfinite(earlier[i, at]):
                    out[0, block, to] += flow[i, at, 0]
                    out[1, block, to] += flow[i, at, 1]
                    out[2, block, to] += np.float32(1)
        out[:, block] *= np.float32(1 / BLOCK**2)


@jit_parallel
def _products(moved: Any, after: Any, earlier: Any, later: Any, out: Any) -> None:
    """Of the slopes east and north and of what is left to explain: means of xx, xy, yy, xt, yt
    over blocks as of `coarse`. A field goes on at its opposite rim; no slope is told where either
    frame is not known."""
    rows, columns = after.shape
    for block in numba.prange(out.shape[1]):
        line = np.empty((5, columns), dtype=np.float32)
        out[:, block] = 0
        for k in range(BLOCK):
            i = min(block * BLOCK + k, rows - 1)
            _slopes(moved, after, earlier[i], later[i], i, line)
            for p in range(5):
                for j in range(out.shape[2] * BLOCK):
                    out[p, block, j // BLOCK] += line[p, min(j, columns - 1)]
        out[:, block] *= np.float32(1 / BLOCK**2)


@jit
def _slopes(moved: Any, after: Any, earlier: Any, later: Any, i: Any, out: Any) -> None:
    half, rows, columns = np.float32(0.5), after.shape[0], after.shape[1]
    above, below = (i + 1) % rows, i - 1 if i else rows - 1
    mean = half * (moved[i] + after[i])
    for j in range(columns):
        right, left = j + 1 if j < columns - 1 else 0, j - 1 if j else columns - 1
        seen = np.isfinite(earlier[j]) & np.isfinite(later[j])
        known = np.float32(1) if seen else np.float32(0)
        up, down = (
            half * (moved[above, j] + after[above, j]),
            half * (moved[below, j] + after[below, j]),
        )
        x, y = half * (mean[right] - mean[left]) * known, half * (up - down) * known
        rest = after[i, j] - moved[i, j]
        out[0, j], out[1, j], out[2, j] = x * x, x * y, y * y
        out[3, j], out[4, j] = x * rest, y * rest


def _root(rain: Field) -> Field:
    root: Field = np.sqrt(np.nan_to_num(rain, nan=0.0))
    return root


def _moved(field: Field, found: Motion) -> Field:
    """The field carried on by one step."""
    rows, columns = field.shape
    y = np.arange(rows, dtype=np.float32)[:, None]
    x = np.arange(columns, dtype=np.float32)[None, :]
    east, north = (_fine(part, field.shape) for part in (found.east, found.north))
    carried: Field = cv2.remap(field, x - east, y - north, cv2.INTER_LINEAR)
    return carried


def _fine(part: Field, shape: tuple[int, ...]) -> Field:
    size = (part.shape[1] * BLOCK, part.shape[0] * BLOCK)
    fine: Field = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
    return fine[: shape[0], : shape[1]]


def mean_motion(motions: list[Motion]) -> Motion:
    """Of several pairs of frames, each weighted by the rain that it saw."""
    weight = np.stack([m.seen for m in motions]) + 1e-6
    total = weight.sum(axis=0)
    east, north = (
        (np.stack([getattr(m, name) for m in motions]) * weight).sum(axis=0) / total
        for name in ("east", "north")
    )
    return Motion(
        east.astype(np.float32), north.astype(np.float32), (total / len(motions)).astype(np.float32)
    )


def _flow() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


def _picture(rain: Field) -> npt.NDArray[np.uint8]:
    root = np.sqrt(np.nan_to_num(rain, nan=0.0) * np.float32(255.0**2 / FULL_SCALE_MM_H))
    picture: npt.NDArray[np.uint8] = np.clip(root, 0, 255).astype(np.uint8)
    return picture


def coarse(field: Field) -> Field:
    """Means of BLOCK by BLOCK cells; the rim is repeated where blocks stand over."""
    rows, columns = (-n % BLOCK for n in field.shape)
    if rows or columns:
        field = np.pad(field, ((0, rows), (0, columns)), mode="edge")
    size = (field.shape[1] // BLOCK, field.shape[0] // BLOCK)
    mean: Field = cv2.resize(field.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    return mean


def blurred(field: Field) -> Field:
    """The mean of the surroundings, on the coarse grid."""
    smooth: Field = cv2.GaussianBlur(field, (0, 0), SPREAD_BLOCKS)
    return smooth
