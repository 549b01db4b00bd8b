"""What was asked of the forecast feed and what came, village by village.

The table `forecast_villages` is brought up to date from `feed_log`, where each poll leaves a row
a village in one transaction with its records. So nothing is lost when a process dies between a
poll and the next plan, and every process that polls is counted, whoever it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from ingest.forecast_plan.aliases import Aliases
from ingest.forecast_plan.plan import NEVER, Came, Knowledge
from ingest.forecast_plan.villages import Villages
from ingest.sources.bmkg_forecast import SOURCE_ID, village_of
from kentongan.db import feed_log, forecast_villages, records
from kentongan.times import compact, iso, parse_instant
from kentongan.types import Outcome

FAR_KM = 100.0
"""A forecast for a point further off is for another place: the code was given anew. Positions of
villages whose code was moved are off by up to 90 km (measured in the bundled table)."""
MEMORY = timedelta(days=14)
"""How far back polls are looked through when the table is empty."""
_KM_PER_DEG = 111.2
_GOT = (str(Outcome.NEW), str(Outcome.UNCHANGED))
_BATCH = 400
"""Keys in one query; SQLite takes 999 parameters in its oldest builds."""


@dataclass(frozen=True)
class Asked:
    """What one poll gave for one village."""

    adm4_code: str
    asked_as: str
    asked_at: str
    came: Came
    analysis_time: str | None


def refresh(engine: Engine, villages: Villages, aliases: Aliases, at: datetime) -> int:
    """Take over what polls up to `at` have left in the log; returns how many requests were."""
    with engine.begin() as connection:
        found = _judged(connection, _log_rows(connection, at), villages, aliases)
        for asked in found:
            connection.execute(_upsert(connection, asked))
    return len(found)


def _log_rows(connection: Connection, at: datetime) -> Sequence[Any]:
    done = select(func.max(forecast_villages.c.asked_at)).where(
        forecast_villages.c.asked_at <= iso(at)
    )
    since = connection.execute(done).scalar() or iso(at - MEMORY)
    query = (
        select(feed_log.c.url, feed_log.c.polled_at, feed_log.c.outcome, feed_log.c.document_time)
        .where(
            feed_log.c.source_id == SOURCE_ID,
            feed_log.c.polled_at >= since,
            feed_log.c.polled_at <= iso(at),
        )
        .order_by(feed_log.c.polled_at, feed_log.c.id)
    )
    return connection.execute(query).all()


def _judged(
    connection: Connection, rows: Iterable[Any], villages: Villages, aliases: Aliases
) -> list[Asked]:
    """The requests in order of time."""
    sent = [(village_of(row.url), row) for row in rows]
    asked = [
        Asked(aliases.village_of(code), code, row.polled_at, _came(row), row.document_time)
        for code, row in sent
        if code
    ]
    far = _far_off(connection, asked, villages)
    return [_elsewhere(one) if _key(one) in far else one for one in asked]


def _key(asked: Asked) -> str:
    """Key of the record that came."""
    if asked.came is not Came.FORECAST or not asked.analysis_time:
        return ""
    return f"{asked.asked_as}-{compact(parse_instant(asked.analysis_time))}"


def _came(row: Any) -> Came:
    if row.outcome in _GOT and row.document_time:
        return Came.FORECAST
    return Came.ABSENT if row.outcome == Outcome.EMPTY else Came.FAILED


def _elsewhere(asked: Asked) -> Asked:
    return Asked(asked.adm4_code, asked.asked_as, asked.asked_at, Came.ELSEWHERE, None)


def _far_off(connection: Connection, asked: Sequence[Asked], villages: Villages) -> set[str]:
    """Keys of forecasts for a point over `FAR_KM` from the village that they were asked for."""
    keys = {_key(one): one.adm4_code for one in asked if _key(one)}
    far = set()
    for key, body in _bodies(connection, list(keys)):
        rows = villages.rows([keys[key]])
        if len(rows) and _km(villages, int(rows[0]), json.loads(body)) > FAR_KM:
            far.add(key)
    return far


def _bodies(connection: Connection, keys: Sequence[str]) -> Iterable[tuple[str, str]]:
    for start in range(0, len(keys), _BATCH):
        found = connection.execute(
            select(records.c.key, records.c.body).where(
                records.c.source_id == SOURCE_ID, records.c.key.in_(keys[start : start + _BATCH])
            )
        )
        yield from ((row.key, row.body) for row in found)


def _km(villages: Villages, row: int, place: Mapping[str, Any]) -> float:
    """Distance on a plane, good to 1 % within Indonesia's latitudes."""
    north = place["latitude"] - villages.latitude[row]
    east = place["longitude"] - villages.longitude[row]
    return float(np.hypot(north, east * np.cos(np.radians(place["latitude"]))) * _KM_PER_DEG)


