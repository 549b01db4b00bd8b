"""People per village and class over the nation, against exactextract on a sample of villages.

The embedded set spreads people evenly over each village's area, so the peer is given a
people raster at 100 m (24 x 24 fine cells in a cell of 2.2 km) that holds the area of each
cell: the same question, and the same answer. Its time on the sample is multiplied up to all
villages. The peer reads its raster from a compressed file, as its users do. No target is
set: the modelled shapes have few corners, so real polygons would say something else.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Bench, Result, alternate, not_measured, times_faster
from kentongan.grid import BASE_GRID

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from risk.layers.layerset import LayerSet

NAME = "overlay.national_2km"
SAMPLE = 1_000
FINE = 24
"""Fine cells along one side of a base cell: 0.02 degrees / 24 = 3 arc seconds."""
TILE = 512
EXACT = 2e-5
"""Our shares are whole parts of 2**20, and the raster holds 32-bit floats."""
PLANAR = 5e-3
"""Without weights every cell counts alike, though northern and southern ones differ in area."""


def national() -> Iterator[Result]:
    """The operator over all villages; the peer over a sample, with people and without."""
    try:
        import exactextract
    except ImportError:
        yield not_measured(NAME, "exactextract is not installed (dependency group test)")
        return
    from risk.layers.layerset import load_layers

    layers, classes = load_layers(), storm_day()
    rng = np.random.default_rng(20261121)
    rows = np.sort(rng.choice(len(layers.villages), SAMPLE, replace=False))
    frame, scale = _frame(layers, rows), len(layers.villages) / SAMPLE
    peer = f"exactextract {exactextract.__version__}"
    note = f"peer measured on {SAMPLE} villages and multiplied by {scale:.1f}"

    def ours() -> NDArray[np.int64]:
        return layers.operator.overlay(classes)

    with tempfile.TemporaryDirectory() as folder:
        people = _people_raster(Path(folder) / "people.tif", frame)
        check = _same_people(layers, rows, tolerance=EXACT)
        ours_s, peer_s = alternate(ours, _peer(classes, frame, people), check)
    yield times_faster(NAME, ours_s, peer, peer_s * scale, at_least=None, note=note)
    check = _same_people(layers, rows, tolerance=PLANAR)
    ours_s, peer_s = alternate(ours, _peer(classes, frame, None), check)
    note += "; it reads no people at all, only shares of area on the plane"
    yield times_faster(f"{NAME}_area", ours_s, peer, peer_s * scale, at_least=None, note=note)


def storm_day() -> NDArray[np.int8]:
    """Classes 0 to 4 on the base grid, smooth, some 15 % of cells active, from a fixed seed."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(7).standard_normal((BASE_GRID.rows, BASE_GRID.columns))
    smooth = gaussian_filter(noise, 12)  # blobs of some 50 km
    edges = np.quantile(smooth, [0.85, 0.92, 0.96, 0.985])
    classes: NDArray[np.int8] = np.digitize(smooth, edges).astype(np.int8)
    return classes


def _frame(layers: LayerSet, rows: NDArray[np.int64]) -> gpd.GeoDataFrame:
    import geopandas as gpd

    return gpd.GeoDataFrame({"row": rows}, geometry=layers.geometry[rows], crs=4326)


def _people_raster(path: Path, frame: gpd.GeoDataFrame) -> Path:
    """The area of every 100 m cell around the sample; elsewhere the file is sparse."""
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.windows import Window

    step = BASE_GRID.step / FINE
    north = BASE_GRID.south + BASE_GRID.rows * BASE_GRID.step
    height, width = BASE_GRID.rows * FINE, BASE_GRID.columns * FINE
    # As the operator has it: cells of one grid row share one area.
    area = np.repeat(np.cos(np.radians(BASE_GRID.latitude[::-1])), FINE).astype(np.float32)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=from_origin(BASE_GRID.west, north, step, step),
        tiled=True,
        blockxsize=TILE,
        blockysize=TILE,
        compress="zstd",
        zstd_level=1,
        sparse_ok=True,
    ) as file:
        for row, column in sorted(_tiles(frame, north, step)):
            rows, columns = min(TILE, height - row), min(TILE, width - column)
            tile = np.repeat(area[row : row + rows, None], columns, axis=1)
            file.write(tile, 1, window=Window(column, row, columns, rows))
    return path


def _tiles(frame: gpd.GeoDataFrame, north: float, step: float) -> set[tuple[int, int]]:
    """Upper left corners of the tiles that any village of the sample meets."""
    found = set()
    for west, south, east, top in frame.geometry.bounds.to_numpy():
        first_row, last_row = int((north - top) / step), int((north - south) / step)
        first_col = int((west - BASE_GRID.west) / step)
        last_col = int((east - BASE_GRID.west) / step)
        for row in range(first_row // TILE, last_row // TILE + 1):
            for column in range(first_col // TILE, last_col // TILE + 1):
                found.add((row * TILE, column * TILE))
    return found


def _peer(
    classes: NDArray[np.int8], frame: gpd.GeoDataFrame, people: Path | None
) -> Callable[[], pd.DataFrame]:
    """exactextract's share of each class in each village, by people or by area."""
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    hazard = NumPyRasterSource(
        np.ascontiguousarray(classes[::-1]),
        xmin=BASE_GRID.west,
        ymin=BASE_GRID.south,
        xmax=BASE_GRID.west + BASE_GRID.columns * BASE_GRID.step,
        ymax=BASE_GRID.south + BASE_GRID.rows * BASE_GRID.step,
        srs_wkt=frame.crs.to_wkt(),
    )
    share = "frac" if people is None else "weighted_frac"
    weights = None if people is None else str(people)

    def run() -> pd.DataFrame:
        found: pd.DataFrame = exact_extract(
            hazard,
            frame,
            ["unique", share],
            weights=weights,
            include_cols=["row"],
            output="pandas",
        )
        return found.rename(columns={share: "share"})

    return run


def _same_people(
    layers: LayerSet, rows: NDArray[np.int64], *, tolerance: float
) -> Callable[[Any, Any], None]:
    """A check that both see the same people in every class of every village of the sample."""
    total = layers.villages["people"].to_numpy()[rows]

    def check(ours: NDArray[np.int64], peer: pd.DataFrame) -> None:
        assert (peer["row"].to_numpy() == rows).all()
        expected = np.zeros((len(rows), 5))
        for village, (found, shares) in enumerate(zip(peer["unique"], peer["share"], strict=True)):
            expected[village, np.asarray(found, dtype=int)] = shares
        difference = np.abs(ours[rows, :5] - expected * total[:, None])
        worst = np.unravel_index(
            np.argmax(difference - tolerance * total[:, None]), difference.shape
        )
        # Ours are whole people, so half a person on either side of each running sum is rounding.
        assert difference[worst] <= 1 + tolerance * total[worst[0]], (
            f"village row {rows[worst[0]]}, class {worst[1]}: {difference[worst]:.2f} people apart"
        )

    return check


BENCHES: dict[str, Bench] = {NAME: national}
