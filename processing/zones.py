"""The table of zones of a vector hazard, with the columns of `kentongan.hazard.ZONES`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from kentongan.hazard import ZONES
from kentongan.types import Level


@dataclass(frozen=True)
class ZoneRow:
    """One row; see `ZONES`."""

    zone: str
    level: Level
    adm_codes: tuple[str, ...] = ()
    side: str = ""
    named_districts: str = ""
    onset: datetime | None = None
    geometry: BaseGeometry = field(default_factory=shapely.Polygon)


def zones_frame(rows: Sequence[ZoneRow]) -> gpd.GeoDataFrame:
    """Rows as a table, EPSG:4326; the same columns and types when there are none."""
    columns = {
        "zone": pd.array([row.zone for row in rows], dtype="str"),
        "hazard_level": np.array([row.level for row in rows], dtype=np.int8),
        "adm_codes": pd.array([",".join(row.adm_codes) for row in rows], dtype="str"),
        "side": pd.array([row.side for row in rows], dtype="str"),
        "named_districts": pd.array([row.named_districts for row in rows], dtype="str"),
        "onset": pd.array([row.onset for row in rows], dtype="datetime64[us, UTC]"),
        "geometry": gpd.array.from_shapely([row.geometry for row in rows], crs="EPSG:4326"),
    }
    return gpd.GeoDataFrame({name: columns[name] for name in ZONES}, geometry="geometry")
