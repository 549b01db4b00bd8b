"""One SMS a person and warning with the link to all their tasks, after the tasks themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, func, select

from kentongan.db import messages, recipients, tasks
from kentongan.sealing import Keys
from kentongan.task_life import WAITING
from kentongan.transactions import writing
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.messages import Message
from notify.sending.outbox import write
from notify.sending.urgency import Class, prio
from notify.tasks.links import link_token
from notify.tasks.store import places_of
from notify.tasks.texts import invitation_sms
from notify.versions import Version

if TYPE_CHECKING:
    import pandas as pd

Link = Callable[[str, datetime], str]
"""(recipient_id, at) -> whole address of their page."""


def link_to(keys: Keys, public_url: str) -> Link:
    base = public_url.rstrip("/")

    def link(person: str, at: datetime) -> str:
        return f"{base}/t/{link_token(keys, person, at=at)}"

    return link


def invite(
    engine: Engine,
    version: Version,
    *,
    areas: pd.DataFrame,
    at: datetime,
    link: Link,
    routes: Routes = RECORDER_ONLY,
) -> int:
    """Tell everybody who is asked for a task of this warning where their list is; how many.

    Once for each person and warning.
    """
    with writing(engine) as connection:
        made = [
            _message(version, person, village, count, people, areas, at, link)
            for person, village, count, people in _asked(connection, version.warning_id)
        ]
        return write(
            connection, version.ref, made, at=at, not_after=version.body.expires,
            routes=routes.open_to(version.body.status),
        )  # fmt: skip


def _asked(connection: Connection, warning_id: str) -> list[tuple[str, str, int, int]]:
    """Person, a village of theirs, tasks, people; of those who have no invitation yet."""
    told = select(messages.c.message_id).where(messages.c.warning_id == warning_id)
    known = set(connection.execute(told.where(messages.c.message_id.contains("/link/"))).scalars())
    query = (
        select(
            tasks.c.assigned_to, func.min(tasks.c.adm4_code), func.count(), func.sum(tasks.c.people)
        )
        .join(recipients, recipients.c.recipient_id == tasks.c.assigned_to)
        .where(tasks.c.warning_id == warning_id, tasks.c.state.in_(WAITING))
        .where(recipients.c.role == "coordinator")
        .group_by(tasks.c.assigned_to)
        .order_by(tasks.c.assigned_to)
    )
    rows = connection.execute(query).all()
    return [tuple(row) for row in rows if _key(warning_id, row[0]) not in known]


def _key(warning_id: str, person: str) -> str:
    return f"{warning_id}/link/{person}"


def _message(
    version: Version,
    person: str,
    village: str,
    count: int,
    people: int,
    areas: pd.DataFrame,
    at: datetime,
    link: Link,
) -> Message:
    known = village in set(areas["adm4_code"].tolist())
    regency = places_of(areas, [village])[village].regency if known else village[:5]
    text = invitation_sms(count, people, regency, link(person, at), status=version.body.status)
    key = _key(version.warning_id, person)
    return Message(
        message_id=key, alert_version=key, purpose="task", channel="sms", area_code=village,
        level=version.body.level, prio=prio(Class.READINESS, "sms"), text=text, payload=None,
        recipient_ids=(person,), role="coordinator",
    )  # fmt: skip
