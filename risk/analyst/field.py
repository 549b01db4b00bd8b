"""A raster of values, from a file or from xarray, cut to what is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import CRSError
from rasterio.windows import Window

from kentongan.errors import DataError, GridMismatch
from risk.analyst.cells import (
    WGS84,
    Cells,
    box_in,
    cells_of_affine,
    edges_of_centres,
)
from risk.analyst.raster_file import opened
from risk.analyst.values import Fills, as_floats
from risk.layers.rasters import Bounds

if TYPE_CHECKING:
    import xarray as xr

MAX_CELLS = 200_000_000
"""Held at once after cutting: 0.8 GB as float32."""
NETCDF = frozenset({".nc", ".nc4", ".cdf", ".h5"})
_X = ("longitude", "lon", "x", "long", "nav_lon", "bujur")
_Y = ("latitude", "lat", "y", "nav_lat", "lintang")
_MEMBERS = ("realization", "member", "number", "ensemble")
_QUANTILE = "quantile"
_BOX_ROOM = 1e-9


@dataclass(frozen=True, eq=False)
class Field:
    """Values on cells.

    Attributes:
        values: floating, shape (members, rows, columns), rows from the south; NaN not known.
        levels: quantiles (0..1) of the members if they are such; empty for realizations.
        declares_minus_one: the file itself says that -1 means not known.
    """

    name: str
    cells: Cells
    values: NDArray[np.floating]
    levels: tuple[float, ...]
    warnings: tuple[str, ...]
    declares_minus_one: bool = False


def read_field(path: Path, box: tuple[Bounds, CRS] | None, variable: str | None) -> Field:
    """The part of a raster file that meets a box.

    Args:
        box: in the plane of its own system; None reads all.
        variable: of a NetCDF file with several.

    Raises:
        LayerError: cannot be read, or has several bands.
        DataError: no coordinates, no coordinate system that fits, several variables, too large.
    """
    if path.suffix.lower() in NETCDF:
        return _netcdf(path, box, variable)
    with opened(path) as source:
        cells, down, left = cells_of_affine(source.transform, source.height, source.width)
        crs, warnings = crs_of(source.crs, cells.bounds, path.name)
        cells = replace(cells, crs=crs)
        rows, columns = _wanted(cells, box)
        _require_size(path.name, rows, columns, 1)
        fills = Fills()
        kept = cells.part(rows, columns)
        window = _window(rows, columns, cells.shape, down=down, left=left)
        masked = source.read(1, window=window, masked=True)
        values = np.ma.filled(as_floats(masked), np.nan)
        values = fills.cleared(values)
        values = as_floats(values, source.scales[0], source.offsets[0])
    values = values[:: -1 if down else 1, :: -1 if left else 1]
    warnings = [*warnings, *fills.notes(path.name, "not known")]
    return Field(path.name, kept, values[None], (), tuple(warnings))


def _window(
    rows: slice, columns: slice, shape: tuple[int, int], *, down: bool, left: bool
) -> Window:
    high, wide = rows.stop - rows.start, columns.stop - columns.start
    top = shape[0] - rows.stop if down else rows.start
    west = shape[1] - columns.stop if left else columns.start
    return Window(west, top, wide, high)


def _netcdf(path: Path, box: tuple[Bounds, CRS] | None, variable: str | None) -> Field:
    import xarray as xr

    if not path.exists():
        raise DataError(f"{path}: no such file; expected a hazard raster or polygons")
    try:
        with xr.open_dataset(path, decode_times=False) as dataset:
            return field_of(chosen(dataset, variable, path.name), box, path.name)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(
            f"{path}: cannot be read as NetCDF ({str(error)[:200]}); expected a grid with "
            "coordinates"
        ) from error


def chosen(dataset: xr.Dataset, variable: str | None, name: str) -> xr.DataArray:
    """The variable meant: as told, the only one on a grid, or the levels of a field of ours."""
    grids = [str(v) for v in dataset.data_vars if _axes(dataset[v]) is not None]
    wanted = variable or ("hazard_level" if "hazard_level" in grids else None)
    if wanted is None and len(grids) == 1:
        wanted = grids[0]
    if wanted is None or wanted not in grids:
        raise DataError(
            f"{name}: expected one variable on a grid, found {', '.join(grids) or 'none'}"
            + (f", not {variable!r}" if variable else "")
            + "; say which with --variable NAME"
        )
    array: xr.DataArray = dataset[wanted]
    mapping = dataset.variables.get(str(array.attrs.get("grid_mapping", "")))
    mapping = mapping if mapping is not None else dataset.variables.get("spatial_ref")
    if mapping is not None:
        array = array.assign_attrs(
            crs_wkt=mapping.attrs.get("crs_wkt") or mapping.attrs.get("spatial_ref")
        )
    return array


def field_of(array: xr.DataArray, box: tuple[Bounds, CRS] | None, name: str) -> Field:
    """The part of an array with coordinates that meets a box."""
    axes = _axes(array)
    if axes is None:
        raise DataError(
            f"{name}: expected the dims latitude and longitude (or y and x) with coordinates of "
            f"cell centres, found {tuple(array.dims)}"
        )
    y, x = axes
    array, levels = _members(array, y, x, name)
    array = array.sortby([y, x])
    edges = [edges_of_centres(array[n].to_numpy().astype(np.float64), n) for n in (y, x)]
    crs, warnings = _crs_of_array(array, y, x, edges, name)
    cells = Cells(crs, edges[1], edges[0])
    rows, columns = _wanted(cells, box)
    _require_size(name, rows, columns, array.shape[0])
    fills = Fills()
    part = array[:, rows, columns].to_numpy()
    if part.dtype.kind not in "fiub":
        raise DataError(f"{name}: expected numbers, found {part.dtype}; give another variable")
    kind = array.encoding.get("dtype", part.dtype)
    values = fills.cleared(as_floats(part))
    if np.dtype(kind).itemsize == 4 and values.dtype == np.float64:
        values = values.astype(np.float32)
    minus_one = array.name == "hazard_level" or array.attrs.get("missing_value") == -1
    return Field(
        name, cells.part(rows, columns), values, levels,
        (*warnings, *fills.notes(name, "not known")), bool(minus_one),
    )  # fmt: skip


def _members(
    array: xr.DataArray, y: str, x: str, name: str
) -> tuple[xr.DataArray, tuple[float, ...]]:
    """The array with the dims (members, y, x)."""
    array = array.squeeze([d for d in array.dims if d not in (y, x) and array.sizes[d] == 1])
    others = [str(d) for d in array.dims if d not in (y, x)]
    if not others:
        return array.expand_dims("realization").transpose("realization", y, x), ()
    if len(others) > 1 or others[0] not in (*_MEMBERS, _QUANTILE):
        raise DataError(
            f"{name}: expected one field, or several along 'realization' or 'quantile'; found the "
            f"dims {tuple(array.dims)}; choose one time first, e.g. .isel({others[0]}=0)"
        )
    levels: tuple[float, ...] = ()
    if others[0] == _QUANTILE:
        if _QUANTILE not in array.coords:
            raise DataError(f"{name}: the dim 'quantile' has no coordinates; expected 0 to 1")
        levels = tuple(float(q) for q in array[_QUANTILE])
    return array.transpose(others[0], y, x), levels


def _axes(array: xr.DataArray) -> tuple[str, str] | None:
    """Names of the dims of latitude and longitude, or of y and x."""
    found = [_axis(array, names, axis) for names, axis in ((_Y, "Y"), (_X, "X"))]
    return None if None in found else (str(found[0]), str(found[1]))


def _axis(array: xr.DataArray, names: tuple[str, ...], axis: str) -> str | None:
    for dim in array.dims:
        if dim not in array.coords or array[dim].dtype.kind not in "fiu":
            continue
        attrs = array[dim].attrs
        units = str(attrs.get("units", "")).lower()
        north = "degrees_north" if axis == "Y" else "degrees_east"
        if str(dim).lower() in names or attrs.get("axis") == axis or units == north:
            return str(dim)
    return None


def _crs_of_array(
    array: xr.DataArray, y: str, x: str, edges: list[NDArray[np.float64]], name: str
) -> tuple[CRS, list[str]]:
    bounds = (edges[1][0], edges[0][0], edges[1][-1], edges[0][-1])
    told = next(
        (array.attrs[k] for k in ("crs_wkt", "spatial_ref", "crs") if array.attrs.get(k)), None
    )
    if told is None and "spatial_ref" in array.coords:
        told = array["spatial_ref"].attrs.get("crs_wkt")
    if told is not None:
        try:
            return CRS.from_user_input(told), []
        except (CRSError, ValueError) as error:
            raise DataError(f"{name}: coordinate system {str(told)[:80]!r}: {error}") from error
    degrees = str(array[y].attrs.get("units", "")).lower().startswith("degree")
    if degrees or (y.lower() in _Y[:2] and x.lower() in _X[:2]):
        return crs_of(WGS84, bounds, name)
    return crs_of(None, bounds, name)


def crs_of(crs: CRS | None, bounds: Any, name: str) -> tuple[CRS, list[str]]:
    """The system of a raster; degrees where it has none and they fit.

    Raises:
        GridMismatch: none, and the numbers are no degrees.
    """
    left, low, right, high = (float(v) for v in bounds)
    fits = left >= -180.01 and right <= 360.01 and low >= -90.01 and high <= 90.01
    if crs is None:
        pixels = (left, high) == (0.0, 0.0) or (left, low) == (0.0, 0.0)
        if not fits or pixels:
            raise GridMismatch(
                f"{name}: no coordinate system, and {left:g} … {right:g}, {low:g} … {high:g} are "
                "no degrees; write the system into it, e.g. rio edit-info --crs EPSG:32748 FILE"
            )
        return WGS84, [
            f"{name}: no coordinate system in the file; its numbers fit degrees, read as EPSG:4326"
        ]
    if crs.is_geographic and not fits:
        raise GridMismatch(
            f"{name}: says {crs}, but covers {left:g} … {right:g} E, {low:g} … {high:g} N; are "
            "longitude and latitude swapped? Correct the file"
        )
    return crs, []


def _wanted(cells: Cells, box: tuple[Bounds, CRS] | None) -> tuple[slice, slice]:
    """Rows and columns that meet the box, at least one of each; all without a box."""
    rows, columns = (slice(0, n) for n in cells.shape)
    if box is None:
        return rows, columns
    left, low, right, high = box_in(box[0], box[1], cells.crs)
    wide, tall = _BOX_ROOM * max(1.0, abs(right)), _BOX_ROOM * max(1.0, abs(high))
    rows, columns = cells.meeting((left - wide, low - tall, right + wide, high + tall))
    if rows.stop == rows.start:
        rows = slice(0, 1)
    if columns.stop == columns.start:
        columns = slice(0, 1)
    return rows, columns


def _require_size(name: str, rows: slice, columns: slice, members: int) -> None:
    cells = (rows.stop - rows.start) * (columns.stop - columns.start) * members
    if cells > MAX_CELLS:
        raise GridMismatch(
            f"{name}: {cells:,} cells meet the people; expected at most {MAX_CELLS:,}; cut the "
            "hazard, or take it coarser, e.g. gdalwarp -tr"
        )
