"""A million people in 500 villages, a warning over them, and databases to hold both."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from notify.release.run import Published
    from notify.warning import WarningRef

PEOPLE = int(os.environ.get("BENCH_PEOPLE", "1000000"))
"""One message each, by SMS."""
VILLAGES = 500
FIRST_VILLAGE = 30_000
AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
_INSERT = """
INSERT INTO recipients (recipient_id, role, adm4_code, address, language, synthetic, by_sms,
  by_push, active)
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number)
SELECT 'x-' || :code || '-' || i, 'resident', CAST(:code AS VARCHAR), '+999', 'id', {yes}, {yes},
  {no}, {yes} FROM n
"""


@dataclass(frozen=True)
class Base:
    """A database with people in it."""

    engine: Engine
    url: str
    folder: Path
    codes: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.engine.dialect.name


@cache
def layers() -> Any:
    from risk.layers.layerset import load_layers

    return load_layers("")


@contextmanager
def base(name: str, *, people: int = PEOPLE) -> Iterator[Base | None]:
    """`sqlite` or `postgresql` (None where its programs are missing), with everything in it."""
    from kentongan.db import make_engine, metadata
    from tests.peers.postgres import Server, programs

    codes = tuple(layers().villages["adm4_code"].tolist()[FIRST_VILLAGE:][:VILLAGES])
    with tempfile.TemporaryDirectory() as folder:
        if name == "sqlite":
            url = f"sqlite:///{folder}/k.sqlite"
            engine = make_engine(url)
            metadata.create_all(engine)
            yield _peopled(Base(engine, url, Path(folder), codes), people)
            engine.dispose()
            return
        where = programs()
        if where is None:
            yield None
            return
        with Server(where) as server:
            url = server.database()
            engine = make_engine(url)
            yield _peopled(Base(engine, url, Path(folder), codes), people)
            engine.dispose()


def _peopled(made: Base, people: int) -> Base:
    from sqlalchemy import text

    yes, no = ("1", "0") if made.name == "sqlite" else ("true", "false")
    insert = text(_INSERT.format(yes=yes, no=no))
    with made.engine.begin() as connection:
        for code in made.codes:
            connection.execute(insert, {"code": code, "number": max(1, people // VILLAGES)})
    if made.name == "postgresql":  # as its autovacuum does; SQLite gathers no statistics itself
        with made.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE recipients"))
    return made


def drafted(made: Base, codes: Sequence[str], name: str, level: int) -> WarningRef:
    """A draft of a warning over these villages."""
    from kentongan.types import Mode
    from notify.life import draft

    ref = draft(
        made.engine, *_decided(codes, name, level), layers().villages, at=AT,
        mode=Mode.EXERCISE, live=True,
    )  # fmt: skip
    assert ref is not None
    return ref


def let_out(made: Base, ref: WarningRef, *, at: datetime = AT, urgent: bool = False) -> Published:
    """Release it and fill the outbox, as the cycle does."""
    from kentongan.policy import load_policy
    from kentongan.release_policy import ReleasePolicy
    from kentongan.settings import data_dir
    from kentongan.store import Store
    from kentongan.types import Mode
    from notify.release.run import release_and_fill

    policy = load_policy(data_dir() / "policy" / "exercise.toml", ReleasePolicy)
    return release_and_fill(
        made.engine, Store(str(made.folder)), ref, at=at, mode=Mode.EXERCISE, live=True,
        policy=policy, coordinators=layers().coordinators, synthetic_residents=False,
        urgent=urgent,
    )  # fmt: skip


def taken_back(made: Base, warning_id: str, at: datetime) -> WarningRef:
    from kentongan.types import Mode
    from notify import ending

    ref = ending.cancel(
        made.engine, warning_id, layers().villages, actor="bench", at=at, reason="bench",
        mode=Mode.EXERCISE, live=True,
    )  # fmt: skip
    assert ref is not None
    return ref


def _decided(codes: Sequence[str], name: str, level: int) -> tuple[Any, Any, Any]:
    import pandas as pd

    from kentongan.decision import Action, Decision
    from kentongan.hazard import HazardEvent
    from kentongan.types import DocumentStatus, HazardId, Level

    end = AT + timedelta(hours=3)
    event = HazardEvent(
        event_id=name, hazard_id=HazardId.THUNDERSTORM, level=Level(level), onset=AT,
        valid_from=AT, valid_to=end, official=True, status=DocumentStatus.ACTUAL,
        title="Hujan lebat disertai petir", method="bench/1", observations=("ab" * 32,),
    )  # fmt: skip
    decision = Decision(
        event_id=name, action=Action.ALERT, levels=dict.fromkeys(codes, level),
        told=tuple(codes), expires=end, reason="bench",
    )  # fmt: skip
    impact = pd.DataFrame(
        {
            "adm4_code": list(codes),
            "level": level,
            "exposed_people": 1000,
            "uncovered_people": 10,
            "onset": pd.Series(pd.NaT, index=range(len(codes)), dtype="datetime64[ns, UTC]"),
            "data_quality": "modelled",
        }
    )
    return decision, event, impact


class Wire:
    """A recorder that keeps nothing but the time of its first message and a count; it may wait as
    long as a real way out takes."""

    route = "recorder"
    window = 500

    def __init__(self, note: Callable[[Any], None] | None = None) -> None:
        self.note = note
        self.count = 0

    def send(self, messages: Sequence[Any]) -> list[Any]:
        from notify.channels.channel import Outcome, Receipt

        self.count += len(messages)
        if self.note is not None:
            self.note(messages)
        return [Receipt(Outcome.RECORDED)] * len(messages)
