"""What a cell of a notebook shows: pages that open without internet, pictures with units."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kentongan.errors import DataError

if TYPE_CHECKING:
    import folium
    import geopandas as gpd
    import pandas as pd
    import xarray as xr

    from processing.rain.pictures import Scale

_FRAME = '<div><iframe srcdoc="{}" width="100%" height="{}" title="{}"></iframe></div>'
_RAMP = ("#ffffcc", "#ffeda0", "#fed976", "#feb24c", "#fd8d3c", "#fc4e2a", "#e31a1c", "#b10026")
"""From little to much, apart for colour-blind eyes and in grey."""
_UNKNOWN = "#b9bec6"
LEVEL_UNIT = "level"
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Page:
    """One HTML file that carries all it needs; a notebook shows it in a frame."""

    html: str = field(repr=False)
    title: str = "Peta"
    height: int = 600

    def _repr_html_(self) -> str:
        return _FRAME.format(escape(self.html), self.height, escape(self.title))

    def save(self, path: Path | str) -> Path:
        """Write the file; it opens in any browser, without internet."""
        Path(path).write_text(self.html, encoding="utf-8", newline="\n")
        return Path(path)


@dataclass(frozen=True)
class Drawing:
    """A chart as SVG text, or a picture as PNG bytes."""

    content: str | bytes = field(repr=False)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if isinstance(self.content, str):
            return {"image/svg+xml": self.content}
        return {"image/png": base64.b64encode(self.content).decode()}

    def save(self, path: Path | str) -> Path:
        whole = self.content.encode() if isinstance(self.content, str) else self.content
        Path(path).write_bytes(whole)
        return Path(path)


def offline(chart: folium.Map, *, title: str = "Peta", height: int = 600) -> Page:
    """A map of folium's as one file: Leaflet inside, no other host.

    Args:
        chart: made with `tiles=None`. Polygons, lines, circles and tooltips work; `folium.Icon`,
            `folium.Popup` and plug-ins bring scripts that are not carried here.

    Raises:
        DataError: the map needs a script or tiles from another host, and which.
    """
    from console.situation_map import inline

    chart.default_js = [("leaflet", "leaflet.js")]
    chart.default_css = [("leaflet_css", "leaflet.css")]
    html: str = chart.get_root().render()
    if "L.tileLayer(" in html:
        raise DataError("map: it asks another host for tiles; make it with folium.Map(tiles=None)")
    try:
        return Page(inline(html), title, height)
    except KeyError as error:
        raise DataError(f"map: an element needs {error}, which is not carried here") from error


def shaded(
    areas: gpd.GeoDataFrame, column: str, *, unit: str, title: str, name: str = "name"
) -> Page:
    """Areas by colour of a number; where it is not known they are grey.

    Args:
        areas: polygons with a CRS.
        column: of numbers; NaN is not known.
        unit: of the numbers, e.g. "orang".
        name: column with the areas' names, where there is one.
    """
    from console.area_map import MOST_DRAWN, AreaMap, area_page

    areas = areas[~(areas.geometry.is_empty | areas.geometry.isna())].to_crs(4326)
    notes = [] if len(areas) <= MOST_DRAWN else [f"{MOST_DRAWN:,} of {len(areas):,} areas shown"]
    areas = areas.nlargest(MOST_DRAWN, column) if notes else areas
    values = areas[column].to_numpy(dtype=float)
    edges = nice_edges(values, len(_RAMP))
    classes = np.digitize(values, edges[1:])
    known = np.isfinite(values)
    fill = [_RAMP[c] if k else _UNKNOWN for c, k in zip(classes, known, strict=True)]
    legend = [(_RAMP[i], f"≥ {low:,g} {unit}") for i, low in enumerate(edges)]
    names = areas[name].astype(str) if name in areas else areas.index.astype(str)
    tips = [
        [who, f"{value:,g} {unit}" if np.isfinite(value) else "tidak diketahui (not known)"]
        for who, value in zip(names, values, strict=True)
    ]
    legend += [] if known.all() else [(_UNKNOWN, "tidak diketahui (not known)")]
    shapes = np.asarray(areas.geometry.to_numpy(), dtype=object)
    return Page(area_page(AreaMap(title, shapes, fill, tips, legend, notes)), title)


def nice_edges(values: Any, most: int) -> list[float]:
    """Lower edges of at most `most` classes of round numbers that hold the finite values."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return [0.0]
    low, high = float(finite.min()), float(finite.max())
    step = _nice((high - low) / (most - 1) or 1.0)
    first = np.floor(low / step) * step
    digits = int(np.clip(2 - np.floor(np.log10(step)), 0, 300))
    edges = [round(float(first + step * i), digits) for i in range(most)]
    return sorted({e for e in edges if e <= high} or {low})


