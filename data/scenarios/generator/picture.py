"""Rainfall-potential pictures in the palette and geometry of `H08_RP_Indonesia.png`.

Flat colours instead of BMKG's smoothed edges, so that the file stays small.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zlib import compress, crc32

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from processing.rain_image import (
    CLASS_COLOURS,
    COAST_COLOUR,
    FRAME_COLOUR,
    FRAME_PIXELS,
    GRID_COLOUR,
    GRID_LATITUDES,
    GRID_LINE_PIXELS,
    GRID_LONGITUDES,
    HEIGHT,
    LAND_COLOUR,
    LEGEND_COLUMNS,
    LEGEND_ROWS,
    ORIGIN_DEGREES,
    ORIGIN_PIXEL,
    PIXELS_PER_DEGREE,
    SEA_COLOUR,
    TITLE_ROWS,
    WIDTH,
    column_of,
    row_of,
)

LABEL = (247, 93, 89)
LIMITS = (0.18, 0.38, 0.60, 0.82)
"""Lower edges of the classes in our made-up storm strength 0..1."""

BAR_ROWS = (3, TITLE_ROWS - 2)
BAR = (76, 76, 76)
TITLE = (255, 248, 198)
TITLE_SIZE, LETTER_GAP, SPACE = 42, 7, 10
"""Pixels: capitals are then about 30 high. A space comes on top of the gap."""
SUPER = 3
"""The title is drawn three times as large and shrunk, for smooth edges."""
PANEL_GREY = (102, 102, 102)
BAND = (1565, 1582)
BAND_ROWS = ((679, 794), (559, 678), (440, 558), (323, 439))


@dataclass(frozen=True)
class Cell:
    """A convective cell: a blob of `strength` 0..1 with radii in degrees."""

    longitude: float
    latitude: float
    radius_x: float
    radius_y: float
    strength: float


def picture(valid_time: datetime, cells: Sequence[Cell], outline: Path) -> bytes:
    """The picture of one scan as PNG bytes. `outline`: GeoJSON of land polygons."""
    pixels = _background(outline).copy()
    strength = _strength(cells)
    drawable = ~_line_pixels(outline)
    for colour, limit in zip(CLASS_COLOURS, LIMITS, strict=True):
        pixels[(strength >= limit) & drawable] = colour
    image = Image.fromarray(pixels)
    _overprint(ImageDraw.Draw(image))
    _title(image, f"HIMAWARI-9 RP  {valid_time:%d/%m/%Y}  {valid_time:%H:%M}UTC")
    return _png(np.asarray(image))


def _png(pixels: Any) -> bytes:
    """RGB without alpha and without row filters: flat colours pack best so."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))

    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _strength(cells: Sequence[Cell]) -> Any:
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    longitude = ORIGIN_DEGREES[0] + (columns - ORIGIN_PIXEL[0]) / PIXELS_PER_DEGREE[0]
    latitude = ORIGIN_DEGREES[1] - (rows - ORIGIN_PIXEL[1]) / PIXELS_PER_DEGREE[1]
    # Ragged edges: a fixed ripple, the same on every run.
    ripple = 0.12 * np.sin(7 * longitude + 3 * latitude) + 0.09 * np.sin(
        5 * longitude - 9 * latitude
    )
    ripple += 0.06 * np.sin(19 * longitude + 4 * latitude + 3 * ripple)
    total = np.zeros((HEIGHT, WIDTH))
    for cell in cells:
        dx = (longitude - cell.longitude) / cell.radius_x
        dy = (latitude - cell.latitude) / cell.radius_y
        blob = cell.strength * np.exp(-(dx**2 + dy**2))
        total = np.maximum(total, blob * (1 + ripple))
    return total


@cache
def _rings(outline: Path) -> tuple[Any, ...]:
    found = []
    for feature in json.loads(outline.read_text(encoding="utf-8"))["features"]:
        geometry = feature["geometry"]
        polygons = geometry["coordinates"]
        if geometry["type"] == "Polygon":
            polygons = [polygons]
        for polygon in polygons:
            ring = np.asarray(polygon[0])
            x, y = np.rint(column_of(ring[:, 0])), np.rint(row_of(ring[:, 1]))
            found.append(list(zip(x.tolist(), y.tolist(), strict=True)))
    return tuple(found)


@cache
def _background(outline: Path) -> Any:
    image = Image.new("RGB", (WIDTH, HEIGHT), SEA_COLOUR)
    draw = ImageDraw.Draw(image)
    for ring in _rings(outline):
        draw.polygon(ring, fill=LAND_COLOUR)
    for ring in _rings(outline):
        draw.line([*ring, ring[0]], fill=COAST_COLOUR, width=2)
    _graticule(draw)
    return np.asarray(image)


