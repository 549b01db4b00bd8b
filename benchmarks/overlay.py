"""People per village and class over the nation, against those who answer the same question.

exactextract weighs the hazard by the people raster in a file, as its users do; it runs on a
sample of villages and its time is multiplied up. Ours runs on all of them. Answers are
compared village by village before any time counts.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Bench, Result, not_measured
from benchmarks.made import GRID_1KM, operator_1km, operator_2km, people_1km, storm_day
from benchmarks.national import people_file
from benchmarks.national import villages as national_villages
from benchmarks.pairs import at_most, paired, ratio
from kentongan.grid import BASE_GRID, Grid
from risk.operator import ExposureOperator

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from risk.stripes import ArrayStripes

SAMPLE_2KM, SAMPLE_1KM = 1_000, 4_000
EXACT = 1e-6
"""Of a village's people, in every class."""
_F64 = NDArray[np.float64]


def national_2km() -> Iterator[Result]:
    """Classes of 2 km weighted by people of 100 m."""
    name = "overlay.national_2km"
    if not peer_is_there():
        yield not_measured(name, "exactextract is not installed (dependency group test)")
        return
    operator, classes = operator_2km(), storm_day()
    rows = sample(SAMPLE_2KM)
    frame, scale = frame_of(rows), operator.people.size / rows.size
    peer = exact_pass(hazard_2km(classes, frame), frame, str(people_file()))
    worst, lost = [0.0], [0]

    def same(ours: NDArray[np.int64], theirs: pd.DataFrame) -> None:
        worst[0], lost[0] = _apart(operator, classes, rows, frame, theirs, BASE_GRID)
        assert worst[0] <= EXACT, f"{worst[0]:.2g} of a village apart from exactextract"
        assert (ours.sum(axis=1) == operator.people).all()

    pair = paired(lambda: operator.overlay(classes), peer, same).times(scale)
    note = f"peer on {rows.size} villages x {scale:.1f}; {whose()}"
    yield ratio(name, pair, exactextract_name(), floor=30_000, goal=100_000, note=note)
    yield at_most(
        "overlay.exact_2km", worst[0], "of a village", floor=EXACT, goal=EXACT, seconds=pair.ours,
        note=f"greatest difference from exactextract in any class of {rows.size} villages; "
        f"{lost[0]} left out, of which its own coverage is not their area",
    )  # fmt: skip
    yield _conserved(operator, classes)


def _conserved(operator: ExposureOperator, classes: NDArray[np.int8]) -> Result:
    """Whole people of villages and of no village against the raster's own sum."""
    counts = operator.overlay(classes).sum() + operator.overlay_unassigned(classes).sum()
    notes = operator.notes
    raster = notes["raster_people"] + notes["counted_twice"]
    return at_most(
        "overlay.conserved", abs(float(counts) - raster) / raster, "of all people", floor=1e-8,
        goal=1e-8, seconds=0.0, note=f"{counts:,} whole people; half of one is rounding",
    )  # fmt: skip


def national_1km() -> Iterator[Result]:
    """Classes of 1 km weighted by people of 1 km: exactextract, and what a user may keep of it."""
    name = "overlay.national_1km"
    if not peer_is_there():
        yield not_measured(name, "exactextract is not installed (dependency group test)")
        return
    operator, classes, people = operator_1km(), storm_day(True), people_1km()
    rows = sample(SAMPLE_1KM)
    frame, scale = frame_of(rows), operator.people.size / rows.size
    lost = [0]

    def same(_: NDArray[np.int64], theirs: pd.DataFrame) -> None:
        worst, lost[0] = _apart(operator, classes, rows, frame, theirs, GRID_1KM)
        assert worst <= EXACT, f"{worst:.2g} of a village apart from exactextract"

    with tempfile.TemporaryDirectory() as folder:
        hazard = _file(Path(folder) / "hazard.tif", classes[::-1], GRID_1KM)
        weights = _file(Path(folder) / "people.tif", people.people, people)
        peer = exact_pass(hazard, frame, weights)
        pair = paired(lambda: operator.overlay(classes), peer, same).times(scale)
    note = f"peer on {rows.size} villages x {scale:.1f}, of which it loses a cell in {lost[0]}"
    yield ratio(name, pair, exactextract_name(), floor=2_500, goal=10_000, note=note)
    yield _cached_rival(operator, classes, people, rows, frame)


