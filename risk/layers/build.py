"""A layer set from a deployment's own files; what is not given is joined or modelled."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from kentongan.errors import LayerError
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DataQuality
from risk.exposure.stored import save_operator
from risk.layers import files
from risk.layers.areas_file import QUANTUM, Areas, read_areas
from risk.layers.check.finding import Finding, require_none_refused
from risk.layers.check.reference import reference
from risk.layers.coast import coast_columns
from risk.layers.embedded import KINDS, area_km2
from risk.layers.given import Given
from risk.layers.layerset import LayerSet, among, load_layers
from risk.layers.manifest import built_manifest, flag_villages
from risk.layers.parts import Parts, read_parts
from risk.layers.people import Counted, compared, count_people, read_people_files
from risk.layers.progress import Advance, silent
from risk.sphere import unit_vectors

_JOINED = ("name", "kind", "adm3_name", "adm2_name", "adm1_name", "utc_offset", "people")
COVERED = 0.5
"""Share of a regency's villages from which a file is taken to cover it."""


def build_layers(given: Given | Path, out: Path, advance: Advance = silent) -> LayerSet:
    """Compile a layer set into `out`, whole or not at all; the same files give the same bytes.

    Names, time zones, people, coordinators, teams and shelters come from the embedded set by
    code unless a file gives them. A village that `areas` lacks in a regency that it covers
    otherwise keeps its modelled shape, marked points-only, so that it can be warned; the
    villages of other regencies are left out, and the manifest lists them with their people.

    Every file is checked first. What is refused stops the build; what is flagged stands in the
    manifest, and its villages say `flagged` in every output.

    Args:
        given: all files, or areas alone.

    Raises:
        LayerError: a file that cannot be used; says which and why.
    """
    given = given if isinstance(given, Given) else Given(given)
    base, known = load_layers(), reference()
    _require_free(out, base)
    advance("areas", 0.0)
    read = read_areas(given.areas, given.area_id, given.name)
    people = read_people_files(given.people, given.people_kind, known, advance)
    require_none_refused(people.findings)
    found, filled = _with_gaps_filled(read, base)
    villages = _villages(found, base)
    advance("people in villages", 0.0)
    counted = count_people(
        found.code, found.geometry, villages["people"].to_numpy(), people, known,
        nearest_km=given.nearest_km, advance=advance,
    )  # fmt: skip
    villages["people"] = counted.operator.people
    villages["data_quality"] = counted.quality
    lost = among(villages["adm4_code"], filled)
    villages.loc[lost, "data_quality"] = str(DataQuality.POINTS_ONLY)
    parts = read_parts(given, villages, found.geometry, base)
    findings = (
        *read.findings, *people.findings, *counted.findings,
        *compared(found.code, counted.operator.people, known), *parts.findings,
    )  # fmt: skip
    require_none_refused(findings)
    villages["data_quality"] = flag_villages(villages, findings)
    whole = _Whole(given, villages, found, filled, counted, parts, findings)
    _write(out, whole, base, advance)
    return load_layers(out)


@dataclass(frozen=True)
class _Whole:
    """Everything that goes into one folder."""

    given: Given
    villages: pd.DataFrame
    areas: Areas
    filled: list[str]
    counted: Counted
    parts: Parts
    findings: tuple[Finding, ...]


def _with_gaps_filled(found: Areas, base: LayerSet) -> tuple[Areas, list[str]]:
    """The areas with the modelled shapes of villages that a covered regency lacks."""
    codes = base.villages["adm4_code"]
    have = pd.Series(among(codes, found.code), index=codes.index)
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


def _villages(found: Areas, base: LayerSet) -> pd.DataFrame:
    """Columns of `kentongan.areas.VILLAGES`, with people by the embedded model."""
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


def _write(out: Path, whole: _Whole, base: LayerSet, advance: Advance) -> None:
    draft = out.with_name(f"{out.name}.{uuid.uuid4().hex}.part")
    draft.mkdir(parents=True)
    try:
        advance("writing", 0.0)
        files.write_villages(draft, whole.villages)
        for name, table in whole.parts.tables.items():
            files.write_table(draft / f"{name}.parquet", table)
        files.write_geometry(draft / "geometry.parquet", whole.areas.geometry, QUANTUM)
        save_operator(draft / files.MAPPED_OPERATOR, whole.counted.operator)
        for name in ("coast.parquet", "inland.parquet", "inland.points.parquet", "outline.geojson"):
            shutil.copyfile(base.path / name, draft / name)
        rasters = whole.parts.write_rasters(draft, advance)
        manifest = built_manifest(
            whole.given, whole.villages, whole.areas, whole.filled, whole.counted, base
        )
        manifest["rasters"] = rasters
        manifest |= _tsunami(draft, whole, base, advance)
        manifest["findings"] = [f.document() for f in whole.findings]
        files.write_manifest(draft, manifest)
        if out.exists():
            shutil.rmtree(out)
        draft.rename(out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _tsunami(draft: Path, whole: _Whole, base: LayerSet, advance: Advance) -> dict[str, Any]:
    """Compile the coast where heights are given; what the manifest says of it."""
    if whole.given.elevation is None:
        return {}
    from risk.coast.compile import CoastInput, compile_tsunami
    from risk.layers.rivers import read_rivers

    rules = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy).tsunami.coast
    table = compile_tsunami(
        CoastInput(
            whole.villages,
            whole.areas.geometry,
            whole.counted.operator,
            _coast(base),
            draft / "elevation.tif",
            None if whole.given.rivers is None else read_rivers(whole.given.rivers),
        ),
        rules,
        advance,
    )
    files.write_table(draft / files.TSUNAMI, table)
    return {
        "no_elevation": False,
        "tsunami": {
            "rules": rules.model_dump(mode="json"),
            "villages": len(table),
            "villages_inside": int((table["inside"] > 0).sum()),
            "villages_not_known": int((table["unknown"] > 0).sum()),
            "villages_other_datum": int(table["datum_wrong"].sum()),
            "rivers": whole.given.rivers is not None,
        },
    }
