"""Which share of each village lies where a tsunami may come, by what the layer set knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.policy import TsunamiRules

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

STRIP, LAND = "coast-strip", "coast-elevation"
_OTHER_RULES = " (compiled by other rules; build the set anew)"
_NOT_COMPILED = " (heights not compiled; build the set anew)"


@dataclass(frozen=True, eq=False)
class CoastShares:
    """One entry a village of the layer set.

    Attributes:
        inside: share of its people (with heights) or of its area (strip alone); 0: no coast.
        rule: which of the two spoke.
        no_elevation: no height was known for any part of `inside`, or only for some of it.
    """

    inside: NDArray[np.float64]
    rule: NDArray[np.object_]
    no_elevation: NDArray[np.bool_]


def coast_shares(layers: LayerSet, rules: TsunamiRules) -> CoastShares:
    """By heights where the set was compiled with them, else by the coast strip.

    A village that the compiled table does not name keeps the strip: not known is never safe.
    """
    share = layers.villages["coast_share"].to_numpy(np.float64, copy=True)
    flag = bool(layers.manifest.get("no_elevation", True))
    rule = np.full(share.size, STRIP + _strip_note(layers, rules), dtype=object)
    without = np.full(share.size, flag)
    table = layers.tsunami
    if table is None:
        return CoastShares(share, rule, without)
    rows = layers.index(table["adm4_code"])
    inside, unknown = (table[name].to_numpy(np.float64) for name in ("inside", "unknown"))
    share[rows] = inside
    rule[rows] = LAND + _land_note(layers, rules)
    without[rows] = unknown > 0
    return CoastShares(share, rule, without)


def _strip_note(layers: LayerSet, rules: TsunamiRules) -> str:
    if layers.tsunami is None and layers.raster("elevation") is not None:
        return _NOT_COMPILED
    compiled = float(layers.manifest.get("coast_strip_km", rules.coast_strip_km))
    if compiled == rules.coast_strip_km:
        return ""
    return f" ({compiled:g} km, policy {rules.coast_strip_km:g} km)"


def _land_note(layers: LayerSet, rules: TsunamiRules) -> str:
    compiled = layers.manifest.get("tsunami", {}).get("rules", {})
    wanted = rules.coast.model_dump(mode="json")
    # What only the walk takes is read from the policy of the day.
    later = {"warn_minutes", "react_minutes", "walk_m_s"}
    same = all(compiled.get(key) == value for key, value in wanted.items() if key not in later)
    strip = float(layers.manifest.get("coast_strip_km", rules.coast_strip_km))
    return "" if same and strip == rules.coast_strip_km else _OTHER_RULES