def _cached_rival(
    operator: ExposureOperator,
    classes: NDArray[np.int8],
    people: ArrayStripes,
    rows: NDArray[np.int64],
    frame: gpd.GeoDataFrame,
) -> Result:
    """Coverage that a user took from exactextract once and keeps: a frame is one bincount."""
    import exactextract

    source = _source(people.people, people, frame)
    kept = exactextract.exact_extract(source, frame, ["cell_id", "coverage"], output="pandas")
    cell = np.concatenate(kept["cell_id"].to_numpy()).astype(np.int64)
    cover = np.concatenate(kept["coverage"].to_numpy())
    village = np.repeat(np.arange(rows.size), kept["cell_id"].map(len))
    weight = cover * people.people.ravel()[cell]
    row, column = np.divmod(cell, people.columns)
    # Its cells count from the north-west corner of the people raster, ours from the south-west.
    top = round((GRID_1KM.south + GRID_1KM.rows * GRID_1KM.step - people.north) / GRID_1KM.step)
    left = round((people.west - GRID_1KM.west) / GRID_1KM.step)
    flat = (GRID_1KM.rows - 1 - top - row) * GRID_1KM.columns + column + left

    def rival() -> _F64:
        key = village * 6 + classes.ravel()[flat]
        return np.bincount(key, weights=weight, minlength=rows.size * 6).reshape(-1, 6)

    def same(ours: NDArray[np.int64], theirs: _F64) -> None:
        # Whole people against fractions: within one on each side of a class; but for villages
        # of which the peer loses a cell, also where all of them is in one class.
        apart = (np.abs(ours[rows] - theirs).max(axis=1) > 2).sum()
        assert apart <= rows.size // 500, f"{apart} villages apart from the kept coverage"

    pair = paired(lambda: operator.overlay(classes), rival, same, repeat=3)
    note = "kept coverage of a sample multiplied up; nothing is demanded: it is our operator"
    return ratio(
        "overlay.kept_coverage_1km", pair.times(operator.people.size / rows.size),
        f"{exactextract_name()}, coverage kept by hand + np.bincount",
        floor=None, goal=None, note=note,
    )  # fmt: skip


def prerasterised() -> Iterator[Result]:
    """Village ids burnt into cells of 1 km once, then a bincount a frame: quick, and not exact."""
    from rasterio.features import rasterize
    from rasterio.transform import from_origin

    operator, classes, people = operator_1km(), storm_day(True), people_1km()
    north = GRID_1KM.south + GRID_1KM.rows * GRID_1KM.step
    ids = rasterize(
        zip(national_villages().geometry, range(1, operator.people.size + 1), strict=True),
        (GRID_1KM.rows, GRID_1KM.columns), dtype=np.int32,
        transform=from_origin(GRID_1KM.west, north, GRID_1KM.step, GRID_1KM.step),
    ).ravel()  # fmt: skip
    weight = _on_grid(people).ravel()
    upright = np.ascontiguousarray(classes[::-1]).ravel()

    def peer() -> _F64:
        key = ids * np.int64(6) + upright
        size = (operator.people.size + 1) * 6
        return np.bincount(key, weights=weight, minlength=size).reshape(-1, 6)

    def same(ours: NDArray[np.int64], theirs: _F64) -> None:
        # It puts people into wrong villages; the nation must be nearly the same.
        assert abs(ours.sum() - theirs[1:].sum()) <= 0.02 * ours.sum()

    pair = paired(lambda: operator.overlay(classes), peer, same, repeat=3)
    found = peer()[1:].sum(axis=1)
    people_ = np.maximum(operator.people, 1)
    off = np.abs(found - operator.people) / people_
    note = f"peer's median village is {100 * np.median(off):.1f} % off; {whose()}"
    yield ratio(
        "overlay.prerasterised_1km", pair, "ids in cells + np.bincount", floor=4, goal=10, note=note
    )


def exact_pass(hazard: Any, frame: gpd.GeoDataFrame, weights: str) -> Callable[[], pd.DataFrame]:
    """exactextract's share of people in each class of each village of the frame."""
    from exactextract import exact_extract

    def run() -> pd.DataFrame:
        found: pd.DataFrame = exact_extract(
            hazard, frame, ["unique", "weighted_frac"], weights=weights, output="pandas"
        )
        return found

    return run


