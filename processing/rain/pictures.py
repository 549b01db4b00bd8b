"""Maps of rain fields side by side, as PNG: coast, degrees, a key with unit, arrows of motion."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from kentongan.settings import data_dir
from processing.rain.motion import BLOCK, Motion

Colour = tuple[int, int, int]
Floats = npt.NDArray[np.float64]

NOT_KNOWN: Colour = (205, 205, 205)
INK: Colour = (40, 40, 40)
WIDTH, GAP, LEFT, TOP, KEY = 400, 26, 52, 58, 58
"""Pixels: a panel's usual width; space between two, left of them, above them, and for the key."""
ARROWS_ACROSS = 16


@dataclass(frozen=True)
class Scale:
    """Colours of a quantity: `colours[0]` below the first edge, one more from each edge on."""

    words: str
    """What it is, with its unit."""
    edges: tuple[float, ...]
    colours: tuple[Colour, ...]


RATE = Scale(
    "rain rate, mm/h; grey: not known",
    (0.5, 1, 2, 5, 10, 20, 50),
    ((255, 255, 255), (214, 236, 248), (158, 202, 225), (90, 160, 205), (60, 150, 90),
     (250, 205, 70), (238, 110, 40), (165, 15, 50)),
)  # fmt: skip
AMOUNT = Scale("rain, mm; grey: not known", RATE.edges, RATE.colours)
TEMPERATURE = Scale(
    "brightness temperature at 10.4 µm, K",
    (200, 210, 220, 235, 253, 273, 285),
    ((70, 0, 60), (165, 15, 50), (238, 110, 40), (250, 205, 70), (120, 180, 210),
     (180, 200, 215), (222, 228, 232), (245, 245, 245)),
)  # fmt: skip
PROBABILITY = Scale(
    "probability, %; grey: not known",
    (5, 10, 20, 35, 50, 75),
    ((255, 255, 255), (235, 226, 240), (205, 180, 220), (165, 125, 190), (125, 75, 160),
     (95, 35, 125), (60, 0, 85)),
)  # fmt: skip
LEVEL = Scale(
    "level: 1 pantau, 2 Waspada, 3 Siaga; grey: not known",
    (1, 2, 3, 4),
    ((255, 255, 255), (200, 225, 245), (255, 220, 60), (245, 140, 30), (200, 30, 30)),
)
CLASSES = Scale(
    "kelas potensi hujan: 1 ringan, 2 sedang, 3 lebat, 4 sangat lebat",
    (1, 2, 3, 4),
    ((255, 255, 255), (170, 215, 240), (95, 190, 120), (250, 205, 70), (225, 60, 50)),
)


@dataclass(frozen=True)
class Map:
    """One panel: values of shape (latitude, longitude), rows from the south; NaN is not known."""

    name: str
    values: npt.NDArray[np.floating]
    scale: Scale
    motion: Motion | None = None
    """Drawn as arrows where rain was seen to move."""


