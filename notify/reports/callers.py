"""What is known of whoever tells us: their number's reports, home and name, by its blind index."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, Select, func, select, update

from kentongan.db import contacts, insert_ignore, recipients, reports, reputation
from kentongan.times import iso
from notify.inbox.store import precise
from notify.reports.kinds import ASKED, NOISE, Category
from notify.reports.prank import Caller
from notify.reports.routing import Routing

if TYPE_CHECKING:
    from notify.reports.desk import Telling


def caller_of(connection: Connection, telling: Telling, rules: Routing) -> Caller:
    if not telling.caller:
        return Caller()
    row = (
        connection.execute(select(reputation).where(reputation.c.caller_blind == telling.caller))
        .mappings()
        .first()
    )
    since = telling.received_at - timedelta(minutes=rules.caller_minutes)
    query = _mine(telling, since, func.count())
    recent = int(connection.execute(query).scalar_one())
    if row is None:
        return Caller(recent=recent)
    return Caller(row["reports"], row["useful"], row["pranks"], recent)


def home_of(connection: Connection, caller: str) -> str:
    """Village where a number is registered; empty: it is not."""
    if not caller:
        return ""
    query = (
        select(recipients.c.adm4_code)
        .join(contacts, contacts.c.recipient_id == recipients.c.recipient_id)
        .where(contacts.c.channel == "sms", contacts.c.blind == caller)
        .where(recipients.c.active, recipients.c.role == "resident")
        .order_by(recipients.c.recipient_id)
        .limit(1)
    )
    return connection.execute(query).scalar() or ""


def _mine(telling: Telling, since: datetime, *columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(reports)
        .where(reports.c.caller_blind == telling.caller)
        .where(reports.c.received_at > precise(since))
        .where(reports.c.received_at <= precise(telling.received_at))
    )


def newest(connection: Connection, telling: Telling, within: timedelta) -> RowMapping | None:
    if not telling.caller:
        return None
    query = _mine(telling, telling.received_at - within, reports).where(reports.c.state != NOISE)
    query = query.order_by(reports.c.urgency.desc(), reports.c.received_at.desc()).limit(1)
    return connection.execute(query).mappings().first()


def asked_within(connection: Connection, telling: Telling, rules: Routing) -> RowMapping | None:
    if not telling.caller:
        return None
    query = _mine(telling, telling.received_at - timedelta(minutes=rules.ask_minutes), reports)
    query = query.where(reports.c.state == ASKED).order_by(reports.c.received_at.desc()).limit(1)
    return connection.execute(query).mappings().first()


def asked_before(connection: Connection, telling: Telling, case_id: str) -> bool:
    query = select(reports.c.report_id).where(
        reports.c.case_id == case_id, reports.c.caller_blind == telling.caller,
        reports.c.state == ASKED,
    )  # fmt: skip
    return connection.execute(query.limit(1)).first() is not None


def told_before(connection: Connection, telling: Telling, case_id: str) -> bool:
    """Whether this number has reported this case already."""
    query = select(reports.c.report_id).where(
        reports.c.case_id == case_id, reports.c.caller_blind == telling.caller
    )
    return bool(telling.caller) and connection.execute(query.limit(1)).first() is not None


def others_say_clear(
    connection: Connection, near: Sequence[str], telling: Telling, rules: Routing
) -> int:
    since = telling.received_at - timedelta(minutes=rules.join_minutes)
    query = select(func.count(func.distinct(reports.c.caller_blind))).where(
        reports.c.adm4_code.in_(list(near)), reports.c.received_at >= precise(since),
        reports.c.category == str(Category.CLEAR), reports.c.caller_blind != telling.caller,
    )  # fmt: skip
    return int(connection.execute(query).scalar_one())


def count_report(connection: Connection, caller: str, at: datetime) -> None:
    row = {"caller_blind": caller, "reports": 0, "useful": 0, "pranks": 0, "updated_at": iso(at)}
    connection.execute(insert_ignore(connection, reputation).values(**row))
    mine = update(reputation).where(reputation.c.caller_blind == caller)
    connection.execute(mine.values(reports=reputation.c.reports + 1, updated_at=iso(at)))
