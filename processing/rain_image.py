"""BMKG's rainfall-potential image (`H08_RP_Indonesia.png`): class per pixel by exact colour.

The picture carries no georeference and no class limits in mm/h, so only classes are read, never
amounts; alone it never raises more than Waspada. Size, palette and geometry are as measured on two
recorded images of 1 January 2026; an image of another size or palette is refused, not guessed.
Coast, borders, grid and labels hide the class under them: such a pixel takes the class of its
known neighbours or stays not known. What the title bar and the legend cover is not known.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from PIL import Image

from kentongan.errors import KentonganError, SourceChanged
from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import LEVEL_UNKNOWN, AreaRule, HazardEvent, HazardField, attributes
from kentongan.policy import LevelPolicy, RainImageRules
from kentongan.records import Record, SatelliteImage
from kentongan.types import DocumentStatus, HazardId, Level, Quality
from processing.rasters import QUALITIES, grid_coordinates, level_attributes, quality_attributes
from processing.zones import zones_frame

if TYPE_CHECKING:
    import xarray as xr

METHOD = "himawari-rp-classes/1"
PREFIX = "rain-"

WIDTH, HEIGHT = 1674, 1118
"""Pixels."""
PIXELS_PER_DEGREE = (27.825, 27.8)
"""Along x and y, from the middles of the drawn grid lines."""
ORIGIN_PIXEL = (280.5, 280.5)
"""Pixel coordinates (x, y; pixel middles are whole numbers) of 100 E, 10 N."""
ORIGIN_DEGREES = (100.0, 10.0)
GRID_LONGITUDES = (100, 110, 120, 130, 140)
GRID_LATITUDES = (10, 0, -10)
GRID_LINE_PIXELS = 4
"""Width of a drawn, dotted line."""
FRAME_PIXELS = 4
TITLE_ROWS = 65
LEGEND_COLUMNS = (1524, WIDTH)
LEGEND_ROWS = (225, 893)

CLASS_NAMES = ("none", "slight", "moderate", "heavy", "very_heavy")
CLASS_COLOURS: tuple[tuple[int, int, int], ...] = (
    (127, 255, 255),
    (85, 255, 85),
    (255, 255, 85),
    (255, 42, 85),
)
"""Slight, Moderate, Heavy, Very Heavy: classes 1 to 4."""
SEA_COLOUR = (255, 255, 255)
LAND_COLOUR = (255, 226, 171)
COAST_COLOUR = (151, 86, 67)
GRID_COLOUR = (153, 153, 153)
FRAME_COLOUR = (0, 0, 0)

UNKNOWN = -1
FILL_REACH = 2
"""Pixels: half the width of a drawn grid line; further away nothing is filled."""
MIN_KNOWN_SHARE = 0.8
"""Of the map's pixels; 92 % have an exact colour of the palette in both recorded images, the rest
is coast, lines and their soft edges."""
MIN_GRID_SHARE = 0.1
"""Of a grid line's pixels that are grey; about 25 % (they are dotted) in the recorded ones."""
ALONE_AT_MOST = Level.WASPADA
"""A potential from cloud-top temperature, not measured rain."""

Classes = npt.NDArray[np.int8]
Pixels = npt.NDArray[np.uint8]


