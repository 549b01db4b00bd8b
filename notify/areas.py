"""Villages → area groups: one for each regency and level, with names that residents know
and polygons that always cover the villages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kentongan.codes import DECREE
from kentongan.errors import DataError
from notify.warning import Ring

if TYPE_CHECKING:
    import pandas as pd

Geometry = Callable[[Sequence[str]], Any]
"""adm4 codes -> array of shapely polygons in the same order, degrees; None where unknown."""

GEOCODE_SCHEME = "Kemendagri:" + DECREE.replace(" ", "-").replace("/", "-")
"""CAP geocode `valueName`: the scheme and the decree that the codes are from."""

MAX_VERTICES = 100
"""Common limit of cell broadcast centres."""
MAX_NAMED_DISTRICTS = 4
"""More names than that are not read on a small screen."""

_SHORT = (
    ("Kabupaten Administrasi ", "Kab. "),
    ("Kota Administrasi ", "Kota "),
    ("Kabupaten ", "Kab. "),
)
# Degrees of buffer tried one after the other: 0.002 is about 220 m.
_BUFFERS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064)
# Degrees, about 1.7 km: a circle of 9 km2, near the middle of Indonesia's villages.
_POINT_RADIUS = 0.015
_DECIMALS = 4
# Half a step of the fourth decimal, with room for both axes.
_ROUNDING = 0.0001


def short_regency(name: str) -> str:
    """`Kabupaten Boalemo` → `Kab. Boalemo`; a `Kota` keeps its word."""
    for long, short in _SHORT:
        if name.startswith(long):
            return short + name.removeprefix(long)
    return name


def joined(names: Sequence[str], last: str = "dan") -> str:
    """`A`, `A dan B`, `A, B, dan C`."""
    if len(names) <= 1:
        return "".join(names)
    if len(names) == 2:
        return f"{names[0]} {last} {names[1]}"
    return f"{', '.join(names[:-1])}, {last} {names[-1]}"


def area_names(
    adm2_name: str, districts: Sequence[str], *, whole: bool, english: bool = False
) -> list[str]:
    """Ways to say where, the most telling first.

    `Kec. Mananggu, Kab. Boalemo`; `Kec. Mananggu`; `Kab. Boalemo (1 kec.)`; `Kab. Boalemo`.
    """
    last, unit = ("and", "districts") if english else ("dan", "kec.")
    if whole or not districts:
        return [adm2_name]
    ways: list[str] = []
    if len(districts) <= MAX_NAMED_DISTRICTS:
        named = f"Kec. {joined(districts, last)}"
        ways = [f"{named}, {adm2_name}", named]
    return [*ways, f"{adm2_name} ({len(districts)} {unit})", adm2_name]


def rows_of(areas: pd.DataFrame, codes: Sequence[str]) -> pd.DataFrame:
    """The rows of `codes`, in that order.

    Raises:
        DataError: a code is not in the layer set.
    """
    known = areas["adm4_code"].to_numpy(dtype=object)
    wanted = np.asarray(codes, dtype=object)
    at = np.searchsorted(known, wanted)
    found = (at < len(known)) & (known[np.minimum(at, len(known) - 1)] == wanted)
    if not found.all():
        missing = [str(c) for c in wanted[~found][:5]]
        raise DataError(
            f"villages {', '.join(missing)}: not in the layer set's table of villages; "
            "impact and areas must come from the same set"
        )
    return areas.iloc[at]


def district_counts(areas: pd.DataFrame) -> dict[str, int]:
    """adm2_code -> districts of that regency in the layer set."""
    districts = {code[:8] for code in areas["adm4_code"].tolist()}
    return dict(Counter(district[:5] for district in districts))


def cover(shapes: Any) -> tuple[Ring, ...]:
    """Closed rings that together cover every shape, with at most 100 points where possible.

    Buffered, simplified and rounded, then tested: a simplification that leaves a village
    partly outside is thrown away and a wider one tried. Holes are filled.

    Args:
        shapes: array of shapely (multi)polygons, degrees; None entries are left out.
    """
    import shapely

    known = [s for s in shapes if s is not None and not shapely.is_empty(s)]
    if not known:
        return ()
    villages = _with_area(shapely.make_valid(np.asarray(known, dtype=object)))
    outline = _outline(villages)
    best = None
    for buffer in _BUFFERS:
        candidate = _simplified(outline, buffer)
        if not _covers(candidate, villages):
            continue
        best = candidate
        if _largest(candidate) <= MAX_VERTICES:
            break
    if best is not None and _largest(best) > MAX_VERTICES:
        hulls = _hulls(best)
        best = hulls if _covers(hulls, villages) else best
    return _rings(best if best is not None else _box(villages))


def _hulls(candidate: Any) -> Any:
    """The same with convex hulls in place of polygons that still have too many corners."""
    import shapely

    parts = shapely.get_parts(candidate)
    ragged = shapely.get_num_coordinates(parts) > MAX_VERTICES
    parts[ragged] = shapely.convex_hull(parts[ragged])
    return _filled(shapely.union_all(parts))


def _with_area(villages: Any) -> Any:
    """A village of which only a point is known stands for its surroundings."""
    import shapely

    flat = shapely.area(villages) == 0
    villages[flat] = shapely.buffer(villages[flat], _POINT_RADIUS, quad_segs=2)
    return villages


def _outline(villages: Any) -> Any:
    """About their union, without holes; `_covers` has the last word."""
    import shapely

    slack = _BUFFERS[0] / 2
    coarse = shapely.make_valid(shapely.simplify(villages, slack))
    return _filled(shapely.union_all(coarse).simplify(slack / 2))


def _covers(candidate: Any, villages: Any) -> bool:
    import shapely

    shapely.prepare(candidate)
    return bool(shapely.covers(candidate, villages).all())


def _box(villages: Any) -> Any:
    import shapely

    west, south, east, north = shapely.total_bounds(villages)
    grow = 2 * _ROUNDING
    return shapely.box(west - grow, south - grow, east + grow, north + grow)


def _simplified(outline: Any, buffer: float) -> Any:
    """The outline grown by `buffer`, with few points, rounded."""
    import shapely

    wide = outline.buffer(buffer + _ROUNDING, quad_segs=2)
    plain = _filled(wide).simplify(buffer * 0.9)
    rounded = shapely.transform(plain, lambda points: np.round(points, _DECIMALS))
    return _filled(rounded if rounded.is_valid else rounded.buffer(0))


def _filled(shape: Any) -> Any:
    """Its polygons without holes; what lay in a hole is gone, for it is inside now.

    `shape` must be valid: then two of its filled polygons are nested or apart.
    """
    import shapely

    parts = shapely.get_parts(shapely.get_parts(shape))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    full = shapely.polygons(shapely.get_exterior_ring(parts))
    keep = np.ones(len(parts), dtype=bool)
    inside = shapely.point_on_surface(parts)
    for k in np.flatnonzero(shapely.get_num_interior_rings(parts)):
        shapely.prepare(full[k])
        within = shapely.contains_properly(full[k], inside)
        within[k] = False
        keep &= ~within
    return shapely.multipolygons(full[keep])


def _largest(shape: Any) -> int:
    import shapely

    return max(len(p.exterior.coords) for p in shapely.get_parts(shape))


def _rings(shape: Any) -> tuple[Ring, ...]:
    import shapely

    parts = shapely.get_parts(shapely.normalize(shape))
    return tuple(
        tuple((round(y, _DECIMALS) + 0.0, round(x, _DECIMALS) + 0.0) for x, y in p.exterior.coords)
        for p in parts
    )


def split(codes: Sequence[str], levels: Mapping[str, int]) -> dict[tuple[str, int], list[str]]:
    """(adm2_code, level) → adm4 codes; highest level first, then by code."""
    groups: dict[tuple[str, int], list[str]] = {}
    for code in sorted(codes):
        groups.setdefault((code[:5], levels.get(code, 0)), []).append(code)
    return dict(sorted(groups.items(), key=lambda item: (-item[0][1], item[0][0])))
