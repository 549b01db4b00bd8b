"""Rows of `warnings`, `warning_states`, `approvals` and `alerts`: read, and only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, text

from kentongan import audit, life_cycle
from kentongan.db import alerts, approvals, insert_ignore, messages, warning_states, warnings
from kentongan.errors import RuleViolation
from kentongan.times import iso, parse_instant
from kentongan.types import WarningState
from notify.warning import ReleasedAlert, WarningBody, WarningRef


@dataclass(frozen=True)
class Version:
    warning_id: str
    version: int
    state: str
    content_hash: str
    created_at: str
    body: WarningBody

    @property
    def ref(self) -> WarningRef:
        return WarningRef(self.warning_id, self.version, self.content_hash, self.body.action)

    def add_state(
        self,
        connection: Connection,
        state: WarningState,
        *,
        at: datetime,
        actor: str,
        reason: str = "",
    ) -> None:
        add_state(connection, self.ref, state, at=at, actor=actor, reason=reason)


def _with_state() -> Select[tuple[object, ...]]:
    """Each version with its newest state."""
    last = (
        select(func.max(warning_states.c.id).label("id"))
        .group_by(warning_states.c.warning_id, warning_states.c.version)
        .subquery()
    )
    joined = warnings.join(
        warning_states,
        (warning_states.c.warning_id == warnings.c.warning_id)
        & (warning_states.c.version == warnings.c.version),
    ).join(last, last.c.id == warning_states.c.id)
    return select(warnings, warning_states.c.state).select_from(joined)


def _of(warning_id: str) -> Select[tuple[object, ...]]:
    """As `_with_state`, without walking the other warnings."""
    newest = (
        select(warning_states.c.state)
        .where(
            warning_states.c.warning_id == warnings.c.warning_id,
            warning_states.c.version == warnings.c.version,
        )
        .order_by(warning_states.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(warnings, newest.label("state"))
        .where(warnings.c.warning_id == warning_id)
        .order_by(warnings.c.version.desc())
        .limit(1)
    )


def _version(row: Row[tuple[object, ...]]) -> Version:
    values = row._mapping
    return Version(
        warning_id=values["warning_id"],
        version=values["version"],
        state=values["state"],
        content_hash=values["content_hash"],
        created_at=values["created_at"],
        body=WarningBody.model_validate(values["body"]),
    )


def lock(connection: Connection, warning_id: str) -> None:
    """One writer at a time for this warning; SQLite has one for everything."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": warning_id}
        )


def newest(connection: Connection, warning_id: str) -> Version | None:
    row = connection.execute(_of(warning_id)).first()
    return _version(row) if row else None


def newest_released(connection: Connection, warning_id: str) -> Version | None:
    """The newest version that became an alert, whatever its state is now."""
    released = select(func.max(alerts.c.version)).where(alerts.c.warning_id == warning_id)
    row = connection.execute(
        _of(warning_id).where(warnings.c.version == released.scalar_subquery())
    ).first()
    return _version(row) if row else None


def get(connection: Connection, warning_id: str, version: int) -> Version:
    """One version.

    Raises:
        RuleViolation: there is none.
    """
    row = connection.execute(_of(warning_id).where(warnings.c.version == version)).first()
    if row is None:
        raise RuleViolation(f"warning {warning_id} v{version}: not in the database")
    return _version(row)


def in_state(connection: Connection, state: WarningState) -> list[Version]:
    query = _with_state().where(warning_states.c.state == state)
    return [_version(row) for row in connection.execute(query.order_by(warnings.c.warning_id))]


def unfinished(connection: Connection) -> list[WarningRef]:
    """Alerts that nobody was told of (tasks apart), oldest first, then what is a draft."""
    drafts = [
        version.ref
        for state in (WarningState.DRAFT, WarningState.APPROVED)
        for version in in_state(connection, state)
    ]
    sent = select(messages.c.message_id).where(
        messages.c.warning_id == alerts.c.warning_id,
        messages.c.version == alerts.c.version,
        messages.c.purpose != "task",
    )
    silent = select(alerts.c.warning_id, alerts.c.version).where(~sent.exists())
    rows = connection.execute(silent.order_by(alerts.c.sent)).all()
    return [*(get(connection, *row).ref for row in rows), *drafts]


