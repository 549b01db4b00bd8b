"""A released version → the messages that go out, and to whom. Pure.

| action | residents | coordinators |
|---|---|---|
| alert, update | of the told villages, SMS and push | readiness SMS; next door: the gap |
| renew | of all warned villages, push alone | - |
| all-clear, cancel | of everybody ever warned, SMS and push | the same text by SMS, |
| | | also to all who had a task of it |

BPBD of a regency gets the gap of its own people with an alert or an update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypedDict

from notify.cap.publisher import Publisher
from notify.firewall.gate import require_marked
from notify.sending import urgency
from notify.warning import AreaGroup, WarningBody, WarningRef, Wording
from notify.wording import gsm7
from notify.wording.language import FALLBACK
from notify.wording.texts import push_payload

Role = Literal["resident", "coordinator", "official", "topic"]
"""Of the recipients; a topic stands for all who listen to it."""


class _Risk(TypedDict):
    onset: timedelta | None
    people: int | None


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
    language: str = FALLBACK
    """Of the residents who get it; the fallback's goes to all who have no text in their own."""
    role: Role = "resident"
    """Of those named by `recipient_ids`: coordinators, or topics (`notify.sending.broadcast`)."""


def messages_for(
    ref: WarningRef,
    body: WarningBody,
    *,
    publisher: Publisher,
    coordinators: Mapping[str, str],
    asked: Mapping[str, str] | None = None,
    offices: Mapping[str, Sequence[str]] | None = None,
) -> list[Message]:
    """Every message of a version.

    Args:
        coordinators: coordinator_id -> adm2_code of the regency that they coordinate.
        asked: coordinator_id -> adm2_code of a place about which this warning has written to
            them before; an end reaches them wherever they coordinate.
        offices: adm2_code -> people of the regency's disaster agency (BPBD), who are told of
            those whom nobody reaches in time.

    Raises:
        RuleViolation: a stored text does not carry the mark of its status.
    """
    made: list[Message] = []
    if body.is_end:
        coordinators = _with_asked(body, coordinators, asked or {})
    for group in body.groups:
        made.extend(_residents(ref, body, group, publisher))
        made.extend(_readiness(ref, body, group, coordinators))
        made.extend(_gap(ref, body, group, coordinators))
        made.extend(_to_bpbd(ref, body, group, (offices or {}).get(group.adm2_code, ())))
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
    told = group.codes if body.action == "renew" else group.told
    if not told:
        return []
    made: list[Message] = []
    for number, said in enumerate(_said(group, told)):
        payload = push_payload(
            body,
            group,
            warning_id=ref.warning_id,
            version=ref.version,
            url=publisher.page(ref.warning_id),
            said={"title": said.push_title, "body": said.push_body},
            villages=said.villages,
        )
        if body.action != "renew":
            made.append(_message(ref, body, group, "sms", said, None, number))
        made.append(_message(ref, body, group, "push", said, payload, number))
    return made


def _said(group: AreaGroup, told: tuple[str, ...]) -> list[Wording]:
    """What is said in the group, each with its villages among those told; no village twice in
    one language."""
    own = Wording(
        language=FALLBACK,
        sms=group.sms,
        push_title=group.push_title,
        push_body=group.push_body,
    )
    every = [own, *group.wordings]
    named: dict[str, set[str]] = {}
    for one in every:
        named.setdefault(one.language, set()).update(one.villages)
    wanted = set(told)
    found = []
    for one in every:
        own_words = tuple(code for code in one.villages if code in wanted)
        rest = tuple(code for code in told if code not in named[one.language])
        villages = own_words if one.villages else rest
        if villages:
            found.append(one.model_copy(update={"villages": villages}))
    return found


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
            prio=urgency.prio(_readiness_class(body, group), "sms", **_risk(body, group)),
            text=group.readiness,
            payload=None,
            recipient_ids=people,
            role="coordinator",
        )
    ]


