"""Policy, gazetteer and records made by hand."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kentongan.policy import LevelPolicy, load_policy
from kentongan.records import Bulletin, Felt, Nowcast, Quake, SatelliteImage, TsunamiZone
from kentongan.settings import data_dir
from kentongan.types import Quality, TsunamiStatus
from processing.gazetteer import Gazetteer

ORIGIN = datetime(2022, 11, 21, 6, 21, 10, tzinfo=UTC)
FLORES = datetime(2026, 8, 14, 21, 58, 23, tzinfo=UTC)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(scope="session")
def policy() -> LevelPolicy:
    return load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy)


@pytest.fixture(scope="session")
def areas() -> pd.DataFrame:
    path = data_dir() / "layers" / "embedded" / "villages.parquet"
    return pd.read_parquet(path, columns=["adm4_code", "adm3_name", "adm2_name"])


@pytest.fixture(scope="session")
def regencies(areas: pd.DataFrame) -> list[tuple[str, str]]:
    pairs = zip(areas.adm4_code.str[:5], areas.adm2_name, strict=True)
    return sorted(set(pairs))


@pytest.fixture(scope="session")
def districts(areas: pd.DataFrame) -> list[tuple[str, str]]:
    return sorted(set(zip(areas.adm4_code.str[:8], areas.adm3_name, strict=True)))


@pytest.fixture(scope="session")
def gazetteer(regencies: list[tuple[str, str]], districts: list[tuple[str, str]]) -> Gazetteer:
    return Gazetteer.build(regencies, districts=districts)


@pytest.fixture(scope="session")
def quake() -> Callable[..., Quake]:
    def make(**changes: Any) -> Quake:
        fields: dict[str, Any] = {
            "source_id": "bmkg-quakes",
            "key": "q",
            "origin_time": ORIGIN,
            "latitude": -6.86,
            "longitude": 107.01,
            "magnitude": 5.6,
            "depth_km": 11.0,
            "place": "10 km BaratDaya KAB-CIANJUR-JABAR",
            **changes,
        }
        fields.setdefault("document_time", fields["origin_time"])
        fields.setdefault("sha256", _sha(repr(sorted(fields.items(), key=str))))
        return Quake(**fields)

    return make


@pytest.fixture(scope="session")
def bulletin(quake: Callable[..., Quake]) -> Callable[..., Bulletin]:
    def make(
        stage: int,
        minutes: float,
        zones: tuple[tuple[str, str, str], ...] = (),
        *,
        of: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Bulletin:
        sent = FLORES + timedelta(minutes=minutes)
        told = {"origin_time": FLORES, "latitude": -8.33, "longitude": 121.32, "magnitude": 7.0}
        return Bulletin(
            **{
                "source_id": "inatews",
                "key": f"b{stage}-{minutes}",
                "sha256": _sha(f"{stage} {minutes} {zones} {of}"),
                "document_time": sent,
                "stage": stage,
                "label": f"PD-{stage}",
                "sent": sent,
                "quake": quake(key=f"bq{minutes}", depth_km=15.0, **{**told, **(of or {})}),
                "zones": tuple(
                    TsunamiZone(
                        province=province,
                        district=district,
                        level=TsunamiStatus(level),
                        arrival=FLORES + timedelta(minutes=3),
                    )
                    for province, district, level in zones
                ),
                **changes,
            }
        )

    return make


@pytest.fixture(scope="session")
def nowcast() -> Callable[..., Nowcast]:
    square = ((0.5, 122.0), (0.5, 122.2), (0.7, 122.2), (0.7, 122.0), (0.5, 122.0))

    def make(**changes: Any) -> Nowcast:
        sent = changes.get("sent", datetime(2026, 9, 24, 7, 7, tzinfo=UTC))
        fields: dict[str, Any] = {
            "source_id": "bmkg-nowcast",
            "code": "CGT20260924002",
            "province_code": "75",
            "identifier": "2.49.0.1.360.0.2026.09.24.07.75.002",
            "msg_type": "Alert",
            "sent": sent,
            "document_time": sent,
            "effective": sent + timedelta(minutes=20),
            "expires": sent + timedelta(minutes=140),
            "event": "Hujan Lebat dan Petir",
            "headline": "Hujan Lebat disertai Petir di Gorontalo",
            "description": "",
            "district_names": ("DENGILO", "MANANGGU"),
            "polygons": (square,),
            **changes,
        }
        fields.setdefault("key", fields["code"])
        fields.setdefault("sha256", _sha(repr(fields)))
        return Nowcast(**fields)

    return make


@pytest.fixture(scope="session")
def image() -> Callable[..., SatelliteImage]:
    def make(valid_time: datetime, **changes: Any) -> SatelliteImage:
        return SatelliteImage(
            **{
                "source_id": "himawari-rp",
                "key": f"RP-{valid_time:%H%M}",
                "sha256": _sha(valid_time.isoformat()),
                "document_time": valid_time,
                "product": "RP",
                "valid_time": valid_time,
                "time_source": "title",
                "quality": Quality.OK,
                **changes,
            }
        )

    return make


@pytest.fixture(scope="session")
def felt() -> Callable[[str, float, float], Felt]:
    return lambda place, low, high: Felt(place=place, mmi_low=low, mmi_high=high)


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path
