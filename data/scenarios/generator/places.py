"""Districts and villages of the embedded layer set, as BMKG's documents speak of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.forecast import Village
from generator.nowcast import Ring

DECIMALS = 3
"""BMKG writes polygon corners with three decimals (about 110 m)."""


def load_places() -> Places:
    """The embedded layer set of this project."""
    from risk.layers.layerset import load_layers

    layers = load_layers()
    return Places(layers.villages, layers.geometry, layers.path / "outline.geojson")


@dataclass(frozen=True)
class Places:
    """`villages` as in `kentongan.areas`, `shapes` their polygons in the same order."""

    villages: Any
    shapes: Any
    outline: Path

    def district_name(self, adm3_code: str) -> str:
        return str(self.villages.loc[self._rows(adm3_code), "adm3_name"].iloc[0])

    def rings(self, adm3_code: str) -> tuple[Ring, ...]:
        """Outer rings of the district, closed, (latitude, longitude), largest first."""
        from shapely import get_parts, make_valid, set_precision, unary_union

        shapes = self.shapes[self._rows(adm3_code).to_numpy()]
        whole = set_precision(make_valid(unary_union(shapes)), 10**-DECIMALS)
        parts = [p for p in get_parts(whole.simplify(2 * 10**-DECIMALS)) if p.area > 1e-5]
        parts.sort(key=lambda p: (-p.area, p.bounds))
        return tuple(_ring(part) for part in parts)

    def first_village(self, adm3_code: str) -> Village:
        return self.village(str(self.villages.loc[self._rows(adm3_code), "adm4_code"].iloc[0]))

    def village(self, adm4_code: str) -> Village:
        row = self.villages[self.villages["adm4_code"] == adm4_code].iloc[0]
        return Village(
            adm4_code=adm4_code,
            name=str(row["name"]),
            district=str(row["adm3_name"]),
            regency=str(row["adm2_name"]),
            province=str(row["adm1_name"]),
            longitude=float(row["longitude"]),
            latitude=float(row["latitude"]),
            offset=int(row["utc_offset"]),
        )

    def _rows(self, adm3_code: str) -> Any:
        rows = self.villages["adm4_code"].str.startswith(adm3_code + ".")
        if not rows.any():
            raise ValueError(f"district {adm3_code}: no village in the embedded layer set")
        return rows


def _ring(polygon: Any) -> Ring:
    return tuple((round(y, DECIMALS), round(x, DECIMALS)) for x, y in polygon.exterior.coords)
