"""A released version → the messages that go out, and to whom. Pure.

| action | residents | coordinators |
|---|---|---|
| alert, update | of the told villages, SMS and push | readiness SMS |
| renew | of all warned villages, push alone | - |
| all-clear, cancel | of everybody ever warned, SMS and push | the same text by SMS, |
| | | also to all who had a task of it |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kentongan.types import Level
from notify.firewall import require_marked
from notify.publisher import Publisher
from notify.texts import push_payload
from notify.warning import AreaGroup, WarningBody, WarningRef

# Lower goes first: Awas, Siaga and ends, Waspada, coordinators, renewals.
_PRIO_BY_LEVEL = {4: 0, 3: 1, 2: 2}
_PRIO_END = 1
_PRIO_READINESS = 3
_PRIO_RENEW = 4


@dataclass(frozen=True)
class Message:
    """One text for many: exactly one of `villages` and `recipient_ids` says for whom."""

    message_id: str
    alert_version: str
    """First part of the outbox's unique key."""
    purpose: str
    channel: str
    area_code: str
    level: int
    prio: int
    text: str
    payload: dict[str, Any] | None
    villages: tuple[str, ...] = ()
    recipient_ids: tuple[str, ...] = ()


def messages_for(
    ref: WarningRef,
    body: WarningBody,
    *,
    publisher: Publisher,
    coordinators: Mapping[str, str],
    asked: Mapping[str, str] | None = None,
) -> list[Message]:
    """Every message of a version.

    Args:
        coordinators: coordinator_id -> adm2_code of the regency that they coordinate.
        asked: coordinator_id -> adm2_code of a place about which this warning has written to
            them before; an end reaches them wherever they coordinate.

    Raises:
        RuleViolation: a stored text does not carry the mark of its status.
    """
    made: list[Message] = []
    if body.is_end:
        coordinators = _with_asked(body, coordinators, asked or {})
    for group in body.groups:
        made.extend(_residents(ref, body, group, publisher))
        made.extend(_readiness(ref, body, group, coordinators))
    for message in made:
        require_marked(message.text, body.status)
    return made


def _with_asked(
    body: WarningBody, coordinators: Mapping[str, str], asked: Mapping[str, str]
) -> dict[str, str]:
    """The coordinators with those asked from elsewhere, each at a place that is told."""
    regencies = [group.adm2_code for group in body.groups]
    merged = dict(coordinators)
    for person, regency in asked.items():
        if merged.get(person) not in regencies and regencies:
            merged[person] = regency if regency in regencies else regencies[0]
    return merged


def _residents(
    ref: WarningRef, body: WarningBody, group: AreaGroup, publisher: Publisher
) -> list[Message]:
    villages = group.codes if body.action == "renew" else group.told
    if not villages:
        return []
    payload = push_payload(
        body,
        group,
        warning_id=ref.warning_id,
        version=ref.version,
        url=publisher.page(ref.warning_id),
    )
    push = _message(ref, body, group, "push", group.push_body, payload, villages=villages)
    if body.action == "renew":
        return [push]
    return [_message(ref, body, group, "sms", group.sms, None, villages=villages), push]


def _readiness(
    ref: WarningRef, body: WarningBody, group: AreaGroup, coordinators: Mapping[str, str]
) -> list[Message]:
    people = tuple(sorted(c for c, adm2 in coordinators.items() if adm2 == group.adm2_code))
    if not group.readiness or not people:
        return []
    return [
        Message(
            message_id=f"{ref.identifier}/readiness/{group.adm2_code}/{group.level}",
            alert_version=f"{ref.identifier}/readiness",
            purpose="readiness" if not body.is_end else "all-clear",
            channel="sms",
            area_code=group.adm2_code,
            level=_weight(body, group),
            prio=_prio(body, group) if group.level != Level.WASPADA else _PRIO_READINESS,
            text=group.readiness,
            payload=None,
            recipient_ids=people,
        )
    ]


def _message(
    ref: WarningRef,
    body: WarningBody,
    group: AreaGroup,
    channel: str,
    text: str,
    payload: dict[str, Any] | None,
    *,
    villages: tuple[str, ...],
) -> Message:
    return Message(
        message_id=f"{ref.identifier}/{channel}/{group.adm2_code}/{group.level}",
        alert_version=ref.identifier,
        purpose="all-clear" if body.is_end else "alert",
        channel=channel,
        area_code=group.adm2_code,
        level=_weight(body, group),
        prio=_prio(body, group),
        text=text,
        payload=payload,
        villages=villages,
    )


def _weight(body: WarningBody, group: AreaGroup) -> int:
    """An end weighs as much as what it ends."""
    return group.level or body.previous_level


def _prio(body: WarningBody, group: AreaGroup) -> int:
    if body.is_end:
        return _PRIO_END
    if body.action == "renew":
        return _PRIO_RENEW
    return _PRIO_BY_LEVEL.get(group.level, _PRIO_READINESS)
