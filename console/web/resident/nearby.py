"""Where to go: the nearest assembly points outside the danger, how far and which way, and a sketch.

Straight lines between the village's point and the place: no road is known here, and it says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from console.web.resident.standing import Standing
from notify.tasks.export.scale import Scale
from risk.sphere import chord_of_km, km_of_chord, unit_vectors

if TYPE_CHECKING:
    from kentongan.policy import CoverageRules
    from risk.layers.layerset import LayerSet

SHOWN = 3
WIDTH, HEIGHT, MARGIN = 320, 200, 24
HERE_KM = 0.3
"""Nearer than this a direction says nothing: villages are known as points."""
SYNTHETIC = "(sintetis)"
"""Stands in names of places that were made up for exercises."""
DIRECTIONS = {
    "id": ("utara", "timur laut", "timur", "tenggara", "selatan", "barat daya", "barat",
           "barat laut"),
    "en": ("north", "north-east", "east", "south-east", "south", "south-west", "west",
           "north-west"),
}  # fmt: skip


_Bools = NDArray[np.bool_]


def direction(bearing_deg: float, language: str = "id") -> str:
    """The word of the nearest of eight directions; degrees clockwise from north."""
    return DIRECTIONS[language][round(bearing_deg / 45) % 8]


def bearing(from_point: tuple[float, float], to_point: tuple[float, float]) -> float:
    """Degrees clockwise from north, on a plane: good to a degree over 10 km near the equator."""
    (x0, y0), (x1, y1) = from_point, to_point
    east = (x1 - x0) * math.cos(math.radians((y0 + y1) / 2))
    return math.degrees(math.atan2(east, y1 - y0)) % 360


@dataclass(frozen=True)
class _Shelters:
    names: list[str]
    codes: list[str]
    point: NDArray[np.float64]
    """Shape (shelters, 2): longitude, latitude in degrees."""
    xyz: NDArray[np.float64]
    off_coast: NDArray[np.bool_]
    """Of a village without coast; one that the layer set does not hold is not known to be."""
    known: NDArray[np.bool_]


class Nearby:
    """The assembly points of one layer set, and what warnings forbid of them."""

    def __init__(self, layers: LayerSet, rules: CoverageRules) -> None:
        self._layers = layers
        self._rules = rules
        self._judged: tuple[Standing, _Bools, _Bools] | None = None

    @cached_property
    def _shelters(self) -> _Shelters:
        table, villages = self._layers.shelters, self._layers.villages
        coast = dict(zip(villages["adm4_code"], villages["coast_share"], strict=True))
        codes = table["adm4_code"].tolist()
        point = table[["longitude", "latitude"]].to_numpy(np.float64).reshape(-1, 2)
        return _Shelters(
            names=[str(name) for name in table["name"].tolist()], codes=codes, point=point,
            xyz=unit_vectors(point[:, 0], point[:, 1]),
            off_coast=np.array([coast.get(code, 1.0) == 0 for code in codes], dtype=np.bool_),
            known=np.array([code in coast for code in codes], dtype=np.bool_),
        )  # fmt: skip

    def of(
        self, point: tuple[float, float], standing: Standing, *, tsunami: bool, named: str = ""
    ) -> list[dict[str, Any]]:
        """The nearest places within the policy's distance, outside what people leave.

        Args:
            point: longitude and latitude of the village.
            tsunami: none near the coast is offered.
            named: place that the warning's text names; it comes first.
        """
        found, rules = self._shelters, self._rules
        safe, shaken = self._allowed(standing)
        if tsunami:
            safe = safe & found.off_coast
        chords = np.linalg.norm(found.xyz - unit_vectors(*point), axis=1)
        near = np.flatnonzero(safe & (chords <= chord_of_km(rules.shelter_max_km)))
        first = np.array([found.names[row] != named for row in near], dtype=np.bool_)
        order = near[np.lexsort((chords[near], shaken[near], first))][:SHOWN]
        km = km_of_chord(chords[order])
        return [
            self._place(point, int(row), float(k), shaken=bool(shaken[row]))
            for row, k in zip(order, km, strict=True)
        ]

    def _allowed(self, standing: Standing) -> tuple[_Bools, _Bools]:
        """Which are outside danger, which on shaken ground: one pass for each change."""
        judged = self._judged
        if judged is None or judged[0] is not standing:
            found = self._shelters
            outside = [code not in standing.in_danger for code in found.codes]
            shaken = [code in standing.shaken for code in found.codes]
            safe = np.array(outside, dtype=np.bool_) & found.known
            judged = (standing, safe, np.array(shaken, dtype=np.bool_))
            self._judged = judged
        return judged[1], judged[2]

    def _place(
        self, point: tuple[float, float], row: int, km: float, *, shaken: bool
    ) -> dict[str, Any]:
        found, rules = self._shelters, self._rules
        there = (float(found.point[row, 0]), float(found.point[row, 1]))
        name = found.names[row]
        ways = {code: direction(bearing(point, there), code) for code in DIRECTIONS}
        return {
            "name": name.replace(SYNTHETIC, "").strip()[:80],
            "made_up": SYNTHETIC in name,
            "km": round(km, 1),
            "minutes": round(km * rules.detour_factor / rules.walk_kmh * 60),
            "direction": ways if km >= HERE_KM else None,
            "shaken": shaken,
            "point": there,
        }


def sketch(point: tuple[float, float], places: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Positions in a picture of `WIDTH` x `HEIGHT`, north up; None where there is no place."""
    if not places:
        return None
    scale = Scale.of(
        [point, *(one["point"] for one in places)], width=WIDTH, height=HEIGHT, margin=MARGIN
    )
    return {
        "width": WIDTH, "height": HEIGHT, "here": scale.at(*point),
        "places": [scale.at(*one["point"]) for one in places],
        "km": scale.bar_km, "bar": round(scale.bar_km * scale.per_km, 1),
    }  # fmt: skip