@cache
def _line_pixels(outline: Path) -> Any:
    background = _background(outline)
    return (background == COAST_COLOUR).all(-1) | (background == GRID_COLOUR).all(-1)


def _graticule(draw: ImageDraw.ImageDraw) -> None:
    """Dotted lines: squares as wide as the line, one every 11 pixels."""
    size = GRID_LINE_PIXELS - 1
    for longitude in GRID_LONGITUDES:
        column = _line_start(float(column_of(longitude)))
        for row in range(TITLE_ROWS + 2, HEIGHT - 22, 11):
            draw.rectangle((column, row, column + size, row + size), fill=GRID_COLOUR)
    for latitude in GRID_LATITUDES:
        row = _line_start(float(row_of(latitude)))
        for column in range(24, WIDTH - FRAME_PIXELS, 11):
            draw.rectangle((column, row, column + size, row + size), fill=GRID_COLOUR)


def _line_start(middle: float) -> int:
    """First pixel of a drawn line around `middle`."""
    return math.floor(middle) - GRID_LINE_PIXELS // 2 + 1


def _overprint(draw: ImageDraw.ImageDraw) -> None:
    _ticks(draw)
    _legend(draw)
    draw.rectangle((0, BAR_ROWS[0], WIDTH - 1, BAR_ROWS[1]), fill=BAR)
    draw.text((1260, 24), "rekaan ulang - bukan gambar BMKG", fill=SEA_COLOUR, font=_font(20))
    for edge in range(FRAME_PIXELS):
        draw.rectangle((edge, edge, WIDTH - 1 - edge, HEIGHT - 1 - edge), outline=FRAME_COLOUR)


def _title(image: Image.Image, text: str) -> None:
    """Half-bold and evenly set, as BMKG's: letters must not touch."""
    large = Image.new("L", (WIDTH * SUPER, TITLE_ROWS * SUPER), 0)
    draw, font, left = ImageDraw.Draw(large), _font(TITLE_SIZE * SUPER), 16 * SUPER
    for letter in text:
        if letter == " ":
            left += SPACE * SUPER
            continue
        start, _, end, _ = font.getmask(letter).getbbox()
        offset = font.getbbox(letter)[0] + start
        draw.text((left - offset, 9 * SUPER), letter, fill=255, font=font, stroke_width=2)
        left += end - start + LETTER_GAP * SUPER
    image.paste(TITLE, mask=_shrunk(large))


def _shrunk(large: Image.Image) -> Image.Image:
    small = large.resize((WIDTH, TITLE_ROWS), Image.Resampling.BOX)
    mask = Image.new("L", (WIDTH, HEIGHT), 0)
    mask.paste(small)
    return mask


def _ticks(draw: ImageDraw.ImageDraw) -> None:
    draw.fontmode = "1"
    for longitude in GRID_LONGITUDES:
        x = round(float(column_of(longitude)))
        draw.rectangle((x - 2, HEIGHT - 20, x + 1, HEIGHT - 5), fill=LABEL)
        draw.text((x - 46, HEIGHT - 66), f"{longitude}.0 E", fill=LABEL, font=_font(26))
    for latitude in GRID_LATITUDES:
        y = round(float(row_of(latitude)))
        label = f"{latitude}.0 {'N' if latitude > 0 else 'S'}" if latitude else "Eq"
        draw.rectangle((FRAME_PIXELS, y - 2, FRAME_PIXELS + 15, y + 1), fill=LABEL)
        draw.text((24, y + 6), label, fill=LABEL, font=_font(22))


def _legend(draw: ImageDraw.ImageDraw) -> None:
    (left, right), (top, bottom) = LEGEND_COLUMNS, LEGEND_ROWS
    draw.rectangle((left, top, right - 1, bottom - 1), fill=PANEL_GREY)
    draw.fontmode = "1"
    draw.text((1537, 245), "Rainfall\nPotential", fill=SEA_COLOUR, font=_font(22))
    draw.rectangle((1560, 318, 1587, 799), fill=FRAME_COLOUR)
    names = ("Slight", "Moderate", "Heavy", "Very Heavy")
    for (top, bottom), colour, name in zip(BAND_ROWS, CLASS_COLOURS, names, strict=True):
        draw.rectangle((BAND[0], top, BAND[1], bottom), fill=colour)
        draw.text((1594, (top + bottom) // 2 - 8), name, fill=SEA_COLOUR, font=_font(13))


@cache
def _font(size: int) -> Any:
    """Pillow's own typeface, so that every machine draws the same."""
    return ImageFont.load_default(size)
