"""Warnings that held at an instant, by the rows of their states, with their villages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, func, select

from kentongan.db import alerts, warning_states, warnings
from kentongan.life_cycle import PENDING
from kentongan.times import iso, parse_instant
from kentongan.types import WarningState
from orchestration.live_map.moment import Moment


@dataclass(frozen=True, eq=False)
class Content:
    """What a version says; it never changes."""

    event_id: str
    hazard_id: str
    title: str
    status: str
    level: int
    expires: datetime
    codes: tuple[str, ...]
    """adm4 codes of the villages with a level, in code order."""
    levels: NDArray[np.int8]
    exposed: NDArray[np.int64]
    uncovered: NDArray[np.int64]
    """Of the villages; -1: not known."""
    exposed_people: int
    uncovered_people: int


@dataclass(frozen=True, eq=False)
class Held:
    warning_id: str
    version: int
    state: str
    """`released`, or `draft` or `approved` while it waits for people."""
    sent: str
    """With the offset of its place; empty while it waits."""
    content: Content


def held_at(engine: Engine, moment: Moment) -> list[Held]:
    """Versions that held at the instant, the highest level first, then the most people.

    Of a warning the newest released version, and the one that waits for its release, if any: what
    waits is known, and a map without it would look safe.
    """
    with engine.connect() as connection:
        states = _states(connection, moment)
        wanted = _shown(states)
        sent = _sent(connection, [key for key in wanted if states[key] not in PENDING])
        found = [
            Held(*key, states[key], sent.get(key, ""), _content(connection, *key)) for key in wanted
        ]
    kept = [one for one in found if one.content.codes]
    return sorted(
        kept, key=lambda h: (-h.content.level, -h.content.exposed_people, h.warning_id, -h.version)
    )


_Key = tuple[str, int]
_SHOWN = frozenset({WarningState.RELEASED, *PENDING})


def _states(connection: Connection, moment: Moment) -> dict[_Key, str]:
    """Versions that were released or waited then, by their newest state.

    One past its end stays until somebody closes it: if nobody closed it, nobody has looked. Of the
    hours ahead what ends until then is taken to end.
    """
    last = (
        select(func.max(warning_states.c.id).label("id"))
        .where(moment.knew(warning_states.c.at))
        .group_by(warning_states.c.warning_id, warning_states.c.version)
        .subquery()
    )
    lasts = (warnings.c.expires > iso(moment.at)) | (warnings.c.expires <= iso(moment.known))
    query = (
        select(warning_states.c.warning_id, warning_states.c.version, warning_states.c.state)
        .join(last, last.c.id == warning_states.c.id)
        .join(
            warnings,
            (warnings.c.warning_id == warning_states.c.warning_id)
            & (warnings.c.version == warning_states.c.version),
        )
        .where(warning_states.c.state.in_(_SHOWN), lasts)
    )
    return {(row.warning_id, row.version): row.state for row in connection.execute(query)}


def _shown(states: dict[_Key, str]) -> list[_Key]:
    released: dict[str, int] = {}
    pending: dict[str, int] = {}
    for (warning_id, version), state in states.items():
        group = released if state == WarningState.RELEASED else pending
        group[warning_id] = max(version, group.get(warning_id, 0))
    waits = {k: v for k, v in pending.items() if v > released.get(k, 0)}
    return sorted([*released.items(), *waits.items()])


def _sent(connection: Connection, keys: Sequence[_Key]) -> dict[_Key, str]:
    ids = sorted({warning_id for warning_id, _ in keys})
    query = select(alerts.c.warning_id, alerts.c.version, alerts.c.sent).where(
        alerts.c.warning_id.in_(ids)
    )
    found = {(row.warning_id, row.version): row.sent for row in connection.execute(query)}
    return {key: found[key] for key in keys if key in found}


def _content(connection: Connection, warning_id: str, version: int) -> Content:
    hashed = select(warnings.c.content_hash).where(
        warnings.c.warning_id == warning_id, warnings.c.version == version
    )
    digest: str = connection.execute(hashed).scalar_one()
    have = _kept(digest)
    if have.content is None:
        query = select(warnings.c.body).where(
            warnings.c.warning_id == warning_id, warnings.c.version == version
        )
        have.content = _read(connection.execute(query).scalar_one())
    return have.content


@dataclass
class _Slot:
    content: Content | None = None


@lru_cache(maxsize=128)
def _kept(_digest: str) -> _Slot:
    """A version of 55,000 villages takes 0.1 s to read; many viewers ask for the same ones."""
    return _Slot()


def _read(body: dict[str, Any]) -> Content:
    levels: dict[str, int] = dict(sorted(body["levels"].items()))
    exposure = body.get("exposure") or {}
    figures = np.array([exposure.get(code, (-1, -1)) for code in levels], dtype=np.int64)
    figures = figures.reshape(-1, 2)
    return Content(
        event_id=body["event_id"],
        hazard_id=body["hazard_id"],
        title=body["title"],
        status=body["status"],
        level=body["level"],
        expires=parse_instant(body["expires"]),
        codes=tuple(levels),
        levels=np.fromiter(levels.values(), dtype=np.int8, count=len(levels)),
        exposed=figures[:, 0],
        uncovered=figures[:, 1],
        exposed_people=body["exposed_people"],
        uncovered_people=body["uncovered_people"],
    )
