"""Two of BMKG's rainfall-potential images: how the classes move, and where they are in an hour.

`python -m processing.rain.class_motion IMAGE1 IMAGE2 OUT.png` draws motion, classes now and in an
hour. The classes carry no amounts, so none come out: each is carried whole along the motion, and
none is born, grows or dies.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from kentongan.grid import BASE_GRID
from processing.rain.advect import displacements
from processing.rain.motion import BLOCK, Motion, motion
from processing.rain.pictures import CLASSES, Map, side_by_side
from processing.rain_image import (
    CLASS_NAMES,
    ORIGIN_DEGREES,
    ORIGIN_PIXEL,
    PIXELS_PER_DEGREE,
    UNKNOWN,
    Classes,
    column_of,
    covered,
    filled,
    pixel_classes,
    read_pixels,
    row_of,
)

Floats = npt.NDArray[np.float64]

CLASS_WEIGHT = 3.0
"""Class k weighs 3 k^2: the flow works on the root, where classes then stand evenly, and class 4
comes near its brightest value."""
KM_PER_DEGREE = 111.195
ARROW_HOURS = 3.0
"""At 7 m/s an arrow is then 75 km long: enough to be seen on a map of the country."""


@dataclass(frozen=True)
class ClassFrame:
    """The image's pixels over Indonesia, rows from the south."""

    classes: Classes
    """0 to 4, -1 not known; shape (rows, columns)."""
    latitude: Floats
    longitude: Floats


@dataclass(frozen=True)
class ClassForecast:
    now: ClassFrame
    motion: Motion
    """Pixels a step."""
    minutes: float
    """Between the images: a step."""
    ahead: Classes
    """Classes `lead_minutes` on; -1 also where they come from outside."""
    lead_minutes: float

    def speed_m_s(self) -> npt.NDArray[np.float32]:
        """On the grid of the motion."""
        middle = math.cos(math.radians(float(self.now.latitude.mean())))
        east_m, north_m = (1000 * KM_PER_DEGREE / p for p in PIXELS_PER_DEGREE)
        seconds = 60 * self.minutes
        along = np.hypot(self.motion.east * east_m * middle, self.motion.north * north_m)
        return np.asarray(along / seconds, dtype=np.float32)


def class_frame(content: bytes) -> ClassFrame:
    """Classes of one image over Indonesia, the drawn lines filled from their neighbours.

    Raises:
        SourceChanged: another size or palette, or no PNG.
    """
    grid = BASE_GRID
    classes = filled(pixel_classes(read_pixels(content)), covered())
    top, bottom = (int(row_of(v)) for v in (grid.latitude[-1], grid.latitude[0]))
    left, right = (int(column_of(v)) for v in (grid.longitude[0], grid.longitude[-1]))
    rows, columns = np.arange(bottom, top - 1, -1), np.arange(left, right + 1)
    latitude = ORIGIN_DEGREES[1] - (rows - ORIGIN_PIXEL[1]) / PIXELS_PER_DEGREE[1]
    longitude = ORIGIN_DEGREES[0] + (columns - ORIGIN_PIXEL[0]) / PIXELS_PER_DEGREE[0]
    return ClassFrame(
        classes[np.ix_(rows, columns)], latitude.astype(np.float64), longitude.astype(np.float64)
    )


def class_forecast(
    earlier: ClassFrame, later: ClassFrame, *, minutes: float = 10.0, lead_minutes: float = 60.0
) -> ClassForecast:
    """Motion between two images, and the classes carried along it.

    Raises:
        ValueError: images of two shapes, or a lead that is no whole number of steps.
    """
    steps = round(lead_minutes / minutes)
    if steps < 1 or abs(steps * minutes - lead_minutes) > 1e-6:
        raise ValueError(f"lead of {lead_minutes:g} min: expected a multiple of {minutes:g}")
    found = motion(_weights(earlier.classes), _weights(later.classes))
    ahead = _carried(later.classes, displacements(found, steps)[-1])
    return ClassForecast(later, found, minutes, ahead, lead_minutes)


def _weights(classes: Classes) -> npt.NDArray[np.float32]:
    weight = CLASS_WEIGHT * classes.astype(np.float32) ** 2
    return np.where(classes == UNKNOWN, np.float32(np.nan), weight)


def _carried(classes: Classes, way: npt.NDArray[np.float32]) -> Classes:
    """The class of the pixel that each comes from; none is mixed with another."""
    rows, columns = classes.shape
    size = (way.shape[2] * BLOCK, way.shape[1] * BLOCK)
    east, north = (cv2.resize(part, size)[:rows, :columns] for part in way)
    row = np.rint(np.arange(rows)[:, None] - north).astype(int)
    column = np.rint(np.arange(columns)[None, :] - east).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    taken = classes[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    return np.where(inside, taken, UNKNOWN).astype(np.int8)


def shares(classes: Classes) -> dict[str, float]:
    """Share of each class among the known pixels."""
    known = classes[classes != UNKNOWN]
    count = np.bincount(known, minlength=len(CLASS_NAMES)) / max(known.size, 1)
    return dict(zip(CLASS_NAMES, count.tolist(), strict=True))


def picture(found: ClassForecast, title: str) -> bytes:
    """PNG: classes now with the motion as arrows, and classes ahead."""
    now, ahead = (
        np.where(c == UNKNOWN, np.nan, c.astype(float)) for c in (found.now.classes, found.ahead)
    )
    maps = [
        Map(f"sekarang; panah: gerak {ARROW_HOURS:g} jam", now, CLASSES, found.motion),
        Map(f"perkiraan {found.lead_minutes:g} menit lagi", ahead, CLASSES),
    ]
    return side_by_side(
        title, found.now.latitude, found.now.longitude, maps,
        across=1, width=980, arrow_steps=ARROW_HOURS * 60 / found.minutes,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m processing.rain.class_motion")
    parser.add_argument("images", type=Path, nargs=2, help="earlier and later image (PNG)")
    parser.add_argument("out", type=Path, help="picture to write (PNG)")
    parser.add_argument("--minutes", type=float, default=10.0, help="between the two images")
    parser.add_argument("--lead", type=float, default=60.0, help="minutes ahead")
    given = parser.parse_args(arguments)
    earlier, later = (class_frame(path.read_bytes()) for path in given.images)
    found = class_forecast(earlier, later, minutes=given.minutes, lead_minutes=given.lead)
    title = "Potensi hujan dari Himawari-9. Sumber: BMKG; perkiraan: Kentongan"
    given.out.write_bytes(picture(found, title))
    seen = found.motion.seen >= 0.01
    speed = found.speed_m_s()[seen]
    words = f"median {np.median(speed):.1f} m/s, most {speed.max():.1f} m/s" if seen.any() else "-"
    sys.stdout.write(f"motion where there is rain: {words}\nclass: now, ahead\n")
    now, ahead = shares(found.now.classes), shares(found.ahead)
    for name in CLASS_NAMES:
        sys.stdout.write(f"  {name}: {now[name]:.1%}, {ahead[name]:.1%}\n")


if __name__ == "__main__":
    main()