def insert(
    connection: Connection,
    ref: WarningRef,
    body: WarningBody,
    *,
    at: datetime,
    content: dict[str, Any] | None = None,
) -> None:
    """Add a version; `content` is the body as JSON where the caller has it already."""
    connection.execute(
        warnings.insert().values(
            warning_id=ref.warning_id,
            version=ref.version,
            event_id=body.event_id,
            hazard_id=str(body.hazard_id),
            msg_type=body.msg_type,
            cap_status=body.status,
            level=body.level,
            all_clear=body.action == "all-clear",
            content_hash=ref.content_hash,
            created_at=iso(at),
            expires=iso(body.expires),
            body=content or body.model_dump(mode="json"),
        )
    )


def add_state(
    connection: Connection,
    ref: WarningRef,
    state: WarningState,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
) -> None:
    """The version is in `state` from now on; said again it stays as it was.

    Raises:
        RuleViolation: no trigger of `kentongan.life_cycle` leads there from where it is.
    """
    now = state_of(connection, ref)
    if now == state:
        return
    life_cycle.trigger_to(now, state, f"{ref.warning_id} v{ref.version}")
    connection.execute(
        insert_ignore(connection, warning_states).values(
            warning_id=ref.warning_id,
            version=ref.version,
            state=str(state),
            at=iso(at),
            actor=actor,
            reason=reason,
        )
    )


def state_of(connection: Connection, ref: WarningRef) -> WarningState | None:
    """The newest state of a version; None before the first."""
    query = (
        select(warning_states.c.state)
        .where(
            warning_states.c.warning_id == ref.warning_id, warning_states.c.version == ref.version
        )
        .order_by(warning_states.c.id.desc())
        .limit(1)
    )
    found = connection.execute(query).scalar()
    return WarningState(found) if found else None


def advance(
    connection: Connection,
    ref: WarningRef,
    trigger: life_cycle.Trigger,
    *,
    at: datetime,
    actor: str,
    reason: str = "",
) -> life_cycle.Step:
    """One step of the life cycle; what it owes to those who were told is in the answer.

    Raises:
        RuleViolation: the version is not where this trigger starts.
    """
    taken = life_cycle.step(state_of(connection, ref), trigger, f"{ref.warning_id} v{ref.version}")
    add_state(connection, ref, taken.state, at=at, actor=actor, reason=reason)
    return taken


def in_force_before(connection: Connection, warning_id: str, at: datetime) -> Version | None:
    """The version that was released before `at` and neither closed before `at` nor past its end."""
    said = warning_states.alias()
    before = (
        select(said.c.version, said.c.state)
        .where(said.c.warning_id == warning_id, said.c.at < iso(at))
        .order_by(said.c.id)
    )
    states = {row.version: row.state for row in connection.execute(before)}
    released = [v for v, state in states.items() if state == WarningState.RELEASED]
    if not released:
        return None
    found = get(connection, warning_id, max(released))
    return found if found.body.expires > at else None


def told_of_an_end(
    connection: Connection, hazard_id: str, *, since: str, before: datetime
) -> set[str]:
    """Villages that an all-clear or a Cancel of this hazard reached from `since` to `before`."""
    closed = warning_states.c.state.in_([WarningState.ENDED, WarningState.CANCELLED])
    query = (
        select(warnings.c.body["told"])
        .join(
            warning_states,
            (warning_states.c.warning_id == warnings.c.warning_id)
            & (warning_states.c.version == warnings.c.version),
        )
        .where(warnings.c.hazard_id == hazard_id, closed)
        .where(warnings.c.all_clear | (warnings.c.msg_type == "Cancel"))
        .where(warning_states.c.at >= since, warning_states.c.at < iso(before))
    )
    return {code for told in connection.execute(query).scalars() for code in told}


