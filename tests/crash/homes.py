"""Homes of real warnings for the dispatcher's own tests: actual mode, of the present, with people
whose numbers look real and lead to the SMSC of the test alone (a route on 127.0.0.1)."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import shapely
from sqlalchemy import Engine, func, select

from kentongan.binding import bind
from kentongan.db import contacts, make_engine, messages, outbox, recipients
from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.keyfiles import key_file
from kentongan.migrate import migrate
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.sealing import Keys, blind, secrets_key
from kentongan.settings import Settings, data_dir
from kentongan.store import Store
from kentongan.types import DocumentStatus, HazardId, Level, Mode, OutboxState
from notify import ending
from notify.registry.addresses import seal_address
from notify.release import approval
from notify.release.desk import Desk
from notify.release.run import publish, release_and_fill
from notify.warning import WarningRef

VILLAGES = tuple(f"53.07.01.{2001 + i}" for i in range(10))
PASSWORD = "secret"
FINISHED = (OutboxState.ACCEPTED, OutboxState.DELIVERED)


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def areas() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "adm4_code": code, "name": f"Desa {i + 1}", "kind": "Desa", "adm3_name": "Maumere",
                "adm2_name": "Kabupaten Sikka", "adm1_name": "Nusa Tenggara Timur",
                "utc_offset": 8, "longitude": 122.0 + 0.1 * i, "latitude": -8.6, "people": 1000,
            }
            for i, code in enumerate(VILLAGES)
        ]
    )  # fmt: skip


def outlines(codes: Any) -> Any:
    places = areas().set_index("adm4_code")
    found = places.loc[list(codes)]
    boxes = [
        shapely.box(x - 0.05, y - 0.05, x + 0.05, y + 0.05)
        for x, y in zip(found.longitude, found.latitude, strict=True)
    ]
    return np.asarray(boxes, dtype=object)


@dataclass
class Home:
    """One database with its keys and its routes file."""

    folder: Path
    url: str = ""
    people: int = 0
    engine: Engine = field(init=False)
    keys: Keys = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = self.url or f"sqlite:///{self.folder / 'kentongan.sqlite'}"
        self.engine = make_engine(self.url)
        migrate(self.engine)
        bind(self.engine, Mode.ACTUAL, live=True)
        self.keys = secrets_key(self.settings)
        self.policy = load_policy(data_dir() / "policy" / "actual.toml", ReleasePolicy)

    @property
    def settings(self) -> Settings:
        return Settings(home=self.folder, mode=Mode.ACTUAL, database_url=self.url)

    @property
    def environment(self) -> dict[str, str]:
        """Of a dispatcher of this home."""
        return {
            **os.environ,
            "KENTONGAN_HOME": str(self.folder),
            "KENTONGAN_MODE": "actual",
            "KENTONGAN_DATABASE_URL": self.url,
            "KENTONGAN_ROUTES": str(self.folder / "routes.toml"),
            "KENTONGAN_DISPATCH_POLICY": str(self.folder / "dispatch.toml"),
        }

    def route(self, port: int, *, name: str = "operator", **keys: Any) -> None:
        """Add a route to an SMSC on this machine."""
        secret = self.folder / "password"
        if not secret.exists():
            key_file(secret, make=PASSWORD.encode)
        values = {
            "kind": "smpp", "route": name, "channel": "sms", "host": "127.0.0.1", "port": port,
            "system_id": "kentongan", "password_file": "password", "source": "KEMENSOS",
            "window": 20, "rate_per_s": 2000.0, "response_timeout_s": 5.0,
            "reconnect_first_s": 0.1, "reconnect_max_s": 0.5, **keys,
        }  # fmt: skip
        lines = ["[[route]]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        with (self.folder / "routes.toml").open("a") as file:
            file.write("\n".join(lines) + "\n")

    def sending(self, **changes: Any) -> None:
        """Write the policy: short waits."""
        values = {
            "author": "a test", "date": "2026-11-22", "recalls_pass_a_stop": False,
            "recovery_wait_s": 0.3, "route_connect_s": 0.4, "route_pause_s": 0.1,
            "route_pause_max_s": 0.5, **changes,
        }  # fmt: skip
        tables = {k: v for k, v in values.items() if isinstance(v, dict)}
        plain = {k: v for k, v in values.items() if k not in tables and k != "date"}
        lines = [f"date = {values['date']}", *(f"{k} = {json.dumps(v)}" for k, v in plain.items())]
        for name, table in tables.items():
            lines += [f"[{name}]", *(f"{k} = {json.dumps(v)}" for k, v in table.items())]
        (self.folder / "dispatch.toml").write_text("\n".join(lines) + "\n")

    def register(self, number: int) -> None:
        """So many more residents with an SMS each, spread over the villages."""
        first, self.people = self.people, self.people + number
        whole, sealed = [], []
        for n in range(first, self.people):
            person, phone = f"p-{n:06d}", f"+62812{n:08d}"
            whole.append(
                {"recipient_id": person, "role": "resident", "adm4_code": VILLAGES[n % 10],
                 "address": "", "language": "id", "synthetic": False, "by_sms": True,
                 "by_push": False, "active": True, "created_at": "2026-01-01T00:00:00Z"}
            )  # fmt: skip
            sealed.append(
                {"recipient_id": person, "channel": "sms", "blind": blind(self.keys, phone),
                 "sealed": seal_address(self.keys, person, "sms", phone),
                 "added_at": "2026-01-01T00:00:00Z"}
            )  # fmt: skip
        with self.engine.begin() as connection:
            connection.execute(recipients.insert(), whole)
            connection.execute(contacts.insert(), sealed)

    def warn(
        self, name: str = "one", *, level: int = 4, at: datetime | None = None, hours: float = 2.0,
        codes: tuple[str, ...] = VILLAGES, hazard: HazardId = HazardId.TSUNAMI,
        action: Action = Action.ALERT,
    ) -> WarningRef:  # fmt: skip
        """A warning of BMKG's that releases itself; its people wait in the outbox."""
        at = at or now()
        end = at + timedelta(hours=hours)
        event = HazardEvent(
            event_id=f"{hazard}-{name}", hazard_id=hazard, level=Level(level),
            onset=at + timedelta(minutes=30), valid_from=at - timedelta(minutes=3), valid_to=end,
            official=True, status=DocumentStatus.ACTUAL, title=f"Peringatan dini {name}",
            method="test/1", observations=("ab" * 32,), evidence={"source": "BMKG"},
        )  # fmt: skip
        levels = dict.fromkeys(codes, level)
        decision = Decision(
            event_id=event.event_id, action=action, levels=levels, told=tuple(sorted(levels)),
            expires=end, reason="test",
        )  # fmt: skip
        impact = pd.DataFrame(
            {
                "adm4_code": list(levels), "level": list(levels.values()),
                "exposed_people": [1000] * len(levels), "uncovered_people": [10] * len(levels),
                "onset": pd.to_datetime([None] * len(levels), utc=True),
                "data_quality": ["modelled"] * len(levels),
            }
        )  # fmt: skip
        self._stand_behind(event)
        done = publish(
            self.engine, self._store, decision, event, impact, areas(), at=at, mode=Mode.ACTUAL,
            live=True, policy=self.policy, geometry=outlines, synthetic_residents=False,
        )  # fmt: skip
        assert done.ref is not None and done.alert is not None, done
        return done.ref

    def cancel(self, ref: WarningRef) -> WarningRef:
        """Taken back by three people: the correction goes to exactly those who were told."""
        at = now()
        end = ending.cancel(
            self.engine, ref.warning_id, areas(), actor="siti", at=at, reason="salah",
            mode=Mode.ACTUAL, live=True,
        )  # fmt: skip
        assert end is not None
        desk = Desk(self.policy, Mode.ACTUAL)
        for name in ("budi", "tono"):
            with self.engine.connect() as connection:
                from notify import versions

                version = versions.get(connection, end.warning_id, end.version)
                binding = desk.bind(connection, version, at).binding.digest
            approval.approve(self.engine, end, actor=name, binding=binding, at=at, desk=desk)
        release_and_fill(
            self.engine, self._store, end, at=at, mode=Mode.ACTUAL, live=True, policy=self.policy,
            synthetic_residents=False,
        )  # fmt: skip
        return end

    def ref_of(self, warning_id: str) -> WarningRef:
        from notify import versions

        with self.engine.connect() as connection:
            version = versions.newest(connection, warning_id)
        assert version is not None
        return version.ref

    @property
    def _store(self) -> Store:
        return Store(str(self.folder / "store"))

    def _stand_behind(self, event: HazardEvent) -> None:
        """What the firewall asks for: the event is in the books."""
        from kentongan.db import events, insert_ignore
        from kentongan.times import iso

        row = {
            "event_id": event.event_id, "hazard_id": str(event.hazard_id),
            "level": int(event.level),
            "valid_from": iso(event.valid_from), "valid_to": iso(event.valid_to), "state": "active",
            "field_hash": "", "updated_at": iso(event.valid_from), "body": event.model_dump_json(),
        }  # fmt: skip
        with self.engine.begin() as connection:
            connection.execute(insert_ignore(connection, events).values(**row))

    def states(self) -> Counter[str]:
        """How many rows stand in which state."""
        query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        with self.engine.connect() as connection:
            found = connection.execute(query).all()
        return Counter({OutboxState(state).name.lower(): number for state, number in found})

    def rows(self) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(outbox)).mappings()]

    def texts(self) -> dict[str, str]:
        with self.engine.connect() as connection:
            found = connection.execute(select(messages.c.message_id, messages.c.text))
            return {row.message_id: row.text for row in found}

    def close(self) -> None:
        self.engine.dispose()


def phone(recipient_id: str) -> str:
    """As the SMSC sees it: without the plus."""
    return f"62812{int(recipient_id.removeprefix('p-')):08d}"
