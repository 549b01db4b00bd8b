"""A picture of one event: MMI by the chain, by BMKG, and the difference, with the coast."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from kentongan.settings import data_dir
from processing.gmm.folder import ShakeMap

Floats = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

HALF_KM = 150.0
"""Half the side of the picture: where the difference is judged."""
SIDE, GAP, TOP, LEFT = 250, 22, 66, 46
"""Pixels: side of a panel, space between two, above and to the left of them."""
_KM_PER_DEGREE = 111.195
MMI_COLOURS: tuple[Colour, ...] = (
    (255, 255, 255), (226, 233, 243), (191, 211, 235), (150, 190, 220), (120, 198, 190),
    (140, 210, 140), (196, 225, 110), (245, 235, 95), (253, 205, 80), (250, 165, 60),
    (240, 120, 50), (222, 80, 45), (196, 45, 45), (165, 20, 50), (130, 5, 60),
    (100, 0, 65), (75, 0, 65), (50, 0, 60),
)  # fmt: skip
"""One a half of an intensity, from 1."""
DIFFERENCES = (-0.5, -0.3, -0.2, -0.1, -0.05, -0.02, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
DIFFERENCE_COLOURS: tuple[Colour, ...] = (
    (8, 48, 107), (8, 81, 156), (33, 113, 181), (107, 174, 214), (158, 202, 225), (208, 225, 240),
    (247, 247, 247),
    (253, 224, 210), (252, 187, 161), (251, 130, 90), (239, 59, 44), (165, 15, 21), (103, 0, 13),
)  # fmt: skip
"""Of the classes between the edges; the middle is no difference."""


@dataclass(frozen=True)
class Frame:
    """Degrees that a panel shows."""

    west: float
    south: float
    east: float
    north: float

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        """Pixels from the panel's upper left corner."""
        x = (longitude - self.west) / (self.east - self.west) * SIDE
        return x, (self.north - latitude) / (self.north - self.south) * SIDE


@dataclass(frozen=True)
class Panel:
    """One picture: MMI, or a difference of two, shape (latitude, longitude); NaN is not drawn."""

    name: str
    values: Floats
    difference: bool = False


def difference_map(one: ShakeMap, ours: Floats, bmkg: Floats) -> str:
    """SVG: ours, BMKG's, and ours minus BMKG's, each within 150 km of the epicentre.

    Args:
        ours: MMI on the map's own points, shape (latitude, longitude), rows from the south.
        bmkg: likewise.
    """
    panels = (
        Panel("MMI, by the chain", ours),
        Panel("MMI, BMKG's map", bmkg),
        Panel("difference: chain minus BMKG", ours - bmkg, difference=True),
    )
    words = (
        f"BMKG event {one.event_id}: M {one.magnitude:.1f}, {one.depth_km:.0f} km deep, "
        f"{abs(one.latitude_of):.2f}° {'S' if one.latitude_of < 0 else 'N'}, "
        f"{one.longitude_of:.2f}° E"
    )
    return side_by_side(
        words, np.sort(one.latitude), one.longitude, panels,
        epicentre=(one.latitude_of, one.longitude_of),
    )  # fmt: skip


def side_by_side(
    title: str,
    latitude: Floats,
    longitude: Floats,
    panels: Sequence[Panel],
    *,
    epicentre: tuple[float, float],
) -> str:
    """SVG of two MMI and their difference within 150 km, with coast, scale and keys.

    Args:
        latitude: of the rows, degrees, ascending and even.
        longitude: of the columns, likewise.
        panels: three, the difference last.
        epicentre: latitude and longitude.
    """
    frame = _frame(*epicentre)
    coast, body = _coast(frame), [f'<text x="{LEFT}" y="22" font-size="14">{escape(title)}</text>']
    for i, panel in enumerate(panels):
        colours = DIFFERENCE_COLOURS if panel.difference else MMI_COLOURS
        image = _image(frame, latitude, longitude, _classes(panel), colours)
        place = frame.place(epicentre[1], epicentre[0])
        body.append(_panel(i, escape(panel.name), image, coast, place))
    body.extend([_axes(frame), _mmi_key(), _difference_key(), _scale()])
    width = LEFT + len(panels) * SIDE + (len(panels) - 1) * GAP + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + SIDE + 72}" '
        'font-family="sans-serif" font-size="11">\n'
        '<rect width="100%" height="100%" fill="white"/>\n'
        f'<defs><clipPath id="panel"><rect width="{SIDE}" height="{SIDE}"/></clipPath></defs>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _frame(latitude: float, longitude: float) -> Frame:
    north = HALF_KM / _KM_PER_DEGREE
    east = north / math.cos(math.radians(latitude))
    return Frame(longitude - east, latitude - north, longitude + east, latitude + north)


def _classes(panel: Panel) -> npt.NDArray[np.int64]:
    """Index of the colour; NaN has that of nothing felt, or of no difference."""
    if panel.difference:
        return np.digitize(np.nan_to_num(panel.values), DIFFERENCES)
    halves = np.floor((np.nan_to_num(panel.values, nan=1.0) - 1.0) * 2)
    return np.clip(halves, 0, len(MMI_COLOURS) - 1).astype(np.int64)