def levels_over_time(
    connection: Connection, warning_id: str, version: int
) -> list[tuple[datetime, dict[str, int]]]:
    """When each version up to this one was made, and its levels; newest first."""
    query = (
        select(warnings.c.created_at, warnings.c.body["levels"])
        .where(warnings.c.warning_id == warning_id, warnings.c.version <= version)
        .order_by(warnings.c.version.desc())
    )
    return [(parse_instant(made), levels) for made, levels in connection.execute(query)]


def add_approval(
    connection: Connection,
    version: Version,
    *,
    actor: str,
    at: datetime,
    kind: str = "approve",
    binding: str | None = None,
    reason: str = "",
) -> None:
    """One person's word; `kind` is approve, author, break-glass or review. Said twice in one
    second it is one row."""
    word = {
        "warning_id": version.warning_id,
        "version": version.version,
        "actor": actor,
        "content_hash": version.content_hash,
        "at": iso(at),
        "kind": kind,
        "binding": binding,
    }
    same = [approvals.c[name].is_not_distinct_from(value) for name, value in word.items()]
    if connection.execute(select(approvals.c.id).where(*same)).first() is None:
        connection.execute(approvals.insert().values(**word, reason=reason))


def approvers(connection: Connection, version: Version) -> tuple[str, ...]:
    """Different people who stood up for exactly this content, whatever they saw beside it."""
    query = (
        select(approvals.c.actor)
        .distinct()
        .where(
            approvals.c.warning_id == version.warning_id,
            approvals.c.version == version.version,
            approvals.c.content_hash == version.content_hash,
            approvals.c.kind != "review",
        )
        .order_by(approvals.c.actor)
    )
    return tuple(connection.execute(query).scalars())


def last_change(connection: Connection, ref: WarningRef) -> tuple[datetime, str]:
    """When a version took its newest state, and by whom."""
    query = (
        select(warning_states.c.at, warning_states.c.actor)
        .where(
            warning_states.c.warning_id == ref.warning_id,
            warning_states.c.version == ref.version,
        )
        .order_by(warning_states.c.id.desc())
    )
    row = connection.execute(query.limit(1)).one()
    return parse_instant(row.at), row.actor


def current(connection: Connection, warning_id: str) -> Version | None:
    """The newest version that counts: a draft that ran out before its release, and an end that a
    person asked for and that still waits, give way to what they would have changed."""
    last = newest(connection, warning_id)
    if last is None or not (_ran_out(connection, last) or waits_as_end(last)):
        return last
    return newest_released(connection, warning_id)


def _ran_out(connection: Connection, version: Version) -> bool:
    return version.state == WarningState.EXPIRED and alert_of(connection, version.ref) is None


def waits_as_end(version: Version) -> bool:
    """Whether a person asked for this end, and nobody has been told of it yet."""
    return version.body.by_hand and version.state in life_cycle.PENDING


def alert_of(connection: Connection, ref: WarningRef) -> ReleasedAlert | None:
    query = select(alerts).where(
        alerts.c.warning_id == ref.warning_id, alerts.c.version == ref.version
    )
    row = connection.execute(query).first()
    return ReleasedAlert(**row._mapping) if row else None


def alerts_of(connection: Connection, warning_id: str) -> list[ReleasedAlert]:
    """Oldest first."""
    query = select(alerts).where(alerts.c.warning_id == warning_id).order_by(alerts.c.version)
    return [ReleasedAlert(**row._mapping) for row in connection.execute(query)]


def note(
    connection: Connection, action: str, ref: WarningRef, *, at: datetime, actor: str, reason: str
) -> None:
    """One row of the audit about a version, in the caller's transaction."""
    content = {
        "warning_id": ref.warning_id,
        "version": ref.version,
        "content_hash": ref.content_hash,
        "reason": reason,
    }
    audit.append(connection, at=at, actor=actor, action=action, body=content)
