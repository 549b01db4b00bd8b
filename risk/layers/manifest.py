"""What a built layer set says of itself."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kentongan.codes import DECREE
from kentongan.types import DataQuality
from risk.layers import files
from risk.layers.areas_file import QUANTUM, Areas
from risk.layers.check.finding import Finding, flagged
from risk.layers.given import Given
from risk.layers.layerset import LayerSet, among
from risk.layers.people import Counted

_LISTED = 2_000
"""Missing villages named in the manifest; the count is always whole."""
_TOOLS = ("numpy", "pandas", "pyarrow", "shapely", "geopandas", "rasterio", "pyproj", "pyogrio")


def flag_villages(villages: pd.DataFrame, findings: tuple[Finding, ...]) -> pd.Series:
    """`data_quality` with `flagged` where a finding doubts a village of known shape."""
    quality = villages["data_quality"].copy()
    code = villages["adm4_code"]
    doubt = np.zeros(len(code), dtype=np.bool_)
    for finding in flagged(findings):
        for length in {len(c) for c in finding.codes}:
            some = {c for c in finding.codes if len(c) == length}
            doubt |= code.str[:length].isin(some).to_numpy()
    quality[doubt & (quality != str(DataQuality.POINTS_ONLY)).to_numpy()] = str(DataQuality.FLAGGED)
    return quality


def built_manifest(
    given: Given,
    villages: pd.DataFrame,
    found: Areas,
    filled: list[str],
    counted: Counted,
    base: LayerSet,
) -> dict[str, Any]:
    code, known = villages["adm4_code"], base.villages["adm4_code"]
    missing = base.villages[~among(known, code)]
    unknown = code[~among(code, known)]
    named = dict(given.files())
    joined = [name for name in ("people", "posts", "shelters") if name not in named]
    quality = villages["data_quality"].value_counts()
    return {
        "name": "built",
        "decree": DECREE,
        "villages": len(villages),
        "people": int(villages["people"].sum()),
        "people_unassigned": int(counted.operator.unassigned.people.sum()),
        "people_method": counted.method,
        "data_quality": {str(k): int(n) for k, n in sorted(quality.items())},
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
        "villages_filled": len(filled),
        "codes_filled": filled[:_LISTED],
        "villages_missing": len(missing),
        "people_missing": int(missing["people"].sum()),
        "codes_missing": [str(code) for code in missing["adm4_code"].iloc[:_LISTED]],
        "sources": [_source(role, path) for role, path in given.files()],
        "tools": {name: version(name) for name in _TOOLS},
        "credits": [*base.manifest["credits"], *(f"{r}: {p.name}" for r, p in given.files())],
    }


def _source(role: str, path: Path) -> dict[str, Any]:
    """A Shapefile's companions are counted with it."""
    beside = [path]
    if path.suffix.lower() == ".shp":
        kinds = (".dbf", ".shx", ".prj", ".cpg")
        beside += [p for k in kinds if (p := path.with_suffix(k)).is_file()]
    return {
        "role": role,
        "name": path.name,
        "bytes": sum(p.stat().st_size for p in beside if p.is_file()),
        "sha256": {p.name: files.file_sha256(p) for p in beside if p.is_file()},
    }