def hazard_2km(classes: NDArray[np.int8], frame: gpd.GeoDataFrame) -> Any:
    """The classes in memory: what little time a file would add counts for the peer."""
    return _source(np.ascontiguousarray(classes[::-1]), BASE_GRID, frame)


def _file(path: Path, values: NDArray[Any], where: Grid | ArrayStripes) -> str:
    """A tiled, compressed GeoTIFF, as rasters are handed round."""
    import rasterio
    from rasterio.transform import from_origin

    rows, columns = values.shape
    step = where.step if isinstance(where, Grid) else where.dx
    north = where.south + rows * step if isinstance(where, Grid) else where.north
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype=values.dtype,
        crs="EPSG:4326", transform=from_origin(where.west, north, step, step), tiled=True,
        compress="deflate",
    ) as file:  # fmt: skip
        file.write(values, 1)
    return str(path)


def _source(values: NDArray[Any], where: Grid | ArrayStripes, frame: gpd.GeoDataFrame) -> Any:
    from exactextract.raster import NumPyRasterSource

    rows, columns = values.shape
    step = where.step if isinstance(where, Grid) else where.dx
    north = where.south + rows * step if isinstance(where, Grid) else where.north
    return NumPyRasterSource(
        values, xmin=where.west, xmax=where.west + columns * step, ymax=north,
        ymin=north - rows * step, srs_wkt=frame.crs.to_wkt(),
    )  # fmt: skip


def _on_grid(people: ArrayStripes) -> NDArray[np.float32]:
    """People of 1 km on all cells of the 1 km grid, from the north."""
    out = np.zeros((GRID_1KM.rows, GRID_1KM.columns), dtype=np.float32)
    north = GRID_1KM.south + GRID_1KM.rows * GRID_1KM.step
    row = round((north - people.north) / GRID_1KM.step)
    column = round((people.west - GRID_1KM.west) / GRID_1KM.step)
    out[row : row + people.rows, column : column + people.columns] = people.people
    return out


def _apart(
    operator: ExposureOperator,
    classes: NDArray[np.int8],
    rows: NDArray[np.int64],
    frame: gpd.GeoDataFrame,
    theirs: pd.DataFrame,
    grid: Grid,
) -> tuple[float, int]:
    """Greatest difference of a share, and villages that the peer does not cover as they are.

    exactextract 0.3.0 leaves out a whole inner cell of some shapes (on 1/120 degree: 1 village
    in 4,000). Where it differs, its coverage is held against the shape's area: only a village
    that it covers wrongly is left out.
    """
    import shapely
    from exactextract import exact_extract

    shares = _shares(theirs)
    mine = operator.parts(classes)[rows] / operator.scale
    difference = np.abs(mine - shares).max(axis=1)
    difference[operator.by_area[rows] | (shares.sum(axis=1) <= 0)] = 0
    disputed = np.flatnonzero(difference > EXACT)
    if disputed.size:
        ones = _source(np.ones((grid.rows, grid.columns), dtype=np.float32), grid, frame)
        some = frame.iloc[disputed]
        cells = exact_extract(ones, some, ["count"], output="pandas")["count"].to_numpy()
        area = shapely.area(some.geometry.to_numpy()) / grid.step**2
        difference[disputed[np.abs(cells - area) > 1e-3]] = 0
    return float(difference.max()), int(disputed.size)


def _shares(found: pd.DataFrame) -> _F64:
    shares = np.zeros((len(found), 6))
    for i, (keys, values) in enumerate(zip(found["unique"], found["weighted_frac"], strict=True)):
        shares[i, np.asarray(keys, dtype=int)] = np.nan_to_num(values)
    return shares


def sample(size: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(20261121)
    count = len(national_villages().geometry)
    return np.sort(rng.choice(count, min(size, count), replace=False))


def frame_of(rows: NDArray[np.int64]) -> gpd.GeoDataFrame:
    import geopandas as gpd

    return gpd.GeoDataFrame(geometry=national_villages().geometry[rows], crs=4326)


def whose() -> str:
    return f"{national_villages().note}, synthetic people of 100 m"


def exactextract_name() -> str:
    import exactextract

    return f"exactextract {exactextract.__version__}"


def peer_is_there() -> bool:
    from importlib.util import find_spec

    return find_spec("exactextract") is not None


BENCHES: dict[str, Bench] = {
    "overlay.national_2km": national_2km,
    "overlay.national_1km": national_1km,
    "overlay.prerasterised_1km": prerasterised,
}