def _gap(
    ref: WarningRef, body: WarningBody, group: AreaGroup, coordinators: Mapping[str, str]
) -> list[Message]:
    """To the coordinators next door: how many people are left without a team here.

    One message a coordinator and version: that of the highest level. All gaps stand in the
    document of the cycle and in `warning show`.
    """
    near = set(group.neighbours)
    people = tuple(sorted(c for c, adm2 in coordinators.items() if adm2 in near))
    if not group.gap or not people:
        return []
    key = f"{ref.identifier}/gap/{group.adm2_code}/{group.level}"
    return [
        Message(
            message_id=key,
            alert_version=f"{ref.identifier}/gap",
            purpose="gap",
            channel="sms",
            area_code=group.adm2_code,
            level=_weight(body, group),
            prio=urgency.prio(urgency.Class.READINESS, "sms", **_risk(body, group)),
            text=group.gap,
            payload=None,
            recipient_ids=people,
            role="coordinator",
        )
    ]


def _to_bpbd(
    ref: WarningRef, body: WarningBody, group: AreaGroup, people: Sequence[str]
) -> list[Message]:
    if not group.bpbd or not people:
        return []
    key = f"{ref.identifier}/bpbd/{group.adm2_code}/{group.level}"
    urgency_ = urgency.class_of(group.level)
    return [
        Message(
            message_id=key,
            alert_version=key,
            purpose="gap",
            channel="sms",
            area_code=group.adm2_code,
            level=_weight(body, group),
            prio=urgency.prio(urgency_, "sms", **_risk(body, group)),
            text=group.bpbd,
            payload=None,
            recipient_ids=tuple(people),
            role="official",
        )
    ]


def _message(
    ref: WarningRef,
    body: WarningBody,
    group: AreaGroup,
    channel: str,
    said: Wording,
    payload: dict[str, Any] | None,
    number: int,
) -> Message:
    """`number` tells the group's wordings apart; the first has the plain name."""
    tail = f"/{said.language}{number}" if number else ""
    return Message(
        message_id=f"{ref.identifier}/{channel}/{group.adm2_code}/{group.level}{tail}",
        alert_version=ref.identifier,
        purpose="all-clear" if body.is_end else "alert",
        channel=channel,
        area_code=group.adm2_code,
        level=_weight(body, group),
        prio=prio_of(body, group, channel),
        text=said.sms if channel == "sms" else said.push_body,
        payload=payload,
        villages=said.villages,
        language=said.language,
    )


def _weight(body: WarningBody, group: AreaGroup) -> int:
    """An end weighs as much as what it ends."""
    return group.level or body.previous_level


def prio_of(body: WarningBody, group: AreaGroup, channel: str) -> int:
    """Of a message to the people of a group (`notify.sending.urgency`)."""
    return urgency.prio(_class(body, group), channel, **_risk(body, group))


def _class(body: WarningBody, group: AreaGroup) -> urgency.Class:
    renews = body.action == "renew"
    return urgency.class_of(group.level, is_end=body.is_end, renews=renews)


def _readiness_class(body: WarningBody, group: AreaGroup) -> urgency.Class:
    """Coordinators of a Waspada wait for the residents; those of Siaga and Awas do not."""
    own = _class(body, group)
    return urgency.Class.READINESS if own is urgency.Class.WASPADA else own


def _risk(body: WarningBody, group: AreaGroup) -> _Risk:
    """How near and how many, as known when the version was made; nobody counted is not known."""
    onset = urgency.time_to(group.arrival or body.onset, body.valid_from)
    return {"onset": onset, "people": group.exposed_people or None}


def parts_of(channel: str, text: str) -> int:
    """SMS that a text takes; 1 on every other channel.

    160 septets or 70 UTF-16 units alone, 153 or 67 with the header that joins parts (3GPP TS
    23.040); an escaped character or a surrogate pair is never cut in two.
    """
    if channel != "sms":
        return 1
    plain = all(c in gsm7.BASIC or c in gsm7.EXTENSION for c in text)
    alone, joined = (gsm7.ONE_PART, 153) if plain else (70, 67)
    sizes = [2 if (c in gsm7.EXTENSION if plain else ord(c) > 0xFFFF) else 1 for c in text]
    if sum(sizes) <= alone:
        return 1
    parts, room = 1, joined
    for size in sizes:
        if size > room:
            parts, room = parts + 1, joined
        room -= size
    return parts
