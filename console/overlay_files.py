"""An overlay as a file: GeoParquet, GeoPackage, CSV with Indonesian headers, a map.

CSV begins with a byte-order mark: Excel, which most offices use, takes UTF-8 without one for
the code page of the machine and breaks names. Readers of ours ask for `utf-8-sig`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import DataError

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from risk.analyst.overlay import Overlay

HEADERS = {
    "area_id": "kode_desa",
    "adm4_code": "kode_desa",
    "name": "nama_desa",
    "adm3_name": "kecamatan",
    "adm2_name": "kabupaten",
    "adm1_name": "provinsi",
    "people": "penduduk",
    "people_unknown": "penduduk_bahaya_tidak_diketahui",
    "known_fraction": "bagian_diketahui",
    "area_km2": "luas_km2",
}
_NO_AREA = "tanpa_wilayah"


def write_overlay(found: Overlay, path: Path, title: str) -> Path:
    """Write by the suffix of the path, whole or not at all.

    Raises:
        DataError: another suffix.
    """
    kind = require_kind(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays: drivers go by it.
    part = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        _WRITERS[kind](found, part, title)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def require_kind(path: Path) -> str:
    """The suffix that says what to write."""
    kind = path.suffix.lower()
    if kind not in _WRITERS:
        raise DataError(f"{path}: expected a name that ends in {', '.join(_WRITERS)}")
    return kind


def indonesian(table: pd.DataFrame) -> pd.DataFrame:
    """Columns under Indonesian names; classes as `terpapar_kelas_<n>`."""
    names = {
        str(c): f"terpapar_kelas_{str(c).removeprefix('class_')}"
        for c in table.columns
        if str(c).startswith("class_")
    }
    return table.rename(columns={**HEADERS, **names})


def _parquet(found: Overlay, path: Path, _title: str) -> None:
    _labelled(found).to_parquet(path, compression="zstd")


def _geopackage(found: Overlay, path: Path, _title: str) -> None:
    import shapely

    table = _labelled(found)
    shapes = [
        shapely.multipolygons(shapely.get_parts(s)) if s.geom_type == "Polygon" else s
        for s in table.geometry
    ]
    table = table.set_geometry(shapes, crs=table.crs)
    table.to_file(path, layer="overlay", driver="GPKG", engine="pyogrio")


def _labelled(found: Overlay) -> gpd.GeoDataFrame:
    """Identifiers of mixed kinds cannot be one column of a file."""
    table = found.table.copy()
    if table["area_id"].dtype == object:
        table["area_id"] = table["area_id"].astype("str")
    return table


def _csv(found: Overlay, path: Path, _title: str) -> None:
    """One row an area, then people in no area, so that columns add up to the totals."""
    import pandas as pd

    from risk.analyst.result import column_of

    table = pd.DataFrame(found.table.drop(columns="geometry"))
    rest: dict[str, object] = {column_of(key): n for key, n in found.unassigned_by_class.items()}
    rest |= {"area_id": _NO_AREA, "people": found.unassigned}
    table["area_id"] = table["area_id"].astype("object")
    whole = pd.concat([table, pd.DataFrame([rest])], ignore_index=True)
    counts = ["people", *(c for c in whole.columns if str(c) in rest and c != "area_id")]
    bands = [c for c in whole.columns if str(c).startswith("at_least_")]
    whole = whole.astype(dict.fromkeys(dict.fromkeys(counts), "int64"))
    whole = whole.astype(dict.fromkeys(bands, "Int64"))
    text = whole.select_dtypes(["object", "str"]).columns
    whole[text] = whole[text].map(_no_formula)
    indonesian(whole).to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")


def _no_formula(value: object) -> object:
    """A name that a spreadsheet would run as a formula begins with an apostrophe."""
    return (
        f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
    )


def _map(found: Overlay, path: Path, title: str) -> None:
    from console.overlay_map import overlay_page

    path.write_text(overlay_page(found, title), encoding="utf-8", newline="\n")


_WRITERS: dict[str, Callable[[Overlay, Path, str], None]] = {
    ".parquet": _parquet,
    ".gpkg": _geopackage,
    ".csv": _csv,
    ".html": _map,
}
