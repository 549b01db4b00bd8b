"""Small layer sets made by hand, and events for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.policy import LevelPolicy, load_policy
from kentongan.settings import data_dir
from kentongan.types import DocumentStatus, HazardId, Level
from risk.layers.layerset import LayerSet
from risk.operator import compile_operator

AT = datetime(2026, 9, 24, 7, 20, tzinfo=UTC)
MakeLayers = Callable[..., LayerSet]
MakeField = Callable[..., HazardField]


@pytest.fixture(scope="session")
def policy() -> LevelPolicy:
    return load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)


@pytest.fixture(scope="session")
def make_layers() -> MakeLayers:
    """Villages from rows of code, district, box (west, south, east, north) and people."""

    def make(
        rows: Sequence[tuple[str, str, tuple[float, float, float, float], int]],
        *,
        coast_share: Sequence[float] | None = None,
        azimuth: Sequence[float] | None = None,
    ) -> LayerSet:
        shapes = np.array([shapely.box(*box) for _, _, box, _ in rows], dtype=object)
        people = np.array([n for *_, n in rows], dtype=np.int64)
        centre = shapely.get_coordinates(shapely.centroid(shapes))
        villages = pd.DataFrame(
            {
                "adm4_code": [code for code, *_ in rows],
                "name": [f"Desa {i}" for i in range(len(rows))],
                "kind": "Desa",
                "adm3_name": [district for _, district, *_ in rows],
                "adm2_name": "Kabupaten Contoh",
                "adm1_name": "Contoh",
                "utc_offset": np.int8(8),
                "longitude": centre[:, 0],
                "latitude": centre[:, 1],
                "people": people,
                "area_km2": np.float32(1),
                "coast_share": np.array(coast_share or [0.0] * len(rows), dtype=np.float32),
                "sea_azimuth_deg": np.array(azimuth or [np.nan] * len(rows), dtype=np.float32),
                "data_quality": "modelled",
            }
        )
        teams = pd.DataFrame(
            {
                "team_id": ["T-1"],
                "post_id": ["P-1"],
                "name": ["Regu 1"],
                "adm4_code": [rows[0][0]],
                "longitude": centre[:1, 0],
                "latitude": centre[:1, 1],
                "members": np.array([10], dtype=np.int16),
                "coordinator_id": ["K-1"],
                "on_duty": [True],
            }
        )
        layers = LayerSet(
            path=Path("nowhere"),
            version="by-hand",
            villages=villages,
            teams=teams,
            coordinators=pd.DataFrame(),
            shelters=pd.DataFrame(),
            operator=compile_operator(shapes, people),
            manifest={"quantum_deg": 1e-4, "coast_strip_km": 2.0, "no_elevation": True},
        )
        layers.__dict__["geometry"] = shapes
        return layers

    return make


def _event(hazard: HazardId) -> HazardEvent:
    return HazardEvent(
        event_id=f"{hazard}-test",
        hazard_id=hazard,
        level=Level.WASPADA,
        onset=AT,
        valid_from=AT,
        valid_to=AT,
        official=True,
        status=DocumentStatus.EXERCISE,
        title="uji",
        method="hand/1",
        observations=(),
    )


@pytest.fixture(scope="session")
def zone_field() -> MakeField:
    """A vector field from dicts of zone columns; what is not given has a plain default."""

    def make(rule: AreaRule, *zones: dict[str, object]) -> HazardField:
        plain = {
            "zone": "Z",
            "hazard_level": 2,
            "adm_codes": "",
            "side": "",
            "named_districts": "",
            "onset": pd.Timestamp(AT),
            "geometry": shapely.Polygon(),
        }
        frame = gpd.GeoDataFrame([plain | z for z in zones], geometry="geometry", crs=4326)
        hazard = HazardId.TSUNAMI if rule is AreaRule.COAST_STRIP else HazardId.THUNDERSTORM
        return HazardField(_event(hazard), rule, zones=frame)

    return make


@pytest.fixture(scope="session")
def raster_field() -> MakeField:
    def make(raster: object) -> HazardField:
        return HazardField(_event(HazardId.SHAKING), AreaRule.SHARE_OF_PEOPLE, raster=raster)  # type: ignore[arg-type]

    return make
