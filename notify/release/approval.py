"""Who may let a version go out: policy, or people who approved exactly what goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine

from kentongan.db import releases
from kentongan.errors import RuleViolation
from kentongan.life_cycle import Trigger
from kentongan.policy import ReleasePolicy
from kentongan.store import Store, sha256_hex
from kentongan.times import iso
from kentongan.transactions import writing
from kentongan.types import Mode, WarningState
from notify import versions
from notify.cap.files import named
from notify.cap.publisher import Publisher
from notify.life import PENDING, SYSTEM, close
from notify.release import quotas
from notify.release.binding import DIGITS, Bound
from notify.release.desk import Desk, require_later
from notify.release.publish import publish_alert
from notify.release.words import APPROVE, BREAK_GLASS, words_of
from notify.versions import Version, note
from notify.warning import ReleasedAlert, WarningRef

NOT_RELEASED = "its end came before its release"


@dataclass(frozen=True)
class _Way:
    """How a version may go out, and exactly what that covers."""

    how: str
    bound: Bound
    people: tuple[str, ...] = ()
    review_by: datetime | None = None


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
    coordinators: Mapping[str, str] | None = None,
) -> ReleasedAlert | None:
    """Make the version's CAP alert, if policy or enough people allow it.

    Called again it gives the same alert and the same bytes. None while people are missing
    or when the version is no longer a draft.

    Args:
        coordinators: coordinator_id -> adm2_code.

    Raises:
        RuleViolation: the content's status is not what this run may release, the clock jumped
            back, or the alert breaks a rule of CAP.
    """
    desk = Desk(policy, mode, publisher or Publisher(), coordinators or {})
    with writing(engine) as connection:
        versions.lock(connection, ref.warning_id)
        version = versions.get(connection, ref.warning_id, ref.version)
        done = versions.alert_of(connection, version.ref)
        if done is not None:
            return done
        if version.state not in PENDING:
            return None
        require_later(version, at)
        if _ran_out(connection, version, desk, at):
            return None
        way = _way(connection, version, desk, at)
        if way is None:
            return None
        _check_status(version, mode=mode, live=live)
        return _publish(connection, store, version, way, desk, at)


def _ran_out(connection: Connection, version: Version, desk: Desk, at: datetime) -> bool:
    if version.body.expires <= at:
        close(connection, version.warning_id, Trigger.EXPIRE, at=at, reason=NOT_RELEASED)
        return True
    if desk.runs_out(version) > at:
        return False
    reason = f"no release within {desk.policy.approval.draft_minutes:g} minutes"
    # The draft alone: what it would have changed stays in force.
    version.add_state(connection, WarningState.EXPIRED, at=at, actor=SYSTEM, reason=reason)
    note(connection, "warning.expired", version.ref, at=at, actor=SYSTEM, reason=reason)
    return True


def _way(connection: Connection, version: Version, desk: Desk, at: datetime) -> _Way | None:
    """The firewall stands above policy: `kentongan.release_policy.requirement`."""
    excess = ""
    if desk.requirement(version).itself:
        bound = desk.bind(connection, version, at)
        excess = quotas.exceeded(connection, version, bound, desk.policy.quota, at)
        if not excess:
            return _Way("policy", bound)
        quotas.hold(connection, version, excess, at)
    return _by_people(connection, version, desk, at, by_people=bool(excess))


def _by_people(
    connection: Connection, version: Version, desk: Desk, at: datetime, *, by_people: bool
) -> _Way | None:
    words = words_of(connection, version)
    if not words.people:
        return None
    bound = desk.bind(connection, version, at)
    digest, valid = bound.binding.digest, desk.oldest_approval
    people = words.standing(digest, at=at, valid=valid)
    need = desk.requirement(version, recipients=bound.binding.recipients, by_people=by_people)
    if len(people) >= need.people:
        return _Way("approved", bound, people)
    glass = words.broken_glass(digest, at=at, valid=valid)
    if glass is None or desk.may_break_glass(version, at):
        return None
    review_by = at + timedelta(minutes=desk.policy.break_glass.review_minutes)
    return _Way("break-glass", bound, (glass.actor,), review_by)


def _check_status(version: Version, *, mode: Mode, live: bool) -> None:
    """A draft made under other circumstances never becomes a real alert."""
    status = version.body.status
    if status == "Actual" and not (mode is Mode.ACTUAL and live):
        raise RuleViolation(
            f"warning {version.warning_id} v{version.version} was drafted as Actual; mode {mode}, "
            f"live {live} may not release it: run live in actual mode, or draft it again"
        )


def _publish(
    connection: Connection, store: Store, version: Version, way: _Way, desk: Desk, at: datetime
) -> ReleasedAlert:
    binding = way.bound.binding
    said: dict[str, object] = {
        "warning_id": version.warning_id,
        "version": version.version,
        "how": way.how,
        "binding": binding.digest,
        "people": list(way.people),
        "recipients": binding.recipients,
    }
    alert = publish_alert(
        connection, store, version, at=at, publisher=desk.publisher, actor=SYSTEM, said=said
    )
    bound = named(way.bound.cap, version, alert.identifier)
    if alert.unsigned_sha256 != sha256_hex(bound):
        raise RuleViolation(
            f"{version.warning_id} v{version.version}: the document differs from what was bound "
            f"({binding.digest[:DIGITS]}); it is not released"
        )
    connection.execute(
        releases.insert().values(
            warning_id=version.warning_id,
            version=version.version,
            how=way.how,
            binding=binding.digest,
            recipients=binding.recipients,
            messages=binding.total,
            provinces=list(quotas.provinces(version)),
            at=iso(at),
            review_by=iso(way.review_by) if way.review_by else None,
        )
    )
    return alert


def approve(
    engine: Engine, ref: WarningRef, *, actor: str, binding: str, at: datetime, desk: Desk
) -> tuple[str, ...]:
    """One person's yes to exactly what would go out now. Returns everybody whose yes holds.

    The same yes twice is one; one that got old may be said again.

    Args:
        binding: the digest that the person read, its first `DIGITS` characters at least.

    Raises:
        RuleViolation: something of it changed, no draft any more, the clock jumped back, or the
            author approves alone where two people are asked for.
    """
    with writing(engine) as connection:
        version, bound = look_again(connection, ref, binding, at, desk)
        words, valid = words_of(connection, version), desk.oldest_approval
        need = desk.requirement(version, recipients=bound.binding.recipients)
        if actor in words.authors and need.people > 1:
            raise RuleViolation(
                f"{actor} wrote {ref.warning_id} v{ref.version}: another person must approve it"
            )
        digest = bound.binding.digest
        if actor not in words.standing(digest, at=at, valid=valid):
            versions.add_approval(
                connection, version, actor=actor, at=at, kind=APPROVE, binding=digest
            )
            note(connection, "warning.approve", version.ref, at=at, actor=actor, reason=digest)
        return words_of(connection, version).standing(digest, at=at, valid=valid)


def break_glass(
    engine: Engine,
    ref: WarningRef,
    *,
    actor: str,
    binding: str,
    reason: str,
    at: datetime,
    desk: Desk,
) -> None:
    """One person's word that this must go out now; a second one must look at it afterwards.

    Raises:
        RuleViolation: as `approve`; not allowed, not near enough, or no reason.
    """
    with writing(engine) as connection:
        version, bound = look_again(connection, ref, binding, at, desk)
        why_not = desk.may_break_glass(version, at)
        if why_not or not reason.strip():
            raise RuleViolation(
                f"{ref.warning_id} v{ref.version}: {why_not or 'say why in one line: --reason'}"
            )
        versions.add_approval(
            connection, version, actor=actor, at=at, kind=BREAK_GLASS,
            binding=bound.binding.digest, reason=reason,
        )  # fmt: skip
        note(connection, "warning.break-glass", version.ref, at=at, actor=actor, reason=reason)


def look_again(
    connection: Connection, ref: WarningRef, binding: str, at: datetime, desk: Desk
) -> tuple[Version, Bound]:
    """The version as it is, and what it would send now, seen to be what the person read."""
    versions.lock(connection, ref.warning_id)
    version = versions.get(connection, ref.warning_id, ref.version)
    name = f"{ref.warning_id} v{ref.version}"
    if version.state not in PENDING:
        raise RuleViolation(f"{name} is {version.state}, no draft")
    require_later(version, at)
    if desk.runs_out(version) <= at:
        raise RuleViolation(f"{name} ran out at {iso(desk.runs_out(version))}: no draft any more")
    bound = desk.bind(connection, version, at)
    found = bound.binding.digest
    if len(binding) < DIGITS or not found.startswith(binding):
        raise RuleViolation(
            f"{name}: you name {binding[:DIGITS]!r}, and what would go out now is "
            f"{found[:DIGITS]} ({bound.binding.recipients} recipients); read it again: "
            f"kentongan warning show {ref.warning_id}"
        )
    return version, bound
