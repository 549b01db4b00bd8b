"""A layer set from a deployment's own village polygons; the rest is joined or modelled."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kentongan.codes import DECREE
from kentongan.errors import LayerError
from kentongan.store import sha256_hex
from kentongan.types import DataQuality
from risk.layers import files
from risk.layers.areas_file import QUANTUM, Areas, read_areas
from risk.layers.coast import coast_columns
from risk.layers.embedded import KINDS, area_km2
from risk.layers.layerset import LayerSet, load_layers
from risk.layers.registers import read_people, read_posts, read_shelters
from risk.operator import compile_operator
from risk.sphere import unit_vectors

_JOINED = ("name", "kind", "adm3_name", "adm2_name", "adm1_name", "utc_offset", "people")
COVERED = 0.5
"""Share of a regency's villages from which a file is taken to cover it."""
_LISTED = 2_000
"""Missing villages named in the manifest; the count is always whole."""


def build_layers(
    areas: Path,
    out: Path,
    *,
    area_id: str | None = None,
    people: Path | None = None,
    posts: Path | None = None,
    shelters: Path | None = None,
) -> LayerSet:
    """Compile a layer set into `out`, whole or not at all.

    Names, time zones, people, coordinators, teams and shelters come from the embedded set by
    code unless a file gives them. A village that `areas` lacks in a regency that it covers
    otherwise keeps its modelled shape, marked points-only, so that it can be warned; the
    villages of other regencies are left out, and the manifest lists them with their people.

    Args:
        areas: village polygons with dotted Kemendagri codes; see `read_areas`.
        area_id: column of the codes; found by itself if not given.
        people: table `adm4_code, people`.
        posts: table `adm4_code, longitude, latitude, members`, and more of `areas.TEAMS`.
        shelters: table `adm4_code, name, longitude, latitude, capacity`.

    Raises:
        LayerError: a file that cannot be used; says which and why.
    """
    base = load_layers()
    _require_free(out, base)
    found, filled = _with_gaps_filled(read_areas(areas, area_id), base)
    counted = read_people(people) if people else pd.Series(dtype=np.int64)
    villages = _villages(found, base, counted)
    villages.loc[villages["adm4_code"].isin(filled), "data_quality"] = str(DataQuality.POINTS_ONLY)
    heads = base.coordinators[base.coordinators["adm2_code"].isin(villages["adm4_code"].str[:5])]
    tables = {
        "coordinators": heads,
        "teams": read_posts(posts, heads) if posts else _own(base.teams, villages),
        "shelters": read_shelters(shelters) if shelters else _own(base.shelters, villages),
    }
    given = {"areas": areas, "people": people, "posts": posts, "shelters": shelters}
    manifest = _manifest(found, villages, base, {k: p for k, p in given.items() if p})
    manifest |= {"villages_filled": len(filled), "codes_filled": filled[:_LISTED]}
    _write(out, villages, found.geometry, tables, base, manifest)
    return load_layers(out)


def _with_gaps_filled(found: Areas, base: LayerSet) -> tuple[Areas, list[str]]:
    """The areas with the modelled shapes of villages that a covered regency lacks."""
    codes = base.villages["adm4_code"]
    have = codes.isin(found.code.astype(str))
    covered = have.groupby(codes.str[:5]).transform("mean") >= COVERED
    gap = np.flatnonzero((covered & ~have).to_numpy())
    code = np.concatenate([found.code, codes.to_numpy(dtype=object)[gap]])
    order = np.argsort(code.astype(str), kind="stable")
    whole = replace(
        found,
        code=code[order],
        name=np.concatenate([found.name, np.full(len(gap), "", dtype=object)])[order],
        geometry=np.concatenate([found.geometry, base.geometry[gap]])[order],
    )
    return whole, [str(c) for c in codes.iloc[gap]]


def _require_free(out: Path, base: LayerSet) -> None:
    """Only an empty place or an older layer set is written over."""
    if out.resolve() == base.path:
        raise LayerError(f"{out}: that is the embedded layer set; choose another folder")
    if not out.exists():
        return
    if not out.is_dir() or (any(out.iterdir()) and not (out / files.MANIFEST).is_file()):
        raise LayerError(f"{out}: holds something that is no layer set; choose an empty folder")


