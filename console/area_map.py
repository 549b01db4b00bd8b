"""Areas in colours as one HTML file that opens without internet: overlays, coverage.

Built like the situation map: folium makes an empty map, what comes from outside goes into a
data block, and the file's own policy lets no other script run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from console.map_shapes import UNITS_PER_DEGREE, packed, simplify
from console.situation_map import block_json, content_policy, inline, skeleton
from console.templating import ASSETS, render

MOST_DRAWN = 3_000
"""Areas on one map; a browser of a district office draws no more in a second."""
_VIEW_SHARE = 1 / 2_000
"""Of the width of the map: less is not seen."""
_Shapes = NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class AreaMap:
    """What one page shows.

    Attributes:
        shapes: polygons, EPSG:4326.
        fill: colour of each shape, as CSS.
        tips: lines for each shape, the first is its name.
        legend: colour and words, in order.
        notes: sentences below the legend.
        lines: roads and the like, drawn thin.
        points: longitude, latitude and label.
    """

    title: str
    shapes: _Shapes
    fill: Sequence[str]
    tips: Sequence[Sequence[str]]
    legend: Sequence[tuple[str, str]]
    notes: Sequence[str] = ()
    lines: _Shapes | None = None
    points: Sequence[tuple[float, float, str]] = ()


def area_page(shown: AreaMap) -> str:
    """The whole page; the same values give the same bytes."""
    html = skeleton()
    html = re.sub(r'<meta name="viewport".*?/>', "", html, count=1, flags=re.DOTALL)
    html = html.replace("<html>", '<html lang="id">', 1)
    html = html.replace("</head>", f"<style>{_asset('map.css')}</style>\n</head>", 1)
    html = html.replace("</html>", f"<script>{_asset('area_map.js')}</script>\n</html>", 1)
    head = render("area_map.html", title=shown.title)
    html = html.replace("<body>", f"<body>\n{head}", 1)
    html = html.replace("</body>", f"{_panel(shown)}</body>", 1)
    html = inline(html)
    meta = render("map_meta.html", policy=content_policy(html), title=shown.title)
    return html.replace("<head>", f"<head>\n{meta}", 1)


def _panel(shown: AreaMap) -> str:
    text = render("area_map_panel.html", notes=list(shown.notes))
    return (
        f'{text}\n<script type="application/json" id="areas">{block_json(_data(shown))}</script>\n'
    )


def _data(shown: AreaMap) -> dict[str, object]:
    drawn = ~shapely.is_empty(shown.shapes)
    west, south, east, north = (
        (float(v) for v in shapely.total_bounds(shown.shapes)) if drawn.any() else (95, -11, 141, 6)
    )
    tolerance = (east - west) * _VIEW_SHARE / 2
    roads = np.empty(0, dtype=object) if shown.lines is None else shown.lines
    roads = shapely.simplify(roads, tolerance)
    return {
        "units_per_degree": UNITS_PER_DEGREE,
        "view": [[south, west], [north, east]],
        "shape": packed(simplify(shown.shapes, tolerance)),
        "fill": list(shown.fill),
        "tip": [list(tip) for tip in shown.tips],
        "legend": [list(pair) for pair in shown.legend],
        "lines": [np.round(shapely.get_coordinates(r)[:, ::-1], 5).tolist() for r in roads],
        "points": [[lat, lon, label] for lon, lat, label in shown.points],
    }


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