def side_by_side(
    title: str,
    latitude: Floats,
    longitude: Floats,
    maps: Sequence[Map],
    *,
    across: int = 3,
    width: int = WIDTH,
    arrow_steps: float = 6.0,
) -> bytes:
    """PNG of the maps, `across` in a row.

    Args:
        latitude, longitude: cell centres, degrees, ascending and even.
        width: of a panel, pixels.
        arrow_steps: how many steps of a motion an arrow is long.
    """
    frame = _Frame.of(latitude, longitude, width)
    columns, rows = min(across, len(maps)), math.ceil(len(maps) / across)
    size = (LEFT + columns * (width + GAP), TOP + rows * (frame.height + GAP + KEY))
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((LEFT, 8), title, fill=INK, font=_font(17))
    for number, one in enumerate(maps):
        left = LEFT + number % across * (width + GAP)
        top = TOP + number // across * (frame.height + GAP + KEY)
        sheet.paste(_panel(frame, one, arrow_steps), (left, top))
        draw.text((left, top - 19), one.name, fill=INK, font=_font(14))
        draw.rectangle((left, top, left + width, top + frame.height), outline=INK)
        _degrees(draw, frame, left, top)
        _key(draw, one.scale, left, top + frame.height + 24)
    stream = io.BytesIO()
    sheet.quantize(128, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


@dataclass(frozen=True)
class _Frame:
    west: float
    south: float
    east: float
    north: float
    width: int

    @staticmethod
    def of(latitude: Floats, longitude: Floats, width: int) -> _Frame:
        half_y, half_x = (0.5 * float(a[1] - a[0]) for a in (latitude, longitude))
        return _Frame(
            float(longitude[0]) - half_x, float(latitude[0]) - half_y,
            float(longitude[-1]) + half_x, float(latitude[-1]) + half_y, width,
        )  # fmt: skip

    @property
    def height(self) -> int:
        return round(self.width * (self.north - self.south) / (self.east - self.west))

    def place(self, longitude: float, latitude: float) -> tuple[float, float]:
        x = (longitude - self.west) / (self.east - self.west) * self.width
        return x, (self.north - latitude) / (self.north - self.south) * self.height


def _panel(frame: _Frame, one: Map, arrow_steps: float) -> Image.Image:
    place = np.digitize(np.nan_to_num(one.values, nan=0.0), one.scale.edges)
    pixels = np.array(one.scale.colours, dtype=np.uint8)[place]
    pixels[~np.isfinite(one.values)] = NOT_KNOWN
    image = Image.fromarray(np.ascontiguousarray(pixels[::-1]))
    image = image.resize((frame.width, frame.height), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(image)
    for ring in _coast():
        if _meets(frame, ring):
            draw.line([frame.place(x, y) for x, y in ring], fill=(90, 90, 90), width=1)
    if one.motion is not None:
        for tail, head in _arrows(frame, one, one.motion, arrow_steps):
            _arrow(draw, tail, head)
    return image


@cache
def _coast() -> tuple[tuple[tuple[float, float], ...], ...]:
    """Rings of the outline of the embedded layers, degrees."""
    path = data_dir() / "layers" / "embedded" / "outline.geojson"
    found = []
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]["coordinates"]
        for polygon in [shape] if feature["geometry"]["type"] == "Polygon" else shape:
            found += [tuple((float(p[0]), float(p[1])) for p in ring) for ring in polygon]
    return tuple(found)


def _meets(frame: _Frame, ring: Sequence[tuple[float, float]]) -> bool:
    x, y = [p[0] for p in ring], [p[1] for p in ring]
    across = max(x) > frame.west and min(x) < frame.east
    return across and max(y) > frame.south and min(y) < frame.north


def _arrows(
    frame: _Frame, one: Map, motion: Motion, arrow_steps: float
) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    rows, columns = motion.east.shape
    every = max(1, columns // ARROWS_ACROSS)
    pixels = np.array([frame.width / one.values.shape[1], frame.height / one.values.shape[0]])
    for i in range(every // 2, rows, every):
        for j in range(every // 2, columns, every):
            if motion.seen[i, j] < 0.01:
                continue
            x, y = (np.array([j, i]) + 0.5) * BLOCK * pixels
            go = np.array([motion.east[i, j], motion.north[i, j]]) * arrow_steps * pixels
            tail = float(x), frame.height - float(y)
            yield tail, (tail[0] + float(go[0]), tail[1] - float(go[1]))


def _arrow(draw: ImageDraw.ImageDraw, tail: tuple[float, float], head: tuple[float, float]) -> None:
    draw.line([tail, head], fill=(10, 10, 10), width=2)
    along = math.atan2(head[1] - tail[1], head[0] - tail[0])
    for side in (2.6, -2.6):
        barb = head[0] + 5 * math.cos(along + side), head[1] + 5 * math.sin(along + side)
        draw.line([head, barb], fill=(10, 10, 10), width=2)


def _degrees(draw: ImageDraw.ImageDraw, frame: _Frame, left: int, top: int) -> None:
    step = _round_step(frame.east - frame.west)
    for k in range(math.ceil(frame.west / step), math.floor(frame.east / step) + 1):
        x, _ = frame.place(k * step, frame.south)
        words = f"{k * step:g}°E"
        draw.text((left + x - 14, top + frame.height + 4), words, fill=INK, font=_font(11))
    for k in range(math.ceil(frame.south / step), math.floor(frame.north / step) + 1):
        _, y = frame.place(frame.west, k * step)
        words = f"{abs(k * step):g}°{'S' if k < 0 else 'N'}" if k else "0°"
        if left == LEFT:
            draw.text((left - 36, top + y - 7), words, fill=INK, font=_font(11))


def _round_step(width: float) -> float:
    return next((s for s in (0.5, 1.0, 2.0, 5.0) if width / s <= 7), 10.0)


def _key(draw: ImageDraw.ImageDraw, scale: Scale, left: int, top: int) -> None:
    box = 44
    for k, colour in enumerate(scale.colours):
        x = left + k * box
        draw.rectangle((x, top, x + box, top + 10), fill=colour, outline=INK)
        if k:
            draw.text((x - 6, top + 12), f"{scale.edges[k - 1]:g}", fill=INK, font=_font(10))
    draw.text((left, top + 24), scale.words, fill=INK, font=_font(12))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