def _own(table: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    return table[table["adm4_code"].isin(villages["adm4_code"])]


def _villages(found: Areas, base: LayerSet, counted: pd.Series) -> pd.DataFrame:
    """Columns of `kentongan.areas.VILLAGES`."""
    code = pd.Index(found.code.astype(str), name="adm4_code")
    known = base.villages.set_index("adm4_code").reindex(code).reset_index()
    inside = _points(known, found.geometry)
    share, azimuth = coast_columns(found.geometry, _coast(base))
    villages = known.assign(
        longitude=inside[:, 0],
        latitude=inside[:, 1],
        area_km2=area_km2(found.geometry),
        coast_share=np.round(share, 3),
        sea_azimuth_deg=np.round(azimuth),
        data_quality=str(DataQuality.MODELLED),
    )
    strangers = villages["name"].isna().to_numpy()
    if strangers.any():
        villages.loc[strangers, list(_JOINED)] = _defaults(villages[strangers], found, base)
    measured = villages["adm4_code"].isin(counted.index).to_numpy()
    villages.loc[measured, "people"] = counted.loc[villages["adm4_code"][measured]].to_numpy()
    villages.loc[measured, "data_quality"] = str(DataQuality.MEASURED)
    return villages.astype({"people": np.int64, "utc_offset": np.int8})


def _coast(base: LayerSet) -> Any:
    return files.read_coast(base.path, float(base.manifest["coast_strip_km"]))


def _points(known: pd.DataFrame, geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """The embedded point where it lies inside, else a point inside."""
    points = known[["longitude", "latitude"]].to_numpy(np.float64, copy=True)
    inside = shapely.intersects_xy(geometry, points[:, 0], points[:, 1])
    points[~inside] = shapely.get_coordinates(shapely.point_on_surface(geometry[~inside]))
    return points


def _defaults(strangers: pd.DataFrame, found: Areas, base: LayerSet) -> pd.DataFrame:
    """Names, zone and people of villages whose code the embedded set does not have.

    Parents by code; the zone of the nearest known village; people: the mean of the regency.
    """
    code = strangers["adm4_code"]
    own = pd.Series(found.name, index=found.code.astype(str)).loc[code].to_numpy()
    posts = unit_vectors(*(base.villages[n].to_numpy() for n in ("longitude", "latitude")))
    here = unit_vectors(*(strangers[n].to_numpy() for n in ("longitude", "latitude")))
    nearest = cKDTree(posts).query(here)[1]
    people = base.villages.groupby(base.villages["adm4_code"].str[:5])["people"].mean()
    mean = float(base.villages["people"].mean())

    def parent(length: int) -> list[str]:
        return [base.names.get(c[:length], c[:length]) for c in code]

    return pd.DataFrame(
        {
            "name": [name or c for name, c in zip(own, code, strict=True)],
            "kind": code.str[9].map(KINDS).fillna("Desa").to_numpy(),
            "adm3_name": parent(8),
            "adm2_name": parent(5),
            "adm1_name": parent(2),
            "utc_offset": base.villages["utc_offset"].to_numpy()[nearest],
            "people": code.str[:5].map(people).fillna(mean).round().astype(np.int64).to_numpy(),
        },
        index=strangers.index,
    )


def _manifest(
    found: Areas, villages: pd.DataFrame, base: LayerSet, given: dict[str, Path]
) -> dict[str, Any]:
    missing = base.villages[~base.villages["adm4_code"].isin(found.code.astype(str))]
    unknown = villages["adm4_code"][~villages["adm4_code"].isin(base.villages["adm4_code"])]
    joined = [name for name in ("people", "posts", "shelters") if name not in given]
    return {
        "name": "built",
        "decree": DECREE,
        "villages": len(villages),
        "people": int(villages["people"].sum()),
        "quantum_deg": QUANTUM,
        "coast_strip_km": float(base.manifest["coast_strip_km"]),
        "no_elevation": True,
        "base": base.version,
        "from_embedded": [*joined, "coordinators", "names", "time zones"],
        "crs": found.crs,
        "shapes_repaired": found.repaired,
        "features_without_code": found.without_code,
        "codes_without_shape": list(found.without_shape),
        "codes_unknown": [str(code) for code in unknown],
        "villages_missing": len(missing),
        "people_missing": int(missing["people"].sum()),
        "codes_missing": [str(code) for code in missing["adm4_code"].iloc[:_LISTED]],
        "sources": {name: [p.name, sha256_hex(p.read_bytes())] for name, p in given.items()},
        "credits": [*base.manifest["credits"], f"Village polygons: {given['areas'].name}"],
    }


def _write(
    out: Path,
    villages: pd.DataFrame,
    geometry: NDArray[np.object_],
    tables: dict[str, pd.DataFrame],
    base: LayerSet,
    manifest: dict[str, Any],
) -> None:
    draft = out.with_name(f"{out.name}.{uuid.uuid4().hex}.part")
    draft.mkdir(parents=True)
    try:
        files.write_villages(draft, villages)
        for name, table in tables.items():
            files.write_table(draft / f"{name}.parquet", table)
        files.write_geometry(draft / "geometry.parquet", geometry, QUANTUM)
        people = villages["people"].to_numpy()
        files.write_operator(draft / "operator.parquet", compile_operator(geometry, people))
        for name in ("coast.parquet", "inland.parquet", "inland.points.parquet", "outline.geojson"):
            shutil.copyfile(base.path / name, draft / name)
        files.write_manifest(draft, manifest)
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
