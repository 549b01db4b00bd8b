"""Where a place lies that BMKG's "dirasakan" text names: `Cianjur`, `Kota Bandung`, `Lembang`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestration.names import gazetteer_of

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

NEAR_KM = 600.0
"""Farther from the epicentre the name is another place's: felt reports on record end there."""
_KINDS = frozenset({"KAB", "KABUPATEN", "KECAMATAN", "KEC", "PROVINSI", "PROV", "DESA"})
_KM_PER_DEGREE = 111.195


@dataclass(frozen=True)
class _Place:
    rank: int
    latitude: float
    longitude: float


class Places:
    """Names of cities, regencies, provinces and districts → where their people live.

    A bare name means the city before the regency, that before the province, that before a
    district; of several the one nearest to the epicentre.
    """

    def __init__(self, layers: LayerSet) -> None:
        self._by_name: Mapping[str, list[_Place]] = _index(layers)
        self._gazetteer = gazetteer_of(layers)

    def _named(self, name: str) -> list[_Place]:
        found = self._by_name.get(_key(name), [])
        provinces = self._gazetteer.province_codes(name[:100])
        return [*found, *(place for code in provinces for place in self._by_name.get(code, ()))]

    def __call__(self, name: str, latitude: float, longitude: float) -> tuple[float, float] | None:
        near = [
            (place.rank, away, place)
            for place in self._named(name)
            if (away := _km(place, latitude, longitude)) <= NEAR_KM
        ]
        if not near:
            return None
        _, _, found = min(near, key=lambda entry: entry[:2])
        return found.latitude, found.longitude


@lru_cache(maxsize=2)
def places_of(layers: LayerSet) -> Places:
    """Built once a process."""
    return Places(layers)


def _key(name: str) -> str:
    from processing.gazetteer import words

    found = words(name[:100]).split()
    while len(found) > 1 and found[0] in _KINDS:
        found = found[1:]
    return "".join(found)


def _km(place: _Place, latitude: float, longitude: float) -> float:
    north = place.latitude - latitude
    east = (place.longitude - longitude) * math.cos(math.radians(latitude))
    return math.hypot(north, east) * _KM_PER_DEGREE


def _index(layers: LayerSet) -> dict[str, list[_Place]]:
    found: dict[str, list[_Place]] = {}
    for column, length in (("adm2_name", 5), ("adm1_name", 2), ("adm3_name", 8)):
        for code, name, latitude, longitude in _centres(layers, column, length):
            city = length == 5 and name.upper().startswith("KOTA ")
            rank = {5: 1, 2: 2, 8: 3}[length] - city
            place = _Place(rank, latitude, longitude)
            keys = {_key(name), _key(name[5:])} if city else {_key(name), code}
            for key in keys:
                found.setdefault(key, []).append(place)
    return found


def _centres(layers: LayerSet, column: str, length: int) -> list[tuple[str, str, float, float]]:
    """Code, name and centre of the people of each area of one level."""
    table = layers.villages
    weight = table["people"].clip(lower=1).astype(float)
    parts = table.assign(
        code=table["adm4_code"].str[:length],
        weight=weight,
        y=table["latitude"] * weight,
        x=table["longitude"] * weight,
    )
    sums = parts.groupby("code").agg({column: "first", "weight": "sum", "y": "sum", "x": "sum"})
    return [
        (str(row[0]), str(row[1]), float(row[3] / row[2]), float(row[4] / row[2]))
        for row in sums.itertuples(name=None)
    ]
