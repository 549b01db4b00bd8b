"""What the national benchmarks stand on: village polygons and a people raster of 100 m.

Polygons: the samples' 83,402 real villages (simplified), where `KENTONGAN_SAMPLES` or the
folder beside the repository has them; else the embedded modelled shapes, and the note says so.

No national population raster is at hand, so one is made: 3 arc seconds, unconstrained (every
cell that touches land has people), 285 million in all, from a fixed seed. It is written once
to `$XDG_CACHE_HOME/kentongan` (`~/.cache/kentongan`), some 0.4 GB in half a minute, and used again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.stripes import Stripe

ROOT = Path(__file__).parents[1]
STEP = 0.02 / 24
"""3 arc seconds: 24 fine cells to a cell of the base grid, 10 to one of 1/120 degree."""
WEST, NORTH = 94.9, 6.1
COLUMNS, ROWS = 55_440, 20_640
"""94.9 to 141.1 E, 11.1 S to 6.1 N: every village, in whole cells of both hazard grids."""
TILE = 480
HIGH, WIDE = 96, 960
"""Rows and columns of a block of the file, multiples of 16; people are made TILE by TILE."""
PEOPLE = 285e6
VERSION = 2


@dataclass(frozen=True, eq=False)
class Villages:
    """Real polygons in code order, or modelled ones; `note` says which."""

    code: NDArray[np.str_]
    geometry: NDArray[np.object_]
    real: bool
    note: str


def samples() -> Path | None:
    folder = Path(os.environ.get("KENTONGAN_SAMPLES", ROOT.parent / "shared" / "samples"))
    return folder if folder.is_dir() else None


@lru_cache(maxsize=1)
def villages() -> Villages:
    folder = samples()
    path = folder and folder / "geo" / "adm4_villages_national_simplified.parquet"
    if path and path.is_file():
        import geopandas as gpd

        frame = gpd.read_parquet(path).sort_values("code")
        code = frame["code"].to_numpy(dtype=np.str_)
        return Villages(code, frame.geometry.to_numpy(), True, f"{len(frame):,} real villages")
    from risk.layers.layerset import load_layers

    layers = load_layers()
    code = layers.villages["adm4_code"].to_numpy(dtype=np.str_)
    return Villages(code, layers.geometry, False, "modelled shapes: no samples at hand")


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "kentongan"


def people_file() -> Path:
    """The synthetic raster, made at the first call."""
    kind = "real" if villages().real else "modelled"
    path = cache_folder() / f"people_100m_{kind}_{VERSION}.tif"
    if not path.is_file():
        print(f"making a synthetic people raster, once: {path}", file=sys.stderr)
        start = time.perf_counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part.tif")
        try:
            _make(part)
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        size = path.stat().st_size / 1e6
        print(f"made {size:.0f} MB in {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return path


@dataclass(frozen=True, eq=False)
class FileStripes:
    """A people raster in a file; decompressed a row of blocks at a time, into the same room."""

    path: Path
    west: float = WEST
    north: float = NORTH
    dx: float = STEP
    dy: float = STEP
    rows: int = ROWS
    columns: int = COLUMNS

    def stripes(self) -> Iterator[Stripe]:
        import rasterio
        from rasterio.windows import Window

        # GDAL keeps a twentieth of the machine's memory by default; nothing is read twice here.
        with rasterio.Env(GDAL_CACHEMAX=64), rasterio.open(self.path) as file:
            room = np.empty((HIGH, self.columns), dtype=np.float32)
            for row in range(0, self.rows, HIGH):
                high = min(HIGH, self.rows - row)
                window = Window(0, row, self.columns, high)
                yield Stripe(row, file.read(1, window=window, out=room[:high]))


def density() -> NDArray[np.float32]:
    """People per fine cell before scaling, by base cell, shape (ROWS / 24, COLUMNS / 24)."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(2026)
    shape = (ROWS // 24, COLUMNS // 24)
    towns = gaussian_filter(rng.standard_normal(shape), 1.5) * 5.3
    regions = gaussian_filter(rng.standard_normal(shape), 40) * 140
    found: NDArray[np.float32] = np.exp(1.3 * towns + 0.8 * regions).astype(np.float32)
    return found


def _make(path: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    coarse = density()
    grain = np.random.default_rng(7).gamma(1.5, 1 / 1.5, (TILE, TILE)).astype(np.float32)
    # A tenth of the area of the box is land on which the mean is taken; near enough.
    scale = np.float32(PEOPLE / (coarse.mean(dtype=np.float64) * 0.195 * ROWS * COLUMNS))
    profile: dict[str, Any] = {
        "driver": "GTiff", "height": ROWS, "width": COLUMNS, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "transform": from_origin(WEST, NORTH, STEP, STEP), "tiled": True,
        "blockxsize": WIDE, "blockysize": HIGH, "compress": "zstd", "zstd_level": 1,
        "predictor": 1, "sparse_ok": True, "num_threads": 2,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        for row, land in _land():
            here = coarse[row // 24 : (row + len(land)) // 24] * scale
            for column in range(0, COLUMNS, TILE):
                mask = land[:, column : column + TILE]
                if not mask.any():
                    continue
                people = np.kron(
                    here[:, column // 24 : (column + TILE) // 24], np.ones((24, 24), np.float32)
                )
                people *= grain[: mask.shape[0], : mask.shape[1]] * mask
                # Quarters of a hundredth: real products are as coarse, and it halves the file.
                people = np.round(people * 256) / 256
                window = Window(column, row, mask.shape[1], mask.shape[0])
                file.write(people.astype(np.float32), 1, window=window)


def _land() -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Fine cells that touch a village, a row of blocks at a time."""
    import shapely
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    geometry = villages().geometry
    bounds = shapely.bounds(geometry)
    for row in range(0, ROWS, TILE):
        high = min(TILE, ROWS - row)
        top = NORTH - row * STEP
        some = (bounds[:, 3] >= top - high * STEP) & (bounds[:, 1] <= top)
        if not some.any():
            continue
        land = rasterize(
            list(geometry[some]), (high, COLUMNS), all_touched=True, dtype=np.uint8,
            transform=from_origin(WEST, top, STEP, STEP),
        )  # fmt: skip
        yield row, land
