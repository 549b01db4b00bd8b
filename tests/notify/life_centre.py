"""A small centre: six villages, a database, and the real stages from impact tables to messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Table, event, select

from kentongan.areas import TEAMS
from kentongan.db import (
    event_links,
    event_runs,
    make_engine,
    messages,
    metadata,
    outbox,
    recipients,
    warning_states,
    warnings,
)
from kentongan.decision_policy import DecisionPolicy
from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.impact import UNASSIGNED
from kentongan.policy import LevelPolicy, ReleasePolicy, load_policy
from kentongan.settings import Settings, data_dir
from kentongan.store import Store
from kentongan.times import iso
from kentongan.types import DocumentStatus, HazardId, Level
from orchestration import event_store, stages
from orchestration.context import CycleContext

T0 = datetime(2026, 9, 24, 6, 0, tzinfo=UTC)
A, B, C, D, E, F = CODES = tuple(f"75.02.0{d}.200{n}" for d in (7, 8) for n in (1, 2, 3))
_TABLES = (warnings, warning_states, event_runs, event_links, messages, outbox)
_ON_THE_WIRE = (
    "lease_until", "lease_owner", "attempts", "provider_id", "state", "last_error", "sent_at",
    "final_at",
)  # fmt: skip
_OWN = {"outbox": ("id", *_ON_THE_WIRE)}
"""What was on the wire when the process died may be open in our books, never lost or doubled."""


class Killed(BaseException):
    """The process died here: nothing catches it."""


def minutes(value: float) -> timedelta:
    return timedelta(minutes=value)


def country() -> SimpleNamespace:
    places = pd.DataFrame(
        {
            "adm4_code": CODES,
            "name": [f"Desa {n}" for n in range(len(CODES))],
            "kind": "Desa",
            "adm3_name": ["Mananggu"] * 3 + ["Tilamuta"] * 3,
            "adm2_name": "Kabupaten Boalemo",
            "adm1_name": "Gorontalo",
            "utc_offset": 8,
            "longitude": 122.0 + 0.1 * np.arange(len(CODES)),
            "latitude": 0.5,
            "people": 1000,
            "coast_share": 0.0,
        }
    )
    boxes = [
        shapely.box(x - 0.05, y - 0.05, x + 0.05, y + 0.05)
        for x, y in zip(places.longitude, places.latitude, strict=True)
    ]
    coordinators = pd.DataFrame(
        {
            "coordinator_id": ["c-75.02"], "name": ["Pak Boalemo"], "adm2_code": ["75.02"],
            "adm4_code": [A], "msisdn": ["+9997502"],
        }
    )  # fmt: skip
    numbers = {code: n for n, code in enumerate(CODES)}
    return SimpleNamespace(
        raster=lambda _: None,
        villages=places,
        geometry=np.asarray(boxes, dtype=object),
        index=lambda codes: np.asarray([numbers[c] for c in codes]),
        coordinators=coordinators,
        shelters=pd.DataFrame({"shelter_id": [], "name": [], "adm4_code": []}),
        teams=pd.DataFrame({name: [] for name in TEAMS}),
        version="v",
    )


def impact(levels: Mapping[str, int], *, unknown: Sequence[str] = ()) -> pd.DataFrame:
    codes = [*sorted({*levels, *unknown}), UNASSIGNED]
    return pd.DataFrame(
        {
            "adm4_code": codes,
            "level": [levels.get(code, 0) for code in codes],
            "rule": "share-of-people",
            "exposed_people": [1000 if levels.get(code, 0) >= 2 else 0 for code in codes],
            "uncovered_people": 0,
            "known_fraction": [0.0 if code in unknown else 1.0 for code in codes],
            **{f"people_{n}": 0 for n in range(5)},
            "onset": pd.to_datetime([None] * len(codes), utc=True),
            "data_quality": "modelled",
        }
    )


class Centre:
    def __init__(self, home: Path) -> None:
        self.engine = make_engine(f"sqlite:///{home / 'k.sqlite'}")
        metadata.create_all(self.engine)
        settings = Settings(home=home)
        policy = data_dir() / "policy"
        layers: Any = country()
        ingest: Any = None
        self.context = CycleContext(
            settings=settings,
            engine=self.engine,
            archive=Store(str(home / "archive")),
            runs=Store(str(home)),
            layers=layers,
            levels=load_policy(policy / "levels.toml", LevelPolicy),
            decision=load_policy(policy / "decision.toml", DecisionPolicy),
            release=load_policy(policy / "exercise.toml", ReleasePolicy),
            ingest=ingest,
            live=False,
            re_creation=True,
        )

    def see(
        self,
        event_id: str,
        levels: Mapping[str, int],
        at: datetime,
        *,
        hazard: HazardId = HazardId.FLOOD,
        unknown: Sequence[str] = (),
        known_at: datetime | None = None,
        **changes: Any,
    ) -> None:
        """New knowledge of an event, as the overlay leaves it."""
        official = hazard in (HazardId.THUNDERSTORM, HazardId.TSUNAMI)
        values = {
            "event_id": event_id,
            "hazard_id": hazard,
            "level": Level(max(levels.values(), default=0)),
            "onset": T0,
            "valid_from": at,
            "valid_to": at + timedelta(hours=6),
            "official": official,
            "status": DocumentStatus.ACTUAL,
            "title": f"Peringatan {event_id}",
            "method": "test/1",
            "observations": (f"{abs(hash((event_id, iso(at)))):064x}"[:64],),
            "province_codes": ("75",),
        }
        made = HazardEvent(**{**values, **changes})
        rule = AreaRule.SHARE_OF_PEOPLE
        table = impact(levels, unknown=unknown)
        digest = event_store.field_hash(made, "v", str(sorted(levels.items())))
        event_store.save(
            self.engine, self.context.runs, HazardField(made, rule), made, table,
            digest=digest, at=known_at or at,
        )  # fmt: skip

    def cycle(self, at: datetime, *, strict: bool = True) -> list[dict[str, Any]]:
        """Decide, release, fill the outbox and send; a trouble is an error here.

        Args:
            strict: what a rule refuses is one too; a clock that jumped back releases nothing.
        """
        troubles: list[dict[str, str]] = []
        said = stages.decide_all(self.context, at, troubles)
        released = stages.release_all(self.context, at, troubles)
        assert not troubles, troubles
        assert not (strict and [r for r in released if r["refused"]]), released
        stages.send(self.context, at)
        return said

    def send(self, at: datetime) -> None:
        """What the dispatcher does at its next look."""
        stages.send(self.context, at)

    def rows(self, table: Table) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """What must be the same after an interrupted run, in an order of its own."""
        return {
            table.name: sorted(
                (
                    {k: v for k, v in row.items() if k not in _OWN.get(table.name, ("id",))}
                    for row in self.rows(table)
                ),
                key=str,
            )
            for table in _TABLES
        }

    def state(self, event_id: str) -> tuple[int, str, dict[str, int]]:
        """Version, state and levels of the newest version."""
        from notify.life import standing

        held = standing(self.engine, event_id)
        assert held is not None
        return held.version, held.state, held.levels

    def told(self, event_id: str, version: int) -> dict[str, str]:
        """Village -> SMS text of one version of an event's warning."""
        query = (
            select(recipients.c.adm4_code, messages.c.text)
            .join(outbox, outbox.c.recipient_id == recipients.c.recipient_id)
            .join(messages, messages.c.message_id == outbox.c.message_id)
            .where(messages.c.warning_id == f"w-{event_id}", messages.c.version == version)
            .where(recipients.c.role == "resident", outbox.c.channel == "sms")
            .where(messages.c.language == "id")
        )
        with self.engine.connect() as connection:
            return {row.adm4_code: row.text for row in connection.execute(query)}

    def versions(self, event_id: str) -> list[dict[str, Any]]:
        return [row["body"] for row in self.rows(warnings) if row["event_id"] == event_id]

    @contextmanager
    def dies_at(self, step: int) -> Iterator[None]:
        """Raise `Killed` before the n-th statement that writes, or the n-th commit."""
        left = [step]

        def count(*_: Any) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        def before(_c: Any, _cu: Any, statement: str, *_: Any) -> None:
            if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
                count()

        event.listen(self.engine, "before_cursor_execute", before)
        event.listen(self.engine, "commit", count)
        try:
            yield
        finally:
            event.remove(self.engine, "before_cursor_execute", before)
            event.remove(self.engine, "commit", count)
