"""People of any source, in any areas, by class of any hazard: exact by area, rounded last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from kentongan.errors import DataError
from risk.analyst.areas import (
    Areas,
    areas_of_file,
    areas_of_frame,
    areas_of_layers,
    once,
    require_not_swapped,
)
from risk.analyst.cells import box_in, shapes_in
from risk.analyst.classes import checked_thresholds
from risk.analyst.field import field_of
from risk.analyst.hazard import Hazard, count, read_hazard
from risk.analyst.measure import AreaMeasure, PeopleMeasure
from risk.analyst.people import Kind, PeopleRaster, people_of_field, people_of_file
from risk.analyst.result import Overlay, overlay_of
from risk.analyst.villages import (
    people_by_class,
    pieces_in_areas,
    pieces_of_villages,
    villages_meeting,
)
from risk.exposure import kernels
from risk.layers.layerset import LayerSet, load_layers
from risk.layers.progress import Advance, silent
from risk.layers.rasters import WGS84, Bounds

if TYPE_CHECKING:
    import xarray as xr

_LONGEST_DEG = 0.005
"""Edges of areas in degrees are cut to 500 m before they go to another plane."""
_MANY_SHAPES, _MANY_CELLS = 2_000, 4_000_000
"""From here on compiled loops save more than the time that it takes to load them."""
_F64 = NDArray[np.float64]


def overlay(
    hazard: Path | str | gpd.GeoDataFrame | xr.DataArray | xr.Dataset,
    people: Path | str | xr.DataArray | None = None,
    areas: Path | str | gpd.GeoDataFrame | None = None,
    *,
    thresholds: Sequence[float] | None = None,
    area_id: str | None = None,
    class_column: str | None = None,
    variable: str | None = None,
    people_kind: str | None = None,
    layers: LayerSet | None = None,
    advance: Advance = silent,
) -> Overlay:
    """People by hazard class in each area.

    Args:
        hazard: raster (path or xarray, any system, origin, step, orientation) or polygons (path or
            GeoDataFrame). Along `realization` or `quantile` it may hold several fields.
        people: raster of counts or density. None: the people of the layer set.
        areas: polygons. None: the villages of the layer set.
        thresholds: class = how many of them the value reaches. None: values are classes.
        area_id: column of the identifiers of the areas.
        class_column: column of the values of hazard polygons.
        variable: of a hazard file with several.
        people_kind: count, per-km2 or per-ha; None: counts unless the file's unit says a density.
        layers: the set that stands in for people or areas; None: the embedded one.
        advance: told how far the work is.

    Raises:
        DataError: any input that would give a wrong number; says what to do.
    """
    edges = checked_thresholds(thresholds)
    given = _areas(areas, area_id)
    ask = {"column": class_column, "variable": variable}
    if people is None:
        return _on_layers(hazard, given, edges, ask, layers or load_layers(), advance)
    raster = _people(people, people_kind, advance)
    frame = box_in(raster.cells.bounds, raster.cells.crs, WGS84)
    found = read_hazard(hazard, edges, (raster.cells.bounds, raster.cells.crs), **ask)
    warnings = [*found.warnings, *raster.warnings]
    if given is None:
        layers = layers or load_layers()
        given = areas_of_layers(layers, villages_meeting(layers, frame))
        warnings.append(f"areas: villages of the layer set {layers.version}")
        if not given.ids:
            raise DataError(
                f"{raster.name}: no village of the layer set within {_text(frame)}; give --areas"
            )
    return _on_raster(found, raster, given, edges, warnings, frame, advance)


def _areas(areas: Any, area_id: str | None) -> Areas | None:
    if areas is None:
        return None
    if isinstance(areas, str | Path):
        return once(areas_of_file(Path(areas), area_id), Path(areas).name)
    if isinstance(areas, gpd.GeoDataFrame):
        return once(areas_of_frame(areas.reset_index(drop=True), "areas", area_id), "areas")
    raise DataError(f"areas: expected a path or a GeoDataFrame, found {type(areas).__name__}")


def _people(people: Any, kind: str | None, advance: Advance) -> PeopleRaster:
    try:
        wanted = Kind(kind) if kind else None
    except ValueError as error:
        words = ", ".join(Kind)
        raise DataError(f"kind of people {kind!r}: expected one of {words}") from error
    if isinstance(people, str | Path):
        return people_of_file(Path(people), wanted, advance)
    if hasattr(people, "dims") and not hasattr(people, "data_vars"):
        field = field_of(people, None, str(people.name or "people"))
        return people_of_field(field, wanted, advance)
    raise DataError(f"people: expected a path or a DataArray, found {type(people).__name__}")


def _on_raster(
    hazard: Hazard,
    raster: PeopleRaster,
    areas: Areas,
    edges: tuple[float, ...] | None,
    warnings: list[str],
    frame: Bounds,
    advance: Advance,
) -> Overlay:
    rows, columns = raster.cells.shape
    if len(areas.ids) > _MANY_SHAPES or rows * columns > _MANY_CELLS:
        kernels.warm()
    measure = PeopleMeasure(raster)
    some = ~shapely.is_empty(areas.shapes)
    if some.any():
        require_not_swapped("areas", _bounds(areas.shapes), frame)
    require_not_swapped(hazard.name, hazard.bounds, frame)
    warnings += _not_reached(areas, raster, frame)
    for last in (False, True):
        shapes = shapes_in(areas.shapes[some], WGS84, measure.crs, longest=_LONGEST_DEG)
        each, every, said = _counted(hazard, shapes, measure, frame, advance)
        if last or each[0].sum() <= every[0].sum() * (1 + 1e-9) + 0.01:
            break
        # Overlaps hold more people than live outside all areas: nothing to balance them with.
        areas = once(areas, "areas", all_of_them=True)
        some = ~shapely.is_empty(areas.shapes)
    warnings += [*areas.warnings, *_slivers(areas), *said]
    whole = np.zeros((each.shape[0], len(areas.ids), each.shape[2]))
    whole[:, some] = each
    known = np.zeros(len(areas.ids))
    known[some] = _known_area(hazard, areas.shapes[some], whole[0, some].sum(axis=1), advance)
    return overlay_of(
        areas, hazard.keys, whole, every, known, warnings, levels=hazard.levels, thresholds=edges
    )


def _counted(
    hazard: Hazard,
    shapes: NDArray[np.object_],
    measure: PeopleMeasure | AreaMeasure,
    frame: Bounds,
    advance: Advance,
) -> tuple[_F64, _F64, list[str]]:
    if _meet(hazard.bounds, frame):
        return count(hazard, shapes, measure, advance)
    columns = len(hazard.keys) + 1
    each, every = np.zeros((1, shapes.size, columns)), np.zeros((1, columns))
    each[0, :, -1], every[0, -1] = measure.inside(shapes), measure.total
    return each, every, [
        f"{hazard.name}: covers {_text(hazard.bounds)} and meets nobody in {_text(frame)}; the "
        "hazard is not known for anybody"
    ]  # fmt: skip


def _known_area(
    hazard: Hazard, shapes: NDArray[np.object_], people: _F64, advance: Advance
) -> _F64:
    """Share of the area with data, of areas in which nobody lives; 1 elsewhere."""
    out = np.ones(shapes.size)
    empty = np.flatnonzero(people <= 1e-9)
    if empty.size == 0:
        return out
    if not _meet(hazard.bounds, _bounds(shapes[empty])):
        out[empty] = 0.0
        return out
    each, _, _ = count(hazard, shapes[empty], AreaMeasure(), advance)
    out[empty] = 1 - each[:, :, -1].mean(axis=0) / np.maximum(shapely.area(shapes[empty]), 1e-300)
    return out


def _on_layers(
    source: Any,
    given: Areas | None,
    edges: tuple[float, ...] | None,
    ask: dict[str, str | None],
    layers: LayerSet,
    advance: Advance,
) -> Overlay:
    """People of the layer set, in its villages or in other areas."""
    box = None if given is None else (_bounds(given.shapes), WGS84)
    hazard = read_hazard(source, edges, box, **ask)
    quality = layers.villages["data_quality"].mode().iloc[0]
    warnings = [
        *hazard.warnings,
        f"people: of the layer set {layers.version} ({quality}), evenly in each village's part of "
        "a cell of 2 km",
    ]
    if given is None:
        rows = villages_meeting(layers, hazard.bounds)
        if not rows.size:
            raise DataError(
                f"{hazard.name}: covers {_text(hazard.bounds)}, in which no village lies; give "
                "--areas and --people, or look at its coordinate system"
            )
        areas, pieces = areas_of_layers(layers, rows), pieces_of_villages(layers, rows)
        left = len(layers.villages) - rows.size
        warnings.append(f"areas: villages within {_text(hazard.bounds)}; {left:,} others left out")
    else:
        areas, land = given, _bounds(layers.geometry)
        require_not_swapped("areas", _bounds(given.shapes), land)
        require_not_swapped(hazard.name, hazard.bounds, land)
        pieces = pieces_in_areas(layers, once(given, "areas", all_of_them=True))
        warnings += [*areas.warnings, "people: those of the layer set in the box around the areas"]
    if len(areas.ids) > _MANY_SHAPES:
        kernels.warm()
    measure, said = AreaMeasure(), []

    def divide(shapes: NDArray[np.object_]) -> _F64:
        area, _, notes = _counted(hazard, shapes, measure, _bounds(areas.shapes), advance)
        said.extend(notes)
        return area

    each, every = people_by_class(layers, pieces, len(areas.ids), divide)
    known = np.zeros(len(areas.ids))
    some = ~shapely.is_empty(areas.shapes)
    known[some] = _known_area(hazard, areas.shapes[some], each[0, some].sum(axis=1), advance)
    warnings += said
    return overlay_of(
        areas, hazard.keys, each, every, known, warnings, levels=hazard.levels, thresholds=edges
    )


def _slivers(areas: Areas) -> list[str]:
    pairs, size = areas.slivers
    if not pairs:
        return []
    return [
        f"areas: {pairs} pairs overlap by slivers, {size:.3f} km2 in all; people there are counted "
        "in both, and taken from the unassigned once, so that the total holds"
    ]


def _not_reached(areas: Areas, raster: PeopleRaster, frame: Bounds) -> list[str]:
    bounds = shapely.bounds(areas.shapes)
    slack = 1e-9
    out = (bounds[:, 0] < frame[0] - slack) | (bounds[:, 1] < frame[1] - slack)
    out |= (bounds[:, 2] > frame[2] + slack) | (bounds[:, 3] > frame[3] + slack)
    if not out.any():
        return []
    return [
        f"{raster.name}: {int(out.sum())} of {len(areas.ids)} areas reach out of the people raster "
        f"(first {areas.ids[int(np.argmax(out))]}); people beyond it are missing"
    ]


def _bounds(shapes: NDArray[np.object_]) -> Bounds:
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    return west, south, east, north


def _meet(a: Bounds, b: Bounds) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _text(box: Bounds) -> str:
    return f"{box[0]:.3f} … {box[2]:.3f} E, {box[1]:.3f} … {box[3]:.3f} N"


__all__ = ["Overlay", "overlay"]