def _image(
    frame: Frame,
    latitude: Floats,
    longitude: Floats,
    classes: npt.NDArray[np.int64],
    colours: Sequence[Colour],
) -> str:
    """The classes as PNG, one pixel a cell, in its place; base64 in an SVG element."""
    from PIL import Image

    step_y, step_x = (float(a[1] - a[0]) for a in (latitude, longitude))
    row = (latitude >= frame.south - step_y) & (latitude <= frame.north + step_y)
    column = (longitude >= frame.west - step_x) & (longitude <= frame.east + step_x)
    shown = classes[row][:, column][::-1].astype(np.uint8)
    picture = Image.fromarray(shown, mode=None)
    picture.putpalette([part for colour in colours for part in colour])
    stream = BytesIO()
    picture.save(stream, "PNG", optimize=True, bits=8)
    left, top = frame.place(longitude[column][0] - step_x / 2, latitude[row][-1] + step_y / 2)
    right, bottom = frame.place(longitude[column][-1] + step_x / 2, latitude[row][0] - step_y / 2)
    text = base64.b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<image x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" preserveAspectRatio="none" '
        f'image-rendering="pixelated" href="data:image/png;base64,{text}"/>'
    )


def _coast(frame: Frame) -> str:
    """Path of Indonesia's outline where it meets the frame."""
    path = data_dir() / "layers" / "embedded" / "outline.geojson"
    document = json.loads(path.read_text(encoding="utf-8"))
    return "".join(
        _line(frame, ring)
        for feature in document["features"]
        for ring in _rings(feature["geometry"])
        if _meets(frame, ring)
    )


def _rings(geometry: dict[str, Any]) -> Iterable[Sequence[Sequence[float]]]:
    single = geometry["type"] == "Polygon"
    for polygon in [geometry["coordinates"]] if single else geometry["coordinates"]:
        yield from polygon


def _meets(frame: Frame, ring: Sequence[Sequence[float]]) -> bool:
    x, y = [p[0] for p in ring], [p[1] for p in ring]
    return (
        max(x) > frame.west
        and min(x) < frame.east
        and max(y) > frame.south
        and min(y) < frame.north
    )


def _line(frame: Frame, ring: Sequence[Sequence[float]]) -> str:
    """Points far outside are held at the edge, where the clip hides them."""
    places: list[str] = []
    for longitude, latitude in ring:
        x, y = frame.place(longitude, latitude)
        text = f"{min(max(x, -40.0), SIDE + 40.0):.1f} {min(max(y, -40.0), SIDE + 40.0):.1f}"
        if not places or places[-1] != text:
            places.append(text)
    return "M" + "L".join(places) + "Z"


def _panel(i: int, name: str, image: str, coast: str, epicentre: tuple[float, float]) -> str:
    x, y = epicentre
    return (
        f'<g transform="translate({_left(i)} {TOP})">'
        f'<text x="0" y="-8" font-size="12">{name}</text>'
        f'<g clip-path="url(#panel)">{image}'
        f'<path d="{coast}" fill="none" stroke="#222" stroke-width="0.8"/></g>'
        f'<path d="M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10" stroke="black" '
        'stroke-width="1.6"/>'
        f'<rect width="{SIDE}" height="{SIDE}" fill="none" stroke="#444"/></g>'
    )


def _left(i: int) -> int:
    return LEFT + i * (SIDE + GAP)


def _axes(frame: Frame) -> str:
    """Whole degrees: latitudes left of the first panel, longitudes below each."""
    parts = []
    for latitude in range(math.ceil(frame.south), math.floor(frame.north) + 1):
        _, y = frame.place(frame.west, latitude)
        name = f"{abs(latitude)}° {'S' if latitude < 0 else 'N'}" if latitude else "0°"
        parts.append(f'<text x="{LEFT - 5}" y="{TOP + y + 4:.1f}" text-anchor="end">{name}</text>')
    for i in range(3):
        for longitude in range(math.ceil(frame.west), math.floor(frame.east) + 1):
            x, _ = frame.place(longitude, frame.north)
            parts.append(
                f'<text x="{_left(i) + x:.1f}" y="{TOP + SIDE + 14}" text-anchor="middle">'
                f"{longitude}° E</text>"
            )
    return "".join(parts)


def _mmi_key() -> str:
    width = (2 * SIDE + GAP) / len(MMI_COLOURS)
    labels = [f"{1 + i / 2:g}" if i % 2 == 0 else "" for i in range(len(MMI_COLOURS))]
    return _key(
        _left(0), width, MMI_COLOURS, labels, "MMI (modified Mercalli intensity), in halves"
    )


def _difference_key() -> str:
    width = SIDE / len(DIFFERENCE_COLOURS)
    labels = ["", *(f"{edge:+g}" if abs(edge) != 0.02 else "" for edge in DIFFERENCES)]
    shown = [text if i in (1, 4, 9, 12) else "" for i, text in enumerate(labels)]
    return _key(_left(2), width, DIFFERENCE_COLOURS, shown, "MMI; white: within ±0.02")


def _key(
    left: float, width: float, colours: Sequence[Colour], labels: Sequence[str], words: str
) -> str:
    """Boxes with the lower edge of each below it."""
    top = TOP + SIDE + 24
    parts = [f'<text x="{left}" y="{top + 40}">{words}</text>']
    for i, (colour, label) in enumerate(zip(colours, labels, strict=True)):
        fill = "#" + "".join(f"{part:02x}" for part in colour)
        x = left + i * width
        parts.append(
            f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="11" fill="{fill}" '
            'stroke="#999" stroke-width="0.4"/>'
        )
        if label:
            parts.append(
                f'<text x="{x:.1f}" y="{top + 24}" text-anchor="middle" font-size="10">'
                f"{label}</text>"
            )
    return "".join(parts)


def _scale() -> str:
    """50 km, in the first panel."""
    length = 50.0 / (2 * HALF_KM) * SIDE
    x, y = LEFT + 10, TOP + SIDE - 10
    return (
        f'<path d="M{x} {y}h{length:.1f}" stroke="black" stroke-width="2"/>'
        f'<text x="{x}" y="{y - 5}">50 km</text>'
    )