def _nice(step: float) -> float:
    power = 10.0 ** np.floor(np.log10(step))
    return float(next(s * power for s in _STEPS if s * power >= step * (1 - 1e-9)))


def picture(*fields: xr.DataArray, title: str = "", across: int = 3) -> Drawing:
    """Fields over latitude and longitude beside each other, each with its unit and a key.

    Args:
        fields: dims (latitude, longitude), the same grid; NaN is not known. The name of a field,
            or its `long_name`, stands above it; `units` stands in the key. Fields of one unit
            share one key.
    """
    from processing.rain.pictures import Map, side_by_side

    for one in fields:
        if {*one.dims} != {"latitude", "longitude"}:
            raise DataError(
                f"field {one.name!r}: expected dims latitude and longitude, found {one.dims}; "
                "choose one time or member first"
            )
    grid = [_known(one).sortby(["latitude", "longitude"]) for one in fields]
    scales = _scales(grid)
    maps = [
        Map(_name(one), one.transpose("latitude", "longitude").to_numpy(), scales[_unit(one)])
        for one in grid
    ]
    north, east = (grid[0][n].to_numpy().astype(float) for n in ("latitude", "longitude"))
    return Drawing(side_by_side(title, north, east, maps, across=across))


def _known(field: xr.DataArray) -> xr.DataArray:
    """Levels as numbers; where the level is not known, NaN."""
    if "flag_values" not in field.attrs:
        return field
    level = field.where(field >= 0).astype(float)
    return level.assign_attrs(long_name=field.attrs.get("long_name", ""), units=LEVEL_UNIT)


def _name(field: xr.DataArray) -> str:
    return str(field.attrs.get("long_name") or field.name or "")


def _unit(field: xr.DataArray) -> str:
    return str(field.attrs.get("units") or "no unit given")


def _scales(fields: Sequence[xr.DataArray]) -> dict[str, Scale]:
    from processing.rain.pictures import LEVEL, Scale

    found = {LEVEL_UNIT: LEVEL}
    for unit in {_unit(one) for one in fields} - {LEVEL_UNIT}:
        values = np.concatenate([f.to_numpy().ravel() for f in fields if _unit(f) == unit])
        edges = nice_edges(values, len(_RAMP))
        colours = tuple(_rgb(colour) for colour in _RAMP[: len(edges)])
        shown = "no unit" if unit == "1" else unit
        found[unit] = Scale(f"{shown}; grey: not known", tuple(edges[1:]), colours)
    return found


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def lines(title: str, table: pd.DataFrame, *, across: str, up: str) -> Drawing:
    """One curve a column, over the ascending index.

    Args:
        across, up: what stands along the axes, with its unit, e.g. "km east of the epicentre".
    """
    from console.charts import curves

    x = [float(v) for v in table.index]
    y = {str(name): [float(v) for v in table[name]] for name in table}
    every = [v for values in y.values() for v in values]
    return Drawing(curves(title, x, y, _axis(across, x), _axis(up, every)))


def _axis(words: str, values: Sequence[float]) -> Any:
    from console.charts import Axis

    edges = nice_edges(values, 8)
    step = edges[1] - edges[0] if len(edges) > 1 else 1.0
    high = edges[-1] + (step if np.nanmax(values) > edges[-1] else 0.0)
    return Axis(words, edges[0], max(high, edges[0] + step), step)


def columns(title: str, table: pd.DataFrame, *, unit: str) -> Drawing:
    """Bars, one group a row of the table, one bar a column, with the numbers and their unit."""
    from console.charts import bars

    names = [str(name) for name in table.index]
    return Drawing(bars(title, unit, names, {str(c): table[c].tolist() for c in table}))
