"""What each run saw of an event, and how events relate: rows that are only ever added.

A row is written where something is new: newer knowledge of the event, or that nothing new came,
and why. Runs in between leave no row, so neither their number nor a restart changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from kentongan.db import event_links, event_runs, insert_ignore
from kentongan.decision import RunOutcome, SeenRun
from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.times import iso, parse_instant
from kentongan.types import Level

_ROWS_A_RUN = 4
"""Rows that one `valid_from` may have: a document is seldom published twice with the same time."""


@dataclass(frozen=True)
class NewRun:
    """A run that says something new, not written yet."""

    event_id: str
    at: datetime
    outcome: RunOutcome
    valid_from: str
    levels: Mapping[str, int]

    def write(self, connection: Connection) -> None:
        row = {
            "event_id": self.event_id,
            "at": iso(self.at),
            "outcome": str(self.outcome),
            "valid_from": self.valid_from,
            "levels": dict(self.levels),
        }
        connection.execute(insert_ignore(connection, event_runs).values(**row))


def new_run(
    engine: Engine,
    event_id: str,
    *,
    at: datetime,
    outcome: RunOutcome,
    valid_from: datetime,
    levels: Mapping[str, int],
) -> NewRun | None:
    """A run where it says something new; None: it leaves no row.

    A run that claims to have seen, but brings the same knowledge with the same levels as the last
    one that did, has seen nothing new.

    Args:
        valid_from: how new the knowledge of the event is.
        levels: as in `kentongan.decision.SeenRun`.
    """
    with engine.connect() as connection:
        seen = _newest(connection, event_id)
        before = _last_outcome(connection, event_id)
    new = (iso(valid_from), dict(levels))
    if outcome is RunOutcome.SEEN and seen == new:
        outcome = RunOutcome.MISSING
    if outcome is not RunOutcome.SEEN:
        if before in (outcome, None):
            return None
        new = (seen[0] if seen else iso(valid_from), {})
    return NewRun(event_id, at, outcome, *new)


def _newest(connection: Connection, event_id: str) -> tuple[str, dict[str, int]] | None:
    query = (
        select(event_runs.c.valid_from, event_runs.c.levels)
        .where(event_runs.c.event_id == event_id, event_runs.c.outcome == str(RunOutcome.SEEN))
        .order_by(event_runs.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return (row.valid_from, row.levels) if row else None


def _last_outcome(connection: Connection, event_id: str) -> RunOutcome | None:
    query = (
        select(event_runs.c.outcome)
        .where(event_runs.c.event_id == event_id)
        .order_by(event_runs.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return RunOutcome(found) if found else None


def seen_runs(
    engine: Engine, event_id: str, count: int, *, adding: NewRun | None = None
) -> tuple[SeenRun, ...]:
    """The last `count` runs with new knowledge, by its age, oldest first; `adding` is one of them.

    Rows of one `valid_from` are one run, with the highest level of each village: the same bulletin
    ten times counts once.
    """
    query = (
        select(event_runs.c.valid_from, event_runs.c.levels)
        .where(event_runs.c.event_id == event_id, event_runs.c.outcome == str(RunOutcome.SEEN))
        .order_by(event_runs.c.valid_from.desc(), event_runs.c.id.desc())
        .limit(count * _ROWS_A_RUN)
    )
    runs: dict[str, dict[str, int]] = {}
    if adding is not None and adding.outcome is RunOutcome.SEEN:
        runs[adding.valid_from] = dict(adding.levels)
    with engine.connect() as connection:
        for valid_from, levels in connection.execute(query):
            known = runs.get(valid_from)
            runs[valid_from] = levels if known is None else _highest(known, levels)
    newest = sorted(runs)[-count:]
    return tuple(SeenRun(valid_from=parse_instant(when), levels=runs[when]) for when in newest)


def seen_before(engine: Engine, event_id: str, valid_from: datetime) -> set[str]:
    """Villages at level 2 or above in the run before the knowledge of `valid_from`."""
    query = (
        select(event_runs.c.levels)
        .where(event_runs.c.event_id == event_id, event_runs.c.outcome == str(RunOutcome.SEEN))
        .where(event_runs.c.valid_from < iso(valid_from))
        .order_by(event_runs.c.valid_from.desc(), event_runs.c.id.desc())
        .limit(1)
    )
    with engine.connect() as connection:
        levels = connection.execute(query).scalar() or {}
    return {code for code, level in levels.items() if level >= Level.WASPADA}


def _highest(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Not known in one of them is not known."""
    found = {}
    for code in one.keys() | other.keys():
        levels = one.get(code, 0), other.get(code, 0)
        found[code] = LEVEL_UNKNOWN if LEVEL_UNKNOWN in levels else max(levels)
    return found


def note_links(
    connection: Connection, links: Sequence[tuple[str, str, str, str]], at: datetime
) -> None:
    """Remember relations as (event, relation, other, reason); those that stand there stay."""
    columns = event_links.c
    query = select(columns.event_id, columns.relation, columns.other_id)
    query = query.where(columns.event_id.in_([link[0] for link in links]))
    known = {tuple(row) for row in connection.execute(query)} if links else set()
    rows = [
        {"event_id": one, "relation": word, "other_id": other, "at": iso(at), "reason": reason}
        for one, word, other, reason in links
        if (one, word, other) not in known
    ]
    if rows:
        connection.execute(insert_ignore(connection, event_links), rows)


def links_of(connection: Connection, event_ids: Iterable[str]) -> list[dict[str, str]]:
    """Every relation in which one of these events stands, oldest first."""
    wanted = list(event_ids)
    query = (
        select(event_links)
        .where(event_links.c.event_id.in_(wanted) | event_links.c.other_id.in_(wanted))
        .order_by(event_links.c.at, event_links.c.event_id, event_links.c.other_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]