def _upsert(connection: Connection, asked: Asked) -> Any:
    """An answer never goes back in time, and a failure leaves the last forecast in place."""
    came = asked.came is Came.FORECAST
    values = {
        "adm4_code": asked.adm4_code,
        "asked_as": asked.asked_as,
        "asked_at": asked.asked_at,
        "outcome": asked.came.name.lower(),
        "answered_at": asked.asked_at if came else None,
        "analysis_time": asked.analysis_time if came else None,
    }
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    kept = ("asked_as", "asked_at", "outcome", *(("answered_at", "analysis_time") if came else ()))
    return (
        insert(forecast_villages)
        .values(values)
        .on_conflict_do_update(
            index_elements=["adm4_code"],
            set_={name: values[name] for name in kept},
            where=forecast_villages.c.asked_at <= asked.asked_at,
        )
    )


def known_forecasts(engine: Engine, villages: Villages, at: datetime) -> Knowledge:
    """The table as arrays, as it stood at `at` as far as it tells: what was asked later counts as
    not asked."""
    table = forecast_villages.c
    columns = (table.adm4_code, table.asked_as, table.outcome)
    times = (table.asked_at, table.answered_at, table.analysis_time)
    with engine.connect() as connection:
        rows = connection.execute(select(*columns, *times).where(table.asked_at <= iso(at)))
        found = rows.fetchall()
    return _as_arrays(found, villages)


def _as_arrays(found: Sequence[Any], villages: Villages) -> Knowledge:
    columns: list[Sequence[Any]] = [*zip(*found, strict=True)] or [()] * 6
    codes = np.asarray(columns[0], dtype=villages.codes.dtype)
    rows = np.searchsorted(villages.codes, codes).clip(max=len(villages) - 1)
    ours = villages.codes[rows] == codes
    rows = rows[ours]
    came = np.zeros(len(villages), dtype=np.int8)
    numbers = {one.name.lower(): int(one) for one in Came}
    came[rows] = np.asarray([numbers.get(n, int(Came.FAILED)) for n in columns[2]], np.int8)[ours]
    times = [np.full(len(villages), NEVER) for _ in range(3)]
    for seconds, column in zip(times, columns[3:6], strict=True):
        seconds[rows] = _seconds(column)[ours]
    sent = np.asarray(columns[1], dtype=villages.codes.dtype)[ours]
    others = np.flatnonzero(sent != villages.codes[rows])
    asked_as = {int(rows[i]): str(sent[i]) for i in others}
    return Knowledge(times[0], times[1], times[2], came, asked_as)


def _seconds(texts: Sequence[str | None]) -> NDArray[np.float64]:
    """`2026-09-24T07:35:00Z` to seconds since 1970; None to `NEVER`. Few differ: a poll asks for
    many villages at once."""
    known = {text: parse_instant(text).timestamp() for text in set(texts) if text}
    return np.asarray([known[text] if text else NEVER for text in texts], dtype=np.float64)
