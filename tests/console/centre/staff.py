"""People with accounts, sessions and phones for codes; drafts that wait for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pandas as pd
import pyotp
from sqlalchemy import Engine, select

from kentongan.accounts import registry, sessions
from kentongan.accounts.codes import new_secret
from kentongan.accounts.roles import Role
from kentongan.db import metadata
from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.sealing import seal, secrets_key
from kentongan.settings import Settings
from kentongan.transactions import writing
from kentongan.types import DocumentStatus, HazardId, Level
from notify.cap.publisher import Publisher
from notify.release.run import publish
from orchestration.context import open_context
from tests.faces.scenes import Served

STEP = timedelta(seconds=30)
LONG_AGO = datetime(1970, 1, 2, tzinfo=UTC)
OWN = {"Sec-Fetch-Site": "same-origin"}
WARNING = "w-shaking-1"


@dataclass
class Person:
    """Somebody who is signed in, with an authenticator that always has a code not used yet."""

    name: str
    secret: str
    cookie: str
    next: datetime = LONG_AGO
    phone: pyotp.TOTP = field(init=False)

    def __post_init__(self) -> None:
        self.phone = pyotp.TOTP(self.secret)

    def code(self, at: datetime) -> str:
        moment = max(self.next, at - STEP)
        self.next = moment + STEP
        return self.phone.at(moment)


def hire(
    settings: Settings,
    engine: Engine,
    name: str,
    role: Role,
    at: datetime,
    areas: Sequence[str] = (),
) -> Person:
    """An account with a session that began at `at`."""
    secret = new_secret()
    sealed = seal(secrets_key(settings), secret, owner=name)
    with writing(engine) as connection:
        registry.add(
            connection, name, name=name, role=role, areas=areas, sealed_secret=sealed, at=at,
            by="host:test",
        )  # fmt: skip
        token, _ = sessions.start(
            connection, name, via="password", agent="test", network="test",
            limits=sessions.Limits.of(settings), at=at,
        )  # fmt: skip
    return Person(name, secret, token)


def draft(
    settings: Settings, at: datetime, *, count: int = 20, level: int = 3, number: int = 1,
    title: str = "Gempa M5,6", action: Action = Action.ALERT, official: bool = False,
) -> None:  # fmt: skip
    """An estimate of shaking over villages of Boalemo."""
    with open_context(settings, live=False) as context:
        areas = context.layers.villages
        codes = [code for code in areas["adm4_code"] if code.startswith("75.02")][:count]
        ends = at + timedelta(hours=4)
        event = HazardEvent(
            event_id=f"shaking-{number}", hazard_id=HazardId.SHAKING, level=Level(level), onset=at,
            valid_from=at, valid_to=ends, official=official, status=DocumentStatus.ACTUAL,
            title=title, method="test/1", observations=("ab" * 32,), evidence={"source": "BMKG"},
        )  # fmt: skip
        impact = pd.DataFrame(
            {
                "adm4_code": codes, "level": level, "exposed_people": 1000, "uncovered_people": 10,
                "onset": pd.to_datetime([at] * len(codes), utc=True), "data_quality": "modelled",
            }
        )  # fmt: skip
        decision = Decision(
            event_id=event.event_id, action=action, levels=dict.fromkeys(codes, level),
            told=tuple(codes), expires=ends, reason="test",
        )  # fmt: skip
        publish(
            context.engine, context.runs, decision, event, impact, areas, at=at,
            mode=settings.mode, live=False, policy=context.release,
            coordinators=context.layers.coordinators, publisher=Publisher.from_settings(settings),
        )  # fmt: skip


@dataclass
class Office:
    """A served home with people."""

    place: Served
    people: dict[str, Person]

    @property
    def at(self) -> datetime:
        return self.place.clock.at

    def get(self, name: str, path: str) -> httpx.Response:
        return httpx.get(self.place.url + path, headers=self._headers(name), timeout=60)

    def post(self, name: str, path: str, **fields: str) -> httpx.Response:
        headers = {**self._headers(name), **OWN}
        return httpx.post(
            self.place.url + path, data={"x": "", **fields}, headers=headers, timeout=90
        )

    def _headers(self, name: str) -> dict[str, str]:
        return {"cookie": f"kentongan={self.people[name].cookie}"} if name else {}

    def code(self, name: str) -> str:
        return self.people[name].code(self.at)

    def form(self, name: str, act: str, warning_id: str = WARNING) -> dict[str, str]:
        """The hidden fields of one form of a decision's page, as the browser would send them."""
        html = self.get(name, f"/centre/approvals/{warning_id}").text
        found = re.search(rf'<form method="post" action="[^"]*/{act}".*?</form>', html, re.DOTALL)
        assert found, f"no form {act}"
        pairs = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', found[0])
        return {key: value.replace("&#34;", '"') for key, value in pairs}

    def act(self, name: str, act: str, warning_id: str = WARNING, **fields: str) -> httpx.Response:
        """Read the page, fill the form, press."""
        kept = {**self.form(name, act, warning_id), "kode": self.code(name), **fields}
        return self.post(name, f"/centre/approvals/{warning_id}/{act}", **kept)


def rows(engine: Engine, name: str, *columns: str) -> list[dict[str, Any]]:
    """Of a table, in the order in which they were written."""
    table = metadata.tables[name]
    order = list(table.primary_key.columns)
    wanted = [table.c[column] for column in columns] or list(table.c)
    with engine.connect() as connection:
        return [
            dict(row) for row in connection.execute(select(*wanted).order_by(*order)).mappings()
        ]
