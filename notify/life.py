"""The life of a warning: draft → approved → released → superseded, ended, cancelled, expired.

Versions and states are only ever added. What goes out is bound: policy or people release
exactly the content that was drafted, once, and an alert's bytes never change.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection, Engine

from kentongan import audit
from kentongan.decision import Action, Decision, Standing
from kentongan.errors import RuleViolation
from kentongan.hazard import HazardEvent
from kentongan.policy import ReleasePolicy
from kentongan.store import Store
from kentongan.types import HazardId, Mode, WarningState
from notify import versions
from notify.apart import keep_apart, said
from notify.areas import Geometry
from notify.compose import compose, compose_end
from notify.firewall import cap_status, document_status
from notify.publisher import Publisher
from notify.release import publish_alert
from notify.transactions import writing
from notify.versions import Version
from notify.warning import (
    ReleasedAlert,
    WarningBody,
    WarningRef,
    content_hash,
    warning_id_of,
)

if TYPE_CHECKING:
    import pandas as pd

SYSTEM = "kentongan"
END_VALID = timedelta(hours=2)
"""An end is repeated by others for as long as its CAP document is valid."""
NOT_RELEASED = "its end came before its release"
_PENDING = (WarningState.DRAFT, WarningState.APPROVED)
_CLOSED = (WarningState.ENDED, WarningState.EXPIRED, WarningState.CANCELLED)


def draft(
    engine: Engine,
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    geometry: Geometry | None = None,
    unresolved: Sequence[str] = (),
) -> WarningRef | None:
    """Write what the decision asks for as a new version, in state draft.

    The same content twice is one version. EXPIRE adds a state and no version; an all-clear
    before any release withdraws the draft. None where nothing new is to go out.

    Raises:
        RuleViolation: a test or exercise document in actual mode, or a version that would
            mix exercise and reality in one warning; nothing is written.
    """
    if decision.action is Action.NONE:
        return None
    status = cap_status(
        mode,
        live=live,
        status=document_status(event.status, *said(event)),
        re_creation=event.re_creation,
    )
    warning_id = warning_id_of(event.event_id)
    with writing(engine) as connection:
        versions.lock(connection, warning_id)
        keep_apart(connection, warning_id, status, decision.action)
        if decision.action is Action.EXPIRE:
            _close(connection, warning_id, WarningState.EXPIRED, at=at, reason=decision.reason)
            return None
        before = versions.newest_released(connection, warning_id)
        if decision.action is Action.ALL_CLEAR and before is None:
            _close(connection, warning_id, WarningState.CANCELLED, at=at, reason=decision.reason)
            return None
        body = compose(
            decision,
            event,
            impact,
            areas,
            at=at,
            status=status,
            before=before.body if before else None,
            geometry=geometry,
            unresolved=unresolved,
        )
        return _add(connection, warning_id, body, at=at, actor=SYSTEM)


def _add(
    connection: Connection, warning_id: str, body: WarningBody, *, at: datetime, actor: str
) -> WarningRef:
    newest = versions.newest(connection, warning_id)
    digest = content_hash(body)
    if newest and newest.state in _PENDING:
        if newest.content_hash == digest:
            return newest.ref
        newest.add_state(connection, WarningState.SUPERSEDED, at=at, actor=actor)
    version = newest.version + 1 if newest else 1
    ref = WarningRef(warning_id, version, digest, body.action)
    versions.insert(connection, ref, body, at=at)
    versions.add_state(connection, ref, WarningState.DRAFT, at=at, actor=actor, reason=body.reason)
    _note(connection, "warning.draft", ref, at=at, actor=actor, reason=body.reason)
    return ref


def _close(
    connection: Connection, warning_id: str, state: WarningState, *, at: datetime, reason: str
) -> None:
    newest = versions.newest(connection, warning_id)
    if newest is None or newest.state in _CLOSED:
        return
    newest.add_state(connection, state, at=at, actor=SYSTEM, reason=reason)
    released = versions.newest_released(connection, warning_id)
    if released and released.state == WarningState.RELEASED:
        released.add_state(connection, state, at=at, actor=SYSTEM, reason=reason)
    _note(connection, f"warning.{state}", newest.ref, at=at, actor=SYSTEM, reason=reason)


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
        if version.state not in _PENDING:
            return None
        if version.body.expires <= at:
            _close(connection, ref.warning_id, WarningState.EXPIRED, at=at, reason=NOT_RELEASED)
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
        if version.state not in _PENDING:
            raise RuleViolation(f"{ref.warning_id} v{ref.version} is {version.state}, no draft")
        versions.add_approval(connection, version, actor=actor, at=at)
        _note(connection, "warning.approve", version.ref, at=at, actor=actor, reason=content_hash)
        return versions.approvers(connection, version)


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
            _note(connection, "warning.cancel", newest.ref, at=at, actor=actor, reason=reason)
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
    newest = versions.newest(connection, warning_id)
    if newest is None:
        raise RuleViolation(f"warning {warning_id}: none of that name; see 'warning list'")
    if newest.state in _CLOSED:
        raise RuleViolation(f"warning {warning_id} is {newest.state} already")
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
    ref = _add(connection, newest.warning_id, body, at=at, actor=actor)
    version = versions.get(connection, ref.warning_id, ref.version)
    versions.add_approval(connection, version, actor=actor, at=at)
    return ref


def _note(
    connection: Connection, action: str, ref: WarningRef, *, at: datetime, actor: str, reason: str
) -> None:
    content = {
        "warning_id": ref.warning_id,
        "version": ref.version,
        "content_hash": ref.content_hash,
        "reason": reason,
    }
    audit.append(connection, at=at, actor=actor, action=action, body=content)


def standing(engine: Engine, event_id: str) -> Standing | None:
    """The newest version of an event's warning, with everybody whom a release reached."""
    with engine.connect() as connection:
        newest = versions.newest(connection, warning_id_of(event_id))
        if newest is None:
            return None
        released = versions.newest_released(connection, newest.warning_id)
    return Standing(
        warning_id=newest.warning_id,
        version=newest.version,
        state=newest.state,
        levels=newest.body.levels,
        ever_warned=released.body.ever_warned if released else (),
        expires=newest.body.expires,
        observations=newest.body.observations,
        valid_from=newest.body.valid_from,
    )


def active_warnings(engine: Engine, at: datetime) -> list[Version]:
    """The released versions in force at `at`: neither ended nor past their end."""
    with engine.connect() as connection:
        found = versions.in_state(connection, WarningState.RELEASED)
    return [version for version in found if version.body.expires > at]
