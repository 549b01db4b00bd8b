"""What a person ends: a warning that should not stand, or one of our own before its time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, Engine

from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from kentongan.types import HazardId, Mode, WarningState
from notify import versions
from notify.compose import compose_end
from notify.life import PENDING, add_draft
from notify.versions import Version, note
from notify.warning import WarningRef

if TYPE_CHECKING:
    import pandas as pd

END_VALID = timedelta(hours=2)
"""An end is repeated by others for as long as its CAP document is valid."""


def cancel(
    engine: Engine,
    warning_id: str,
    areas: pd.DataFrame,
    *,
    actor: str,
    at: datetime,
    reason: str,
    mode: Mode,
    live: bool,
) -> WarningRef | None:
    """Take a warning back. A draft is cancelled at once (None); a released one gets a Cancel.

    The Cancel goes to everybody who was warned, counts `actor` as its first approval, and
    is released by `release` when enough people have approved it.

    Raises:
        RuleViolation: no such warning, or it is closed already.
    """
    with writing(engine) as connection:
        versions.lock(connection, warning_id)
        newest = _open_version(connection, warning_id)
        if versions.newest_released(connection, warning_id) is None:
            newest.add_state(connection, WarningState.CANCELLED, at=at, actor=actor, reason=reason)
            note(connection, "warning.cancel", newest.ref, at=at, actor=actor, reason=reason)
            return None
        return _end_by_hand(
            connection, newest, areas, action="cancel", actor=actor, at=at, reason=reason,
            mode=mode, live=live,
        )  # fmt: skip


def allclear(
    engine: Engine,
    warning_id: str,
    areas: pd.DataFrame,
    *,
    actor: str,
    at: datetime,
    reason: str,
    mode: Mode,
    live: bool,
) -> WarningRef:
    """End one of our own estimates before its time.

    Raises:
        RuleViolation: BMKG's own warnings and every tsunami warning end by BMKG alone.
    """
    with writing(engine) as connection:
        versions.lock(connection, warning_id)
        newest = _open_version(connection, warning_id)
        if newest.body.official or newest.body.hazard_id is HazardId.TSUNAMI:
            raise RuleViolation(
                f"{warning_id} is BMKG's own warning: only BMKG ends it; "
                "use 'warning cancel' if it should never have gone out"
            )
        return _end_by_hand(
            connection, newest, areas, action="all-clear", actor=actor, at=at, reason=reason,
            mode=mode, live=live,
        )  # fmt: skip


def _open_version(connection: Connection, warning_id: str) -> Version:
    """The newest version of a warning that is a draft or still holds.

    A draft of an end that ran out without its second approval closes nothing.
    """
    newest = versions.newest(connection, warning_id)
    if newest is None:
        raise RuleViolation(f"warning {warning_id}: none of that name; see 'warning list'")
    if newest.state in PENDING:
        return newest
    held = versions.newest_released(connection, warning_id)
    if held is None or held.state != WarningState.RELEASED:
        raise RuleViolation(f"warning {warning_id} is {(held or newest).state} already")
    return newest


def _end_by_hand(
    connection: Connection,
    newest: Version,
    areas: pd.DataFrame,
    *,
    action: Literal["all-clear", "cancel"],
    actor: str,
    at: datetime,
    reason: str,
    mode: Mode,
    live: bool,
) -> WarningRef:
    if newest.state in PENDING and newest.body.by_hand and newest.body.action == action:
        # The same end asked for again: one more person behind it, never a second document.
        return _sign(connection, newest, action, actor=actor, at=at, reason=reason)
    before = versions.newest_released(connection, newest.warning_id)
    if before is None:
        raise RuleViolation(f"{newest.warning_id} was never released; cancel its draft instead")
    if before.body.status == "Actual" and not (mode is Mode.ACTUAL and live):
        raise RuleViolation(
            f"{newest.warning_id} is an Actual alert; only a live run in actual mode ends it"
        )
    body = compose_end(
        before.body,
        areas,
        at=at,
        expires=max(before.body.expires, at + END_VALID),
        action=action,
        status=before.body.status,
        reason=reason,
    )
    ref = add_draft(connection, newest.warning_id, body, at=at, actor=actor)
    version = versions.get(connection, ref.warning_id, ref.version)
    return _sign(connection, version, action, actor=actor, at=at, reason=reason)


def _sign(
    connection: Connection, version: Version, action: str, *, actor: str, at: datetime, reason: str
) -> WarningRef:
    versions.add_approval(connection, version, actor=actor, at=at, kind="author")
    note(connection, f"warning.{action}-asked", version.ref, at=at, actor=actor, reason=reason)
    return version.ref
