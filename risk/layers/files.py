"""The files of a layer set: compact, whole numbers, the same bytes for the same content.

Tables are Parquet (zstd). Degrees are stored as whole multiples of a quantum, shapes as
differences between their points, the operator as differences between cells. `manifest.json`
holds the sha256 of each file.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from numpy.typing import NDArray

from kentongan.areas import VILLAGES
from kentongan.errors import LayerError
from kentongan.grid import BASE_GRID
from kentongan.store import sha256_hex
from risk.exposure.stored import open_operator
from risk.layers.coast import Coast
from risk.operator import ExposureOperator

MANIFEST = "manifest.json"
MAPPED_OPERATOR = "operator.bin"
TSUNAMI = "tsunami.parquet"
FORMAT = 1
_POINT_QUANTUM = 1e-5
"""Degrees (1.1 m), of points in tables."""
_POINTS = ("longitude", "latitude")

_Geometries = NDArray[np.object_]
_I64 = NDArray[np.int64]


def write_table(path: Path, table: pd.DataFrame) -> None:
    """A table with its points as whole multiples of a hundred-thousandth degree."""
    packed = table.reset_index(drop=True)
    for name in _POINTS:
        if name in packed:
            packed[name] = np.round(packed[name] / _POINT_QUANTUM).astype(np.int32)
    arrow = pa.Table.from_pandas(packed, preserve_index=False).replace_schema_metadata(None)
    _write(path, arrow)


def read_table(path: Path) -> pd.DataFrame:
    table: pd.DataFrame = pq.read_table(path, memory_map=True).to_pandas()
    for name in _POINTS:
        if name in table:
            table[name] = np.round(table[name].to_numpy(np.float64) * _POINT_QUANTUM, 5)
    return table


def write_villages(folder: Path, villages: pd.DataFrame) -> None:
    """Columns of `kentongan.areas.VILLAGES`, in code order, in whole numbers."""
    if not villages["adm4_code"].is_monotonic_increasing or not villages["adm4_code"].is_unique:
        raise LayerError("villages: codes must be ascending and each one once; sort the table")
    packed = villages[list(VILLAGES)].copy()
    packed["people"] = packed["people"].astype(np.int32)
    packed["area_km2"] = np.round(packed["area_km2"] * 1000).astype(np.int32)
    packed["coast_share"] = np.round(packed["coast_share"] * 1000).astype(np.int32)
    packed["sea_azimuth_deg"] = np.nan_to_num(packed["sea_azimuth_deg"], nan=-1).astype(np.int32)
    write_table(folder / "villages.parquet", packed)


def read_villages(folder: Path) -> pd.DataFrame:
    table = read_table(folder / "villages.parquet")
    azimuth = table["sea_azimuth_deg"].to_numpy(np.float32)
    return table.assign(
        utc_offset=table["utc_offset"].astype(np.int8),
        people=table["people"].astype(np.int64),
        area_km2=(table["area_km2"] / 1000).astype(np.float32),
        coast_share=(table["coast_share"] / 1000).astype(np.float32),
        sea_azimuth_deg=np.where(azimuth < 0, np.float32(np.nan), azimuth),
    )


def _write(path: Path, table: pa.Table) -> None:
    repeated = [f.name for f in table.schema if _repeats(table, f)]
    encoding = {f.name: _ENCODINGS.get(_kind(f.type)) for f in table.schema}
    pq.write_table(
        table,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=repeated or False,
        write_statistics=False,
        store_schema=False,
        row_group_size=1 << 24,
        column_encoding={n: e for n, e in encoding.items() if e and n not in repeated} or None,
    )


_ENCODINGS = {"whole": "DELTA_BINARY_PACKED", "text": "DELTA_BYTE_ARRAY"}


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "whole"
    return "text" if pa.types.is_large_string(kind) or pa.types.is_string(kind) else "other"


def _repeats(table: pa.Table, field: pa.Field) -> bool:
    """Text of which most values occur more than once."""
    if _kind(field.type) != "text" or table.num_rows == 0:
        return False
    return bool(len(table[field.name].unique()) < table.num_rows / 4)


def write_geometry(path: Path, geometry: _Geometries, quantum: float) -> None:
    """Polygons as ring lengths and differences of whole multiples of `quantum` degrees."""
    parts, owner = shapely.get_parts(geometry, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    size = np.bincount(ring, minlength=len(rings))
    hole = np.concatenate([[False], part[1:] == part[:-1]])
    whole = np.round(points / quantum).astype(np.int64)
    closing = np.cumsum(size) - 1
    whole = np.delete(whole, closing, axis=0)
    steps = np.diff(whole, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    heads = pa.table(
        {
            "owner": np.diff(owner[part], prepend=0).astype(np.int32),
            "hole": hole,
            "size": (size - 1).astype(np.int32),
        }
    )
    _write(path, heads)
    body = pa.table({"x": steps[:, 0].astype(np.int32), "y": steps[:, 1].astype(np.int32)})
    _write(path.with_suffix(".points.parquet"), body)


def read_geometry(path: Path, quantum: float) -> _Geometries:
    """Polygons in the order in which they were written."""
    heads = pq.read_table(path)
    body = pq.read_table(path.with_suffix(".points.parquet"))
    digits = round(-np.log10(quantum))
    points = np.column_stack(
        [np.cumsum(body[name].to_numpy().astype(np.int64)) for name in ("x", "y")]
    )
    degrees = np.round(points * quantum, digits)
    size = heads["size"].to_numpy().astype(np.int64)
    ring_owner = np.cumsum(heads["owner"].to_numpy().astype(np.int64))
    first = ~heads["hole"].to_numpy(zero_copy_only=False)
    return _polygons(degrees, size, first, ring_owner)


def _polygons(
    degrees: NDArray[np.float64], size: _I64, first: NDArray[np.bool_], owner: _I64
) -> _Geometries:
    start = np.cumsum(size) - size
    closed = np.insert(degrees, start + size, degrees[start], axis=0)
    ring_offsets = np.concatenate([[0], np.cumsum(size + 1)])
    polygon_offsets = np.append(np.flatnonzero(first), first.size)
    parts = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, closed, (ring_offsets, polygon_offsets)
    )
    owner = owner[first]
    count = np.bincount(owner)
    out = np.empty(count.size, dtype=object)
    single = count[owner] == 1
    out[owner[single]] = parts[single]
    which, group = np.unique(owner[~single], return_inverse=True)
    out[which] = shapely.multipolygons(parts[~single], indices=group)
    return out


def write_operator(path: Path, operator: ExposureOperator) -> None:
    """Compact, for sets that are shipped: shares from shapes alone (`PARTS`)."""
    cell = np.diff(operator.cell.astype(np.int64), prepend=0).astype(np.int32)
    _write(path, pa.table({"cell": cell, "share": operator.share}))
    entries = pa.table({"entries": np.diff(operator.pointer).astype(np.int32)})
    _write(path.with_suffix(".rows.parquet"), entries)


def read_operator(folder: Path, people: _I64) -> ExposureOperator:
    """The mapped file of a built set, or the compact one of a shipped set."""
    mapped = folder / MAPPED_OPERATOR
    if mapped.is_file():
        return open_operator(mapped)
    path = folder / "operator.parquet"
    table = pq.read_table(path)
    entries = pq.read_table(path.with_suffix(".rows.parquet"))["entries"].to_numpy()
    pointer = np.concatenate([[0], np.cumsum(entries, dtype=np.int64)])
    cell = np.cumsum(table["cell"].to_numpy(), dtype=np.int64).astype(np.int32)
    return ExposureOperator(BASE_GRID, pointer, cell, table["share"].to_numpy(), people)


def write_coast(folder: Path, coast: Coast) -> None:
    write_geometry(folder / "inland.parquet", coast.core, 1e-4)
    write_table(
        folder / "coast.parquet",
        pd.DataFrame(
            {
                "longitude": coast.longitude,
                "latitude": coast.latitude,
                "azimuth": np.nan_to_num(np.round(coast.azimuth), nan=-1).astype(np.int32),
                "length_m": np.round(coast.length_km * 1000).astype(np.int32),
            }
        ),
    )


def read_coast(folder: Path, strip_km: float) -> Coast:
    table = read_table(folder / "coast.parquet")
    azimuth = table["azimuth"].to_numpy(np.float64)
    return Coast(
        strip_km=strip_km,
        core=read_geometry(folder / "inland.parquet", 1e-4),
        longitude=table["longitude"].to_numpy(),
        latitude=table["latitude"].to_numpy(),
        azimuth=np.where(azimuth < 0, np.nan, azimuth),
        length_km=table["length_m"].to_numpy(np.float64) / 1000,
    )


def file_sha256(path: Path) -> str:
    """Of a file of any size, without holding it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Seal the folder: `version` follows from the bytes of all other files."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }
    body = json.dumps({**content, "files": files}, sort_keys=True)
    version = f"{content['name']}-{sha256_hex(body.encode())[:12]}"
    whole = {"format": FORMAT, "version": version, **content, "files": files}
    text = json.dumps(whole, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def stamp(folder: Path) -> int:
    """Changes when the manifest does; 0 without one."""
    path = folder / MANIFEST
    return path.stat().st_mtime_ns if path.is_file() else 0


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder whose files all have their right sha256.

    Raises:
        LayerError: no layer set, another format, a file is missing or changed.
    """
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LayerError(
            f"layer set {folder}: no readable {MANIFEST} ({error}); build one with: "
            "kentongan layers build --areas FILE --out DIR"
        ) from error
    if manifest.get("format") != FORMAT:
        raise LayerError(
            f"layer set {folder}: format {manifest.get('format')}, expected {FORMAT}; build it anew"
        )
    for name, facts in files.items():
        _require_unchanged(folder, name, facts)
    return manifest


def _require_unchanged(folder: Path, name: str, facts: dict[str, Any]) -> None:
    path = folder / Path(name).name
    if not path.is_file():
        raise LayerError(f"layer set {folder}: {name} is missing; restore it or build the set anew")
    found = file_sha256(path)
    if found != facts["sha256"]:
        raise LayerError(
            f"layer set {folder}: {name} was changed (sha256 {found[:12]}, expected "
            f"{str(facts['sha256'])[:12]}); restore it or build the set anew"
        )
