"""What is known without a deployment's files: the decree's codes, rough places, regency people.

From the embedded layer set. Its shapes and its people by village are modelled, so only what
they are good for is asked of them: which code names what, roughly where, and how many people a
regency registers (Dukcapil, semester II 2024).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from risk.layers.layerset import LayerSet, load_layers
from risk.sphere import km_of_chord, unit_vectors

LENGTH = {1: 2, 2: 5, 3: 8, 4: 13}
"""Characters of a code of each level."""
_KIND = re.compile(
    r"^(kabupaten administrasi|kota administrasi|kabupaten|kab\.?|kota|kecamatan|kec\.?"
    r"|kelurahan|kel\.?|desa|provinsi|prov\.?|daerah khusus ibukota|dki|daerah istimewa|di)\s+"
)
_SHORE_DEG = 0.1
"""The outline leaves islands below 1.2 km2 out; they lie near others."""
_F64 = NDArray[np.float64]


def plain(name: object) -> str:
    """A name without kind, case, spaces and punctuation: `Kab. Aceh Besar` -> `acehbesar`."""
    text = str(name).strip().casefold()
    return re.sub(r"[\W_]", "", _KIND.sub("", text)) or re.sub(r"[\W_]", "", text)


@dataclass(frozen=True, eq=False)
class Reference:
    """Facts of the decree and the register, by code."""

    layers: LayerSet

    @cached_property
    def names(self) -> dict[str, str]:
        return self.layers.names

    @cached_property
    def by_name(self) -> dict[int, dict[str, tuple[str, ...]]]:
        """Codes of each plain name, by level."""
        out: dict[int, dict[str, list[str]]] = {level: {} for level in LENGTH}
        level_of = {length: level for level, length in LENGTH.items()}
        for code, name in self.names.items():
            out[level_of[len(code)]].setdefault(plain(name), []).append(code)
        return {k: {name: tuple(codes) for name, codes in v.items()} for k, v in out.items()}

    @cached_property
    def codes(self) -> dict[int, frozenset[str]]:
        return {
            level: frozenset(c for c in self.names if len(c) == length)
            for level, length in LENGTH.items()
        }

    @cached_property
    def regency_people(self) -> pd.Series:
        """Registered people by regency code; sums to the nation's 284,973,643."""
        villages = self.layers.villages
        people: pd.Series = villages.groupby(villages["adm4_code"].str[:5])["people"].sum()
        return people

    @cached_property
    def regency_villages(self) -> pd.Series:
        """How many villages each regency has."""
        code = self.layers.villages["adm4_code"].str[:5]
        count: pd.Series = code.groupby(code).size()
        return count

    @cached_property
    def seats(self) -> _F64:
        """Unit vectors of a point of each village, in code order."""
        villages = self.layers.villages
        return unit_vectors(villages["longitude"].to_numpy(), villages["latitude"].to_numpy())

    def away_km(self, codes: NDArray[np.object_], longitude: _F64, latitude: _F64) -> _F64:
        """Distance of each point to the nearest village of its area; NaN for unknown areas."""
        here = unit_vectors(longitude, latitude)
        out = np.full(len(codes), np.nan)
        row = pd.Index(self.layers.villages["adm4_code"]).get_indexer(pd.Index(codes.astype(str)))
        own = row >= 0
        out[own] = km_of_chord(np.linalg.norm(here[own] - self.seats[row[own]], axis=1))
        rest = np.flatnonzero(~own)
        part = pd.Series([self._known_part(str(c)) for c in codes[rest]], dtype="object")
        for code, rows in part.groupby(part).indices.items():
            if code:
                seats = self.seats[self.layers.within(str(code))]
                out[rest[rows]] = km_of_chord(_nearest_chord(seats, here[rest[rows]]))
        return out

    def _known_part(self, code: str) -> str:
        """The code itself, or its nearest ancestor that the decree has."""
        for length in (13, 8, 5, 2):
            if len(code) >= length and code[:length] in self.names:
                return code[:length]
        return ""

    @cached_property
    def land(self) -> shapely.STRtree:
        """Provinces as outlines for maps: good enough to tell land from sea."""
        text = (self.layers.path / "outline.geojson").read_text(encoding="utf-8")
        return shapely.STRtree(shapely.get_parts(shapely.from_geojson(text)))

    def on_land(self, longitude: _F64, latitude: _F64) -> float:
        """Share of the points on land or at its shore."""
        points = shapely.points(longitude, latitude)
        hit = self.land.query(points, predicate="dwithin", distance=_SHORE_DEG)[0]
        return float(np.unique(hit).size / max(points.size, 1))

    @cached_property
    def cell_people(self) -> _F64:
        """People in each cell of the base grid, flat, spread evenly within each village."""
        operator = self.layers.operator
        people = operator.people[operator.row] * (operator.share / operator.scale)
        cells = operator.grid.rows * operator.grid.columns
        total = np.bincount(operator.cell, weights=people, minlength=cells)
        return total.astype(np.float64)

    def by_regency(self, share: _F64) -> pd.Series:
        """People by regency in cells, each cell's people times `share` of that cell."""
        operator = self.layers.operator
        people = operator.people[operator.row] * (operator.share / operator.scale)
        village = np.bincount(
            operator.row, weights=people * share[operator.cell], minlength=operator.people.size
        )
        code = self.layers.villages["adm4_code"].str[:5]
        return pd.Series(village).groupby(code.to_numpy()).sum()


def _nearest_chord(seats: _F64, here: _F64) -> _F64:
    if len(seats) == 1:
        alone: _F64 = np.linalg.norm(here - seats[0], axis=1)
        return alone
    chord: _F64 = cKDTree(seats).query(here)[0]
    return chord


@lru_cache(maxsize=1)
def reference() -> Reference:
    return Reference(load_layers())
