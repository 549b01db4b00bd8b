"""Which of BMKG's maps are judged, and how far ours and Allen (2012) lie from them.

Maps that the fit used are not judged ("held out" are every third), unless all are new to it.
Vs30 comes from a map merged of the other events, as in operation, or from the event's own grid,
which proves the formula alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm.bmkg import QuakeFacts, mmi_grid, model_for, sites
from processing.gmm.fit import distances, held_out
from processing.gmm.folder import ShakeMap
from processing.gmm.vs30 import UNKNOWN, Vs30Map, merge
from processing.shaking.allen import allen_2012_hypo

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

WITHIN_KM = 150.0
SHAKEN_MMI = 2.0
"""Cells below, in BMKG's map, are at its lower end (1.00) or not felt: they flatter any mean."""
RINGS_KM = (0.0, 25.0, 50.0, 100.0, 150.0, 300.0)


@dataclass(frozen=True, eq=False)
class Trial:
    """Maps, those of them that are judged, and the ground that ours is computed with."""

    maps: tuple[ShakeMap, ...]
    judged: frozenset[str]
    """Ids."""
    vs30: Vs30Map


def trial(maps: Iterable[ShakeMap], vs30: Vs30Map | None = None) -> Trial:
    """Each event once; one whose figures no quake can have is left out.

    Args:
        vs30: a map built before; then all maps are new to it and to the fit, and all are judged.

    Raises:
        DataError: no map is left, or none of the others holds a Vs30.
    """
    distinct = tuple({one.event_id: one for one in maps if _can_be(one)}.values())
    if not distinct:
        raise DataError("maps: expected grids of quakes, found none")
    if vs30 is not None:
        return Trial(distinct, frozenset(one.event_id for one in distinct), vs30)
    out = held_out(distinct)
    if not out:
        raise DataError(
            f"maps: expected 3 and more, one of three to be judged, found {len(distinct)}; where "
            "all are new, give a map of Vs30"
        )
    return Trial(distinct, out, merge(one for one in distinct if one.event_id not in out))


def _can_be(one: ShakeMap) -> bool:
    try:
        facts_of(one)
    except DataError:
        return False
    return True


def facts_of(one: ShakeMap) -> QuakeFacts:
    """Raises:
    DataError: a figure cannot be of a quake.
    """
    return QuakeFacts(one.magnitude, one.depth_km, one.latitude_of, one.longitude_of)


@dataclass(frozen=True)
class Versions:
    """MMI of one event's cells, BMKG's and ours."""

    bmkg: Floats
    merged: Floats
    own: Floats
    allen: Floats
    distance_km: Floats
    unknown_site: float


def versions(one: ShakeMap, vs30: Vs30Map) -> Versions:
    """All four on BMKG's own points; rows from south to north."""
    up = slice(None, None, 1 if one.latitude[0] < one.latitude[-1] else -1)
    quake = facts_of(one)
    latitude, r = one.latitude[up], distances(one)[up]
    merged = vs30.on(latitude, one.longitude)
    allen, _ = allen_2012_hypo(one.magnitude, np.hypot(r, max(one.depth_km, 1.0)))
    return Versions(
        bmkg=one.mmi[up],
        merged=mmi_grid(quake, sites(latitude, one.longitude, merged)).astype(float),
        own=mmi_grid(quake, sites(latitude, one.longitude, one.vs30[up])).astype(float),
        allen=np.clip(allen, 1.0, 10.0),
        distance_km=r,
        unknown_site=float((merged == UNKNOWN).mean()),
    )


def table(of: Trial) -> pd.DataFrame:
    """One row an event and ring of distance: mean and mean absolute differences to BMKG.

    Raises:
        DataError: no map has a cell within the farthest ring.
    """
    import pandas as pd

    rows: list[dict[str, object]] = []
    for one in of.maps:
        found = versions(one, of.vs30)
        facts: dict[str, object] = {
            "event": one.event_id, "magnitude": one.magnitude, "depth_km": one.depth_km,
            "kind": one.kind, "held_out": one.event_id in of.judged,
            "model": str(model_for(facts_of(one))),
        }  # fmt: skip
        for low, high in (*pairwise(RINGS_KM), (0.0, WITHIN_KM)):
            ring = (found.distance_km >= low) & (found.distance_km < high)
            for kind, cells in (("all", ring), ("shaken", ring & (found.bmkg >= SHAKEN_MMI))):
                if cells.any():
                    rows.append(
                        {
                            **facts,
                            "from": low,
                            "to": high,
                            "cells": kind,
                            "count": int(cells.sum()),
                            **_scores(found, cells),
                        }
                    )
    if not rows:
        raise DataError(
            f"maps: expected cells within {RINGS_KM[-1]:g} km of an epicentre, found none"
        )
    return pd.DataFrame(rows)


def _scores(found: Versions, cells: npt.NDArray[np.bool_]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for name in ("merged", "own", "allen"):
        off = getattr(found, name)[cells] - found.bmkg[cells]
        scores[f"{name}_mean"], scores[f"{name}_abs"] = float(off.mean()), float(np.abs(off).mean())
    return scores
