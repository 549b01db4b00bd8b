"""A small country: two regencies of Gorontalo and one coast, with square villages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from sqlalchemy import Engine, Table, select

from kentongan.db import make_engine, messages, metadata, outbox, recipients
from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.settings import data_dir
from kentongan.store import Store
from kentongan.types import DocumentStatus, HazardId, Level, Mode
from notify import versions
from notify.channels.recorder import Recorder
from notify.release import approval
from notify.release.desk import Desk
from notify.release.run import Published, publish, regencies_of
from notify.sending.dispatch import dispatch
from notify.warning import WarningRef

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)

_DISTRICTS = (
    ("75.02.07", "Mananggu", "Kabupaten Boalemo", "Gorontalo", 8, 3),
    ("75.02.08", "Tilamuta", "Kabupaten Boalemo", "Gorontalo", 8, 2),
    ("75.04.09", "Dengilo", "Kabupaten Pohuwato", "Gorontalo", 8, 3),
    ("53.07.01", "Maumere", "Kabupaten Sikka", "Nusa Tenggara Timur", 8, 2),
)


@pytest.fixture
def at() -> datetime:
    return AT


@pytest.fixture
def areas() -> pd.DataFrame:
    rows = []
    for district, (code, adm3, adm2, adm1, zone, count) in enumerate(sorted(_DISTRICTS)):
        rows += [
            {
                "adm4_code": f"{code}.{2001 + i}",
                "name": f"Desa {adm3} {i + 1}",
                "kind": "Desa",
                "adm3_name": adm3,
                "adm2_name": adm2,
                "adm1_name": adm1,
                "utc_offset": zone,
                "longitude": 122.0 + 0.1 * i,
                "latitude": 0.5 + 0.1 * district,
                "people": 1000 + 10 * i,
            }
            for i in range(count)
        ]
    return pd.DataFrame(rows)


@pytest.fixture
def geometry(areas: pd.DataFrame) -> Callable[[Sequence[str]], Any]:
    boxes = {
        code: shapely.box(x - 0.05, y - 0.05, x + 0.05, y + 0.05)
        for code, x, y in zip(areas.adm4_code, areas.longitude, areas.latitude, strict=True)
    }
    return lambda codes: np.asarray([boxes[c] for c in codes], dtype=object)


@pytest.fixture
def coordinators() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "coordinator_id": ["c-53.07", "c-75.02", "c-75.04"],
            "name": ["Ibu Sikka", "Pak Boalemo", "Ibu Pohuwato"],
            "adm2_code": ["53.07", "75.02", "75.04"],
            "adm4_code": ["53.07.01.2001", "75.02.07.2001", "75.04.09.2001"],
            "msisdn": ["+9995307", "+9997502", "+9997504"],
        }
    )


@pytest.fixture
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """SQLite, or a fresh database of a PostgreSQL server."""
    if getattr(request, "param", "sqlite") == "postgresql":
        made = make_engine(request.getfixturevalue("postgres").database())
    else:
        made = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
        metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "home"))


@pytest.fixture
def exercise() -> ReleasePolicy:
    return load_policy(data_dir() / "policy" / "exercise.toml", ReleasePolicy)


@pytest.fixture
def actual() -> ReleasePolicy:
    return load_policy(data_dir() / "policy" / "actual.toml", ReleasePolicy)


_TITLES = {
    HazardId.THUNDERSTORM: "Hujan lebat disertai petir di Gorontalo",
    HazardId.SHAKING: "Gempa M5,6 kedalaman 11 km, Boalemo",
    HazardId.TSUNAMI: "Peringatan dini tsunami, gempa M7,7",
}


def make_event(hazard: HazardId = HazardId.THUNDERSTORM, **changes: Any) -> HazardEvent:
    values: dict[str, Any] = {
        "event_id": f"{hazard}-1",
        "hazard_id": hazard,
        "level": Level.WASPADA,
        "onset": AT + timedelta(minutes=17),
        "valid_from": AT - timedelta(minutes=3),
        "valid_to": AT + timedelta(hours=2, minutes=17),
        "official": hazard is not HazardId.SHAKING,
        "status": DocumentStatus.ACTUAL,
        "title": _TITLES.get(hazard, f"Peringatan {hazard}"),
        "method": "test/1",
        "observations": ("ab" * 32,),
        "evidence": {"threshold": 4.5, "source": "BMKG"},
    }
    return HazardEvent(**{**values, **changes})


def make_decision(
    action: Action,
    levels: dict[str, int] | None = None,
    *,
    event_id: str = "thunderstorm-1",
    told: Sequence[str] | None = None,
    expires: datetime = AT + timedelta(hours=2, minutes=17),
) -> Decision:
    levels = levels or {}
    return Decision(
        event_id=event_id,
        action=action,
        levels=levels,
        told=tuple(sorted(levels if told is None else told)),
        expires=expires,
        reason=f"{action}: test",
    )


def make_impact(levels: dict[str, int], onset: datetime | None = None) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "adm4_code": list(levels),
            "level": list(levels.values()),
            "exposed_people": [1000] * len(levels),
            "uncovered_people": [10] * len(levels),
            "onset": pd.to_datetime([onset] * len(levels), utc=True),
            "data_quality": ["modelled"] * len(levels),
        }
    )


@dataclass
class World:
    """Everything a warning needs, with defaults that a test changes one at a time."""

    engine: Engine
    store: Store
    areas: pd.DataFrame
    coordinators: pd.DataFrame
    geometry: Callable[[Sequence[str]], Any]
    policy: ReleasePolicy
    folder: Path

    at = AT
    event = staticmethod(make_event)
    decision = staticmethod(make_decision)
    impact = staticmethod(make_impact)

    def codes(self, prefix: str = "") -> list[str]:
        return [c for c in self.areas["adm4_code"] if c.startswith(prefix)]

    def levels(self, prefix: str, level: int) -> dict[str, int]:
        return dict.fromkeys(self.codes(prefix), level)

    def publish(
        self,
        action: Action,
        levels: dict[str, int] | None = None,
        *,
        hazard: HazardId = HazardId.THUNDERSTORM,
        at: datetime = AT,
        mode: Mode = Mode.EXERCISE,
        live: bool = True,
        told: Sequence[str] | None = None,
        expires: datetime = AT + timedelta(hours=2, minutes=17),
        arrival: datetime | None = None,
        **event: Any,
    ) -> Published:
        made = make_event(hazard, **event)
        decision = make_decision(action, levels, event_id=made.event_id, told=told, expires=expires)
        return publish(
            self.engine,
            self.store,
            decision,
            made,
            make_impact(levels or {}, arrival),
            self.areas,
            at=at,
            mode=mode,
            live=live,
            policy=self.policy,
            coordinators=self.coordinators,
            geometry=self.geometry,
        )

    def desk(self, mode: Mode = Mode.ACTUAL) -> Desk:
        return Desk(self.policy, mode, coordinators=regencies_of(self.coordinators))

    def binding(self, ref: WarningRef, *, at: datetime = AT, mode: Mode = Mode.ACTUAL) -> str:
        """What `warning show` would print at that instant."""
        with self.engine.connect() as connection:
            version = versions.get(connection, ref.warning_id, ref.version)
            return self.desk(mode).bind(connection, version, at).binding.digest

    def approve(
        self,
        ref: WarningRef,
        actor: str,
        *,
        at: datetime = AT,
        binding: str = "",
        mode: Mode = Mode.ACTUAL,
    ) -> tuple[str, ...]:
        named = binding or self.binding(ref, at=at, mode=mode)
        desk = self.desk(mode)
        return approval.approve(self.engine, ref, actor=actor, binding=named, at=at, desk=desk)

    def send(self, at: datetime = AT) -> None:
        """Everything that waits, to the recorder: an end goes to those who were told."""
        dispatch(self.engine, {"recorder": Recorder(self.folder / "recorder")}, at=at)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def reached(self, *, version: int, channel: str = "sms", role: str = "resident") -> set[str]:
        """Villages of the residents (or ids of the coordinators) with a row."""
        query = (
            select(recipients.c.adm4_code, recipients.c.recipient_id)
            .join(outbox, outbox.c.recipient_id == recipients.c.recipient_id)
            .join(messages, messages.c.message_id == outbox.c.message_id)
            .where(messages.c.version == version, outbox.c.channel == channel)
            .where(recipients.c.role == role)
        )
        with self.engine.connect() as connection:
            return {row[0] if role == "resident" else row[1] for row in connection.execute(query)}


@pytest.fixture
def world(
    engine: Engine,
    store: Store,
    areas: pd.DataFrame,
    coordinators: pd.DataFrame,
    geometry: Callable[[Sequence[str]], Any],
    exercise: ReleasePolicy,
    tmp_path: Path,
) -> World:
    return World(engine, store, areas, coordinators, geometry, exercise, tmp_path)
