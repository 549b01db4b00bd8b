"""Scenarios played through the whole cycle, each once a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, select

from kentongan.db import make_engine, messages, outbox, recipients, tasks
from kentongan.sealing import as_file
from kentongan.settings import Settings


@dataclass(frozen=True)
class Sent:
    """One message to one recipient."""

    at: str
    recipient_id: str
    role: str
    adm4_code: str
    purpose: str
    warning_id: str
    version: int
    channel: str
    text: str


@dataclass
class Played:
    """A scenario after its last step. `steps` are the documents of `kentongan run --json`."""

    home: Path
    document: Mapping[str, Any]
    steps: list[Mapping[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.steps = list(self.document["steps"])

    def step(self, clock: str) -> Mapping[str, Any]:
        """The step at `HH:MM` or `HH:MM:SS` UTC."""
        return next(s for s in self.steps if s["at"][11:].startswith(clock))

    def rows(self, table: Table) -> list[dict[str, Any]]:
        engine = make_engine(f"sqlite:///{self.home / 'kentongan.sqlite'}")
        try:
            with engine.connect() as connection:
                query = select(table).order_by(*table.primary_key.columns)
                return [dict(row._mapping) for row in connection.execute(query)]
        finally:
            engine.dispose()

    @cached_property
    def sent(self) -> list[Sent]:
        """Everything that was put into the outbox."""
        people = {row["recipient_id"]: row for row in self.rows(recipients)}
        texts = {row["message_id"]: row for row in self.rows(messages)}
        return [
            _sent(row, texts[row["message_id"]], people[row["recipient_id"]])
            for row in self.rows(outbox)
        ]

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        return self.rows(tasks)

    def files(self, folder: str) -> dict[str, bytes]:
        root = self.home / folder
        return {
            str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()
        }


def _sent(row: Mapping[str, Any], message: Mapping[str, Any], person: Mapping[str, Any]) -> Sent:
    return Sent(
        at=row["created_at"][:19] + "Z",
        recipient_id=row["recipient_id"],
        role=person["role"],
        adm4_code=person["adm4_code"],
        purpose=message["purpose"],
        warning_id=message["warning_id"],
        version=message["version"],
        channel=message["channel"],
        text=message["text"],
    )


def _play_into(name: str, folder: Path) -> Played:
    from console.situation_map import situation_map
    from orchestration.scenarios import run_scenario

    key = folder / "scenario.key"  # links to tasks are signed by it
    key.write_bytes(as_file([b"a scenario played twice, one key"]))
    key.chmod(0o600)
    settings = Settings(home=folder, secrets_key=key, _env_file=None)  # type: ignore[call-arg]
    document = run_scenario(name, settings, draw=situation_map)
    return Played(folder / "scenarios" / name, document)


@pytest.fixture(scope="session")
def play_into() -> Callable[[str, Path], Played]:
    """Play a scenario by name into a folder, whether it was played before or not."""
    return _play_into


@pytest.fixture(scope="session")
def play(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Played]:
    done: dict[str, Played] = {}

    def once(name: str) -> Played:
        if name not in done:
            done[name] = _play_into(name, tmp_path_factory.mktemp(name))
        return done[name]

    return once
