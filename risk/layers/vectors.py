"""Features and tables out of whatever file a deployment has, as they stand in it."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from kentongan.errors import LayerError
from risk.layers.check.finding import EVERYWHERE, Finding, Severity

PARQUET = frozenset({".parquet", ".geoparquet", ".pq"})
TABLES = frozenset({".csv", ".tsv", ".txt"})
MAX_FEATURES = 5_000_000
"""Indonesia has 84,000 villages and some 3 million roads."""


def read_features(path: Path) -> gpd.GeoDataFrame:
    """Features with a geometry column, in the file's own coordinates.

    Raises:
        LayerError: no such file, unreadable, no geometry, too many features.
    """
    if not path.exists():
        raise LayerError(f"{path}: no such file; expected a file of areas, lines or points")
    try:
        frame = _read(path)
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        raise LayerError(
            f"{path}: cannot be read ({str(error)[:200]}); expected GeoParquet, GeoPackage, "
            "GeoJSON or a Shapefile"
        ) from error
    if not isinstance(frame, gpd.GeoDataFrame):
        raise LayerError(f"{path}: a table without shapes; expected areas, lines or points")
    if len(frame) > MAX_FEATURES:
        raise LayerError(f"{path}: {len(frame)} features; expected at most {MAX_FEATURES}")
    return frame.reset_index(drop=True)


def _read(path: Path) -> pd.DataFrame:
    if path.suffix.lower() in PARQUET:
        frame: pd.DataFrame = gpd.read_parquet(path)
    else:
        frame = gpd.read_file(path, engine="pyogrio", on_invalid="ignore")
    return frame


def has_shapes(path: Path) -> bool:
    """Whether a Parquet file carries geometry; other formats of tables never do."""
    suffix = path.suffix.lower()
    if suffix in PARQUET:
        try:
            return b"geo" in (pq.read_schema(path).metadata or {})
        except (OSError, ValueError) as error:
            raise LayerError(f"{path}: cannot be read as Parquet ({str(error)[:200]})") from error
    return suffix not in TABLES


def read_table(path: Path) -> pd.DataFrame:
    """A table of text (CSV) or of its own types (Parquet); codes never pass through numbers.

    Raises:
        LayerError: unreadable, or no column.
    """
    try:
        if path.suffix.lower() in PARQUET:
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(
                path, dtype="str", keep_default_na=False, sep=None, engine="python",
                encoding="utf-8-sig",
            )  # fmt: skip
    except (OSError, ValueError, UnicodeError) as error:
        raise LayerError(
            f"{path}: cannot be read ({str(error)[:200]}); expected CSV (UTF-8) or Parquet; save "
            "a spreadsheet as CSV with the codes as text"
        ) from error
    if len(table) > MAX_FEATURES:
        raise LayerError(f"{path}: {len(table)} rows; expected at most {MAX_FEATURES}")
    return table.reset_index(drop=True)


def in_degrees(frame: gpd.GeoDataFrame, file: str) -> tuple[gpd.GeoDataFrame, str, list[Finding]]:
    """The features in EPSG:4326, the name of their own system, and what was odd about it."""
    bounds = np.nan_to_num(frame.total_bounds)
    degrees = bool(np.abs(bounds).max() <= 180)
    if frame.crs is None:
        return _unnamed(frame, file, bounds, degrees)
    name = str(frame.crs.to_string())[:80]
    if frame.crs.is_geographic and not degrees:
        return frame, name, [_no_degrees(file, bounds, name)]
    if frame.crs.to_epsg() == 4326 or name == "OGC:CRS84":
        return frame.to_crs(4326), name, []
    found = Finding(
        Severity.INFO, "other-crs", file, "", f"coordinates in {name}",
        "any coordinate system", "brought to degrees (EPSG:4326)",
    )  # fmt: skip
    return frame.to_crs(4326), name, [found]


def _unnamed(
    frame: gpd.GeoDataFrame, file: str, bounds: np.ndarray, degrees: bool
) -> tuple[gpd.GeoDataFrame, str, list[Finding]]:
    if not degrees:
        return frame, "none", [_no_degrees(file, bounds, "no coordinate system")]
    found = Finding(
        Severity.INFO, "no-crs", file, "", "no coordinate system",
        "a coordinate system in the file", "the numbers look like degrees: read as EPSG:4326",
    )  # fmt: skip
    return frame.set_crs(4326), "none in the file, read as EPSG:4326", [found]


def _no_degrees(file: str, bounds: np.ndarray, name: str) -> Finding:
    return Finding(
        Severity.REFUSE, "no-crs", file, "",
        f"{name}, but numbers from {bounds[0]:.1f}, {bounds[1]:.1f} to {bounds[2]:.1f}, "
        f"{bounds[3]:.1f}, which are no degrees of Indonesia",
        "the coordinate system that the numbers are in", "write it into the file", EVERYWHERE,
    )  # fmt: skip
