"""Kemendagri codes for villages of another list (BPS, HDX, OSM): by names or by shapes.

A match counts only if it is the only one. What is ambiguous or unknown is left out and named,
for codes of BPS that look right are the most quiet mistake there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from kentongan.errors import LayerError
from risk.layers import columns
from risk.layers.areas_file import read_areas
from risk.layers.check.reference import Reference, plain, reference
from risk.layers.check.shapes import examine_shapes, square_degrees
from risk.layers.vectors import PARQUET, has_shapes, in_degrees, read_features, read_table

_SAME = 0.5
"""Intersection over union from which two shapes are one village; vintages move borders."""
_OTHER = 0.25
"""Of the second best, from which nobody can say."""
_FIRST_TOWN = 71
"""Second part of a code: 01 to 69 kabupaten, 71 to 99 kota."""


@dataclass(frozen=True)
class Bridged:
    """Attributes:
    left_out: one line a feature, with the reason.
    """

    features: int
    matched: int
    left_out: tuple[str, ...]

    def document(self) -> dict[str, object]:
        return {
            "features": self.features,
            "matched": self.matched,
            "left_out": list(self.left_out),
        }


def bridge_file(
    path: Path, out: Path, *, by: str = "names", reference_areas: Path | None = None
) -> Bridged:
    """Write the features that get a code, with it in `adm4_code`.

    Args:
        by: `names` (village with district or regency) or `shapes`.
        reference_areas: villages with Kemendagri codes; for `shapes`.

    Raises:
        LayerError: columns or files that do not allow it; nothing matched.
    """
    shaped = has_shapes(path)
    frame = read_features(path) if shaped else read_table(path)
    if by == "names":
        code, why = by_names(frame, reference(), path)
    elif by == "shapes" and reference_areas is not None and shaped:
        code, why = by_shapes(frame, reference_areas, path)
    else:
        raise LayerError(f"{path}: --by {by}: expected names, or shapes with --reference FILE")
    code, why = _each_once(code, why)
    found = code != ""
    if not found.any():
        raise LayerError(f"{path}: no feature of {len(frame)} could be matched ({why[0]})")
    _write(frame[found].assign(adm4_code=code[found]), out)
    left = tuple(f"row {i}: {why[i]}" for i in np.flatnonzero(~found))
    return Bridged(len(frame), int(found.sum()), left)


def _each_once(code: NDArray[np.object_], why: list[str]) -> tuple[NDArray[np.object_], list[str]]:
    """A code that two features got belongs to neither."""
    twice = pd.Series(code)[code != ""]
    twice = twice[twice.duplicated(keep=False)]
    for row in twice.index:
        why[row] = f"ambiguous: {code[row]} fits {int((twice == code[row]).sum())} features"
    code = code.copy()
    code[twice.index] = ""
    return code, why


def by_names(
    frame: pd.DataFrame, known: Reference, path: Path
) -> tuple[NDArray[np.object_], list[str]]:
    """Code of each row by the names of village, district, regency and province."""
    found = {level: columns.find(frame.columns, columns.NAME[level]) for level in (4, 3, 2, 1)}
    if found[4] is None or (found[3] is None and found[2] is None):
        raise LayerError(
            f"{path}: bridging by names needs a column of villages and one of districts or "
            f"regencies; found {', '.join(map(str, frame.columns))}"
        )
    names = {k: frame[c].fillna("").astype("str").tolist() for k, c in found.items() if c}
    code = np.full(len(frame), "", dtype=object)
    why = [""] * len(frame)
    for row in range(len(frame)):
        fits = _fits({k: v[row] for k, v in names.items()}, known)
        if len(fits) == 1:
            code[row] = fits[0]
        else:
            said = ", ".join(v[row] for v in names.values())
            why[row] = f"{said}: " + (f"ambiguous: {', '.join(fits[:3])}" if fits else "unknown")
    return code, why


def _fits(names: dict[int, str], known: Reference) -> list[str]:
    """Villages of this name whose parents have these names."""
    fits = list(known.by_name[4].get(plain(names[4]), ()))
    for level, length in ((3, 8), (2, 5), (1, 2)):
        name = names.get(level, "")
        if name:
            wanted = plain(name)
            fits = [c for c in fits if plain(known.names[c[:length]]) == wanted]
    return [c for c in fits if _kind_fits(c, names.get(2, ""))]


def _kind_fits(code: str, regency: str) -> bool:
    """Bogor is a town and a regency; a name that says which is believed."""
    word = regency.strip().casefold().split(" ")[0].rstrip(".")
    town = int(code[3:5]) >= _FIRST_TOWN
    return {"kota": town, "kabupaten": not town, "kab": not town}.get(word, True)


def by_shapes(
    frame: gpd.GeoDataFrame, reference_areas: Path, path: Path
) -> tuple[NDArray[np.object_], list[str]]:
    """Code of each feature by the village whose shape it shares."""
    areas = read_areas(reference_areas)
    frame, _, _ = in_degrees(frame, path.name)
    labels = np.array([str(i) for i in range(len(frame))], dtype=object)
    shapes = examine_shapes(frame.geometry.to_numpy(), labels, path.name).geometry
    mine, theirs = shapely.STRtree(areas.geometry).query(shapes, predicate="intersects")
    common = square_degrees(shapely.intersection(shapes[mine], areas.geometry[theirs]))
    size, other = square_degrees(shapes), square_degrees(areas.geometry)
    same = common / (size[mine] + other[theirs] - common)
    return _best(len(frame), mine, theirs, same, areas.code)


def _best(
    count: int,
    mine: NDArray[np.int64],
    theirs: NDArray[np.int64],
    same: NDArray[np.float64],
    codes: Sequence[object] | NDArray[np.object_],
) -> tuple[NDArray[np.object_], list[str]]:
    code = np.full(count, "", dtype=object)
    why = ["lies in no village of the reference"] * count
    order = np.lexsort((theirs, -same, mine))
    start = np.searchsorted(mine[order], np.arange(count + 1))
    for row in range(count):
        best = order[start[row] : start[row + 1]]
        if best.size == 0:
            continue
        second = same[best[1]] if best.size > 1 else 0.0
        if same[best[0]] >= _SAME and second < _OTHER:
            code[row] = codes[theirs[best[0]]]
        else:
            why[row] = (
                f"ambiguous: {codes[theirs[best[0]]]} shares {same[best[0]]:.0%}, the next "
                f"{second:.0%}"
            )
    return code, why


def _write(frame: pd.DataFrame, out: Path) -> None:
    if not isinstance(frame, gpd.GeoDataFrame):
        if out.suffix.lower() in PARQUET:
            frame.to_parquet(out)
        else:
            frame.to_csv(out, index=False)
    elif out.suffix.lower() in PARQUET:
        frame.to_parquet(out)
    else:
        frame.to_file(out, engine="pyogrio")