def column_of(longitude: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """x of a longitude, pixels."""
    east = np.asarray(longitude, dtype=float) - ORIGIN_DEGREES[0]
    return np.asarray(ORIGIN_PIXEL[0] + east * PIXELS_PER_DEGREE[0])


def row_of(latitude: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """y of a latitude, pixels, downwards."""
    south = ORIGIN_DEGREES[1] - np.asarray(latitude, dtype=float)
    return np.asarray(ORIGIN_PIXEL[1] + south * PIXELS_PER_DEGREE[1])


def read_pixels(content: bytes) -> Pixels:
    """RGB pixels of the image, shape (HEIGHT, WIDTH, 3).

    Raises:
        SourceChanged: no PNG, damaged, or of another size; nothing of it is used.
    """
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if image.size != (WIDTH, HEIGHT):
                raise SourceChanged(
                    f"rainfall-potential image: expected {WIDTH} x {HEIGHT} pixels, found "
                    f"{image.size[0]} x {image.size[1]}; compare with the recorded layout"
                )
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SourceChanged(f"rainfall-potential image: not a readable PNG ({error})") from error


def covered() -> npt.NDArray[np.bool_]:
    """Where title bar, legend or frame hide the map, shape (HEIGHT, WIDTH)."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=bool)
    mask[:TITLE_ROWS] = True
    mask[LEGEND_ROWS[0] : LEGEND_ROWS[1], LEGEND_COLUMNS[0] : LEGEND_COLUMNS[1]] = True
    mask[-FRAME_PIXELS:] = mask[:, :FRAME_PIXELS] = mask[:, -FRAME_PIXELS:] = True
    return mask


def pixel_classes(pixels: Pixels) -> Classes:
    """Class 0..4 by exact colour, -1 elsewhere, shape (HEIGHT, WIDTH); nothing filled.

    Raises:
        SourceChanged: too few pixels have a colour of the palette.
    """
    code = _packed(pixels)
    classes = np.full(code.shape, UNKNOWN, dtype=np.int8)
    for colour in (SEA_COLOUR, LAND_COLOUR):
        classes[code == _packed_colour(colour)] = 0
    for number, colour in enumerate(CLASS_COLOURS, start=1):
        classes[code == _packed_colour(colour)] = number
    hidden = covered()
    classes[hidden] = UNKNOWN
    share = float((classes[~hidden] != UNKNOWN).mean())
    if share < MIN_KNOWN_SHARE:
        raise SourceChanged(
            f"rainfall-potential image: only {share:.0%} of the map has a colour of the known "
            f"palette, expected {MIN_KNOWN_SHARE:.0%}; the legend may have changed"
        )
    return classes


def _packed(pixels: Pixels) -> npt.NDArray[np.uint32]:
    wide = pixels.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2], dtype=np.uint32)


def _packed_colour(colour: tuple[int, int, int]) -> int:
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def filled(classes: Classes, hidden: npt.NDArray[np.bool_]) -> Classes:
    """Unknown pixels take the commonest class within `FILL_REACH`; of equals the higher.

    A pixel without a known neighbour, or hidden, stays -1. Known pixels never change.
    """
    best = np.zeros(classes.shape, dtype=np.int16)
    result = classes.copy()
    for number in range(len(CLASS_NAMES)):
        count = _box_count(classes == number)
        better = (classes == UNKNOWN) & ~hidden & (count > 0) & (count >= best)
        result[better] = number
        best = np.maximum(best, count)
    return result


def _box_count(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.int16]:
    """Number of true pixels within `FILL_REACH` in both directions."""
    size = 2 * FILL_REACH + 1
    padded = np.pad(mask.astype(np.int16), FILL_REACH)
    windows = np.lib.stride_tricks.sliding_window_view
    rows = windows(padded, size, axis=0).sum(axis=-1, dtype=np.int16)
    return np.asarray(windows(rows, size, axis=1).sum(axis=-1, dtype=np.int16))


def geometry_confirmed(pixels: Pixels) -> bool:
    """Whether the dotted lines of 100-140 E and 10 N-10 S lie where they are expected."""
    grey = _packed(pixels) == _packed_colour(GRID_COLOUR)
    columns = grey[TITLE_ROWS:, [int(x) for x in column_of(GRID_LONGITUDES)]].mean(axis=0)
    open_map = grey[:, FRAME_PIXELS : LEGEND_COLUMNS[0]]
    rows = open_map[[int(y) for y in row_of(GRID_LATITUDES)]].mean(axis=1)
    return bool(min(columns.min(), rows.min()) >= MIN_GRID_SHARE)


def rain_raster(
    content: bytes, rules: RainImageRules, *, quality: Quality, grid: Grid = BASE_GRID
) -> xr.Dataset:
    """The image on the base grid, nearest pixel.

    Args:
        content: the PNG as archived.
        rules: level of each class; capped at 2.
        quality: of the record; a filled pixel is degraded at best.

    Returns:
        Dims (latitude, longitude), ascending: `rain_class` int8 0..4, `hazard_level` int8
        0..2, both -1 where not known; `quality` int8.

    Raises:
        SourceChanged: another size or palette, or no PNG.
    """
    pixels = read_pixels(content)
    exact = pixel_classes(pixels)
    classes = filled(exact, covered())
    if quality is Quality.OK and not geometry_confirmed(pixels):
        quality = Quality.DEGRADED
    rows = np.rint(row_of(grid.latitude)).astype(int)
    columns = np.rint(column_of(grid.longitude)).astype(int)
    on_grid, was_exact = _sampled(classes, rows, columns), _sampled(exact, rows, columns)
    cell_quality = np.full(on_grid.shape, QUALITIES.index(quality), dtype=np.int8)
    if quality is Quality.OK:
        cell_quality[was_exact == UNKNOWN] = QUALITIES.index(Quality.DEGRADED)
    return _dataset(grid, on_grid, class_levels(on_grid, rules), cell_quality, quality)


def _sampled(
    classes: Classes, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> Classes:
    inside = ((rows >= 0) & (rows < HEIGHT))[:, None] & ((columns >= 0) & (columns < WIDTH))
    taken = classes[np.clip(rows, 0, HEIGHT - 1)][:, np.clip(columns, 0, WIDTH - 1)]
    return np.where(inside, taken, UNKNOWN).astype(np.int8)


def class_levels(classes: Classes, rules: RainImageRules) -> npt.NDArray[np.int8]:
    """Level of each class, at most 2; -1 stays -1."""
    capped = [min(level, ALONE_AT_MOST) for level in (0, *rules.class_levels)]
    table = np.array([*capped, LEVEL_UNKNOWN], dtype=np.int8)
    return np.asarray(table[classes])


def _dataset(
    grid: Grid, classes: Classes, level: Classes, cell_quality: Classes, quality: Quality
) -> xr.Dataset:
    import xarray as xr

    dims = ("latitude", "longitude")
    class_attributes = {
        "long_name": "rainfall potential class from cloud-top temperature (BMKG RP)",
        "flag_values": np.arange(len(CLASS_NAMES), dtype=np.int8),
        "flag_meanings": " ".join(CLASS_NAMES),
        "_FillValue": np.int8(UNKNOWN),
    }
    return xr.Dataset(
        {
            "hazard_level": (dims, level, level_attributes("rain")),
            "rain_class": (dims, classes, class_attributes),
            "quality": (dims, cell_quality, quality_attributes()),
        },
        coords=grid_coordinates(grid.latitude, grid.longitude),
        attrs={"value_variable": "rain_class", "outside": "not known", "quality": str(quality)},
    )


def rain_fields(
    records: Sequence[Record],
    *,
    at: datetime,
    policy: LevelPolicy,
    read: Callable[[Record], bytes],
) -> list[HazardField]:
    """One field from the newest fresh image that can be read; none if all are too old.

    An image that cannot be read is named in `unresolved`; if no fresh one can, the field has
    no zones and level 0, and says so: not known, not safe.
    """
    fresh = fresh_images(records, at=at, rules=policy.rain_image)
    refused: list[str] = []
    for image in fresh:
        try:
            raster = rain_raster(read(image), policy.rain_image, quality=image.quality)
        except (KentonganError, OSError) as error:
            refused.append(str(error))
            continue
        return [_field(image, raster, policy.rain_image, tuple(refused))]
    return [_blind_field(fresh[0], policy.rain_image, tuple(refused))] if fresh else []


def fresh_images(
    records: Sequence[Record], *, at: datetime, rules: RainImageRules
) -> list[SatelliteImage]:
    """Rainfall-potential images not older than `max_age_minutes` at `at`, newest first."""
    images = [r for r in records if isinstance(r, SatelliteImage) and _is_rp(r.product)]
    oldest = at - timedelta(minutes=rules.max_age_minutes)
    fresh = [image for image in images if oldest <= image.valid_time <= at]
    return sorted(fresh, key=lambda i: (i.valid_time, i.document_time, i.key, i.sha256))[::-1]


def _is_rp(product: str) -> bool:
    return "RP" in re.split(r"[^A-Z0-9]+", product.upper())


def _field(
    image: SatelliteImage, raster: xr.Dataset, rules: RainImageRules, refused: tuple[str, ...]
) -> HazardField:
    level = Level(max(0, int(raster["hazard_level"].max())))
    event = _event(image, rules, level, Quality(raster.attrs["quality"]), _shares(raster))
    return HazardField(
        event=event,
        rule=AreaRule.SHARE_OF_PEOPLE,
        raster=raster.assign_attrs(attributes(event)),
        unresolved=refused,
    )


def _blind_field(
    image: SatelliteImage, rules: RainImageRules, refused: tuple[str, ...]
) -> HazardField:
    event = _event(image, rules, Level.NONE, Quality.DEGRADED, {"readable": False})
    return HazardField(
        event=event, rule=AreaRule.SHARE_OF_PEOPLE, zones=zones_frame([]), unresolved=refused
    )


def _shares(raster: xr.Dataset) -> dict[str, str | float | int | bool | None]:
    classes = raster["rain_class"].to_numpy()
    cells = np.bincount(classes.ravel() + 1, minlength=len(CLASS_NAMES) + 1)
    names = ("not_known", *CLASS_NAMES)
    return {
        f"cells_{name}_pct": round(100 * int(n) / classes.size, 2)
        for name, n in zip(names, cells, strict=True)
    }


def _event(
    image: SatelliteImage,
    rules: RainImageRules,
    level: Level,
    quality: Quality,
    evidence: dict[str, str | float | int | bool | None],
) -> HazardEvent:
    return HazardEvent(
        event_id=f"{PREFIX}{image.valid_time:%Y%m%dT%H}00Z",
        hazard_id=HazardId.RAIN,
        level=level,
        onset=image.valid_time,
        valid_from=image.valid_time,
        valid_to=image.valid_time + timedelta(minutes=rules.valid_minutes),
        official=False,
        status=DocumentStatus(image.status),
        re_creation=image.re_creation,
        title="Potensi hujan dari citra Himawari-9",
        method=METHOD,
        quality=quality,
        observations=(image.sha256,),
        evidence={
            **evidence,
            "image_time": image.valid_time.isoformat(),
            "time_source": image.time_source,
            "class_levels": "/".join(str(value) for value in rules.class_levels),
            "capped_at": int(ALONE_AT_MOST),
            "limits": "rainfall potential from cloud-top temperature, no amounts",
        },
    )
