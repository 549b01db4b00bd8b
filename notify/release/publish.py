"""The moment of release: CAP bytes, their check, their place, and the states they set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from kentongan import audit
from kentongan.db import alerts
from kentongan.errors import RuleViolation
from kentongan.store import Store, sha256_hex
from kentongan.times import parse_instant
from kentongan.types import WarningState
from notify import versions
from notify.cap import Alert, format_time, to_xml
from notify.cap.alert import build
from notify.cap.files import free_identifier, identifier_of, keep, signed
from notify.cap.publisher import Publisher
from notify.cap.rules.check import check_own
from notify.versions import Version
from notify.warning import ReleasedAlert
from notify.wording.verdict import require_linted


def publish_alert(
    connection: Connection,
    store: Store,
    version: Version,
    *,
    at: datetime,
    publisher: Publisher,
    actor: str,
    said: Mapping[str, object] | None = None,
) -> ReleasedAlert:
    """Write the alert and its rows inside the caller's transaction.

    Args:
        said: what the audit says beside it.

    Raises:
        RuleViolation: the document breaks an error rule of `notify.cap.rules`, or the words are
            not proved to fit every area. Neither keeps an end from going out.
    """
    if not version.body.is_end:
        require_linted(publisher.layers)
    earlier = versions.alerts_of(connection, version.warning_id)
    older = versions.newest_released(connection, version.warning_id)
    alert = build(
        version.body,
        identifier=free_identifier(store, version),
        warning_id=version.warning_id,
        sent=at.replace(microsecond=0),
        references=[_triplet(a) for a in _referred(earlier, at, version)],
        publisher=publisher,
    )
    plain = to_xml(alert)
    faults = _faults(alert.identifier, plain)
    if faults and not (version.body.is_end or version.body.holds_nowhere):
        raise RuleViolation(f"{faults}; it is not released")
    signing = signed(plain, publisher, at)
    path = keep(store, alert.identifier, signing.xml)
    released = _record(connection, version, alert, path=path, plain=plain, xml=signing.xml)
    doubts = {"signature": signing.doubt, "cap_errors": faults}
    said = {**(said or {}), **{name: text for name, text in doubts.items() if text}}
    _advance(connection, version, released, older, at=at, actor=actor, said=said)
    return released


def proof(
    version: Version,
    *,
    publisher: Publisher,
    sent: datetime | None = None,
    references: Sequence[str] = (),
) -> bytes:
    """The unsigned document of a draft: the same version and publisher give the same bytes.

    Args:
        sent: the instant that it is rendered for; none: when the version was made.
        references: `sender,identifier,sent` of each alert that it would refer to.
    """
    alert = build(
        version.body,
        identifier=identifier_of(version),
        warning_id=version.warning_id,
        sent=(sent or parse_instant(version.created_at)).replace(microsecond=0),
        references=references,
        publisher=publisher,
    )
    return to_xml(alert)


def references_of(connection: Connection, version: Version, at: datetime) -> list[str]:
    """What the version's alert would refer to if it went out at `at`."""
    earlier = versions.alerts_of(connection, version.warning_id)
    return [_triplet(a) for a in _referred(earlier, at, version)]


def _referred(earlier: list[ReleasedAlert], at: datetime, version: Version) -> list[ReleasedAlert]:
    """Every earlier alert that has not expired; at least the newest. None for a new Alert."""
    if version.body.action == "alert":
        return []
    in_force = [a for a in earlier if datetime.fromisoformat(a.expires) > at]
    return in_force or earlier[-1:]


def _triplet(alert: ReleasedAlert) -> str:
    return f"{alert.sender},{alert.identifier},{alert.sent}"


def _faults(identifier: str, xml: bytes) -> str:
    """The errors of the document in one line; empty: none."""
    errors = check_own(xml)
    if not errors:
        return ""
    first = errors[0]
    return (
        f"alert {identifier}: {len(errors)} CAP errors, first {first.rule} in line "
        f"{first.line}: {first.message}"
    )


def _record(
    connection: Connection, version: Version, alert: Alert, *, path: str, plain: bytes, xml: bytes
) -> ReleasedAlert:
    released = ReleasedAlert(
        identifier=alert.identifier,
        warning_id=version.warning_id,
        version=version.version,
        sender=alert.sender,
        sent=format_time(alert.sent),
        expires=format_time(alert.infos[0].expires or alert.sent),
        path=path,
        sha256=sha256_hex(xml),
        unsigned_sha256=sha256_hex(plain),
    )
    connection.execute(alerts.insert().values(**vars(released)))
    return released


def _advance(
    connection: Connection,
    version: Version,
    released: ReleasedAlert,
    older: Version | None,
    *,
    at: datetime,
    actor: str,
    said: Mapping[str, object],
) -> None:
    ref = version.ref
    if older is not None and older.state == WarningState.RELEASED:
        older.add_state(connection, WarningState.SUPERSEDED, at=at, actor=actor)
    states = [WarningState.APPROVED, WarningState.RELEASED]
    if version.body.holds_nowhere:
        taken_back = version.body.action == "cancel"
        states.append(WarningState.CANCELLED if taken_back else WarningState.ENDED)
    for state in states:
        versions.add_state(connection, ref, state, at=at, actor=actor, reason=version.body.reason)
    content = {
        "identifier": released.identifier,
        "sha256": released.sha256,
        "content_hash": version.content_hash,
        "approvers": list(versions.approvers(connection, version)),
        "status": version.body.status,
        **said,
    }
    audit.append(connection, at=at, actor=actor, action="warning.release", body=content)
