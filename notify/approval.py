"""Who may let a version go out: policy, or people who approved exactly its content."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine

from kentongan.errors import RuleViolation
from kentongan.policy import ReleasePolicy
from kentongan.store import Store
from kentongan.types import Mode, WarningState
from notify import versions
from notify.life import PENDING, SYSTEM, close
from notify.publisher import Publisher
from notify.release import publish_alert
from notify.transactions import writing
from notify.versions import Version, note
from notify.warning import ReleasedAlert, WarningRef

NOT_RELEASED = "its end came before its release"


def release(
    engine: Engine,
    store: Store,
    ref: WarningRef,
    *,
    at: datetime,
    policy: ReleasePolicy,
    mode: Mode,
    live: bool,
    publisher: Publisher | None = None,
) -> ReleasedAlert | None:
    """Make the version's CAP alert, if policy or enough people allow it.

    Called again it gives the same alert and the same bytes. None while people are missing
    or when the version is no longer a draft.

    Raises:
        RuleViolation: the content's status is not what this run may release, or the
            alert breaks a rule of CAP.
    """
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        done = versions.alert_of(connection, version.ref)
        if done is not None:
            return done
        if version.state not in PENDING:
            return None
        if version.body.expires <= at:
            close(connection, ref.warning_id, WarningState.EXPIRED, at=at, reason=NOT_RELEASED)
            return None
        if not _may_release(connection, version, policy, mode):
            return None
        _check_status(version, mode=mode, live=live)
        return publish_alert(
            connection, store, version, at=at, publisher=publisher or Publisher(), actor=SYSTEM
        )


def _check_status(version: Version, *, mode: Mode, live: bool) -> None:
    """A draft made under other circumstances never becomes a real alert."""
    status = version.body.status
    if status == "Actual" and not (mode is Mode.ACTUAL and live):
        raise RuleViolation(
            f"warning {version.warning_id} v{version.version} was drafted as Actual; mode {mode}, "
            f"live {live} may not release it: run live in actual mode, or draft it again"
        )


def _may_release(
    connection: Connection, version: Version, policy: ReleasePolicy, mode: Mode
) -> bool:
    """The firewall stands above policy: in actual mode an estimate needs people."""
    body = version.body
    if body.by_hand:
        alone = False
    elif body.official:
        alone = policy.official_releases_itself
    else:
        alone = policy.estimates_release_themselves and mode is not Mode.ACTUAL
    return alone or len(versions.approvers(connection, version)) >= policy.approvers


def approve(
    engine: Engine, ref: WarningRef, *, actor: str, at: datetime, content_hash: str
) -> tuple[str, ...]:
    """One person's yes to exactly this content. Returns everybody who has approved it.

    Raises:
        RuleViolation: another content than the one drafted, or no draft any more.
    """
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        if version.content_hash != content_hash:
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version}: you approve content {content_hash[:12]}, "
                f"the draft is {version.content_hash[:12]}; read it again"
            )
        if version.state not in PENDING:
            raise RuleViolation(f"{ref.warning_id} v{ref.version} is {version.state}, no draft")
        versions.add_approval(connection, version, actor=actor, at=at)
        note(connection, "warning.approve", version.ref, at=at, actor=actor, reason=content_hash)
        return versions.approvers(connection, version)
