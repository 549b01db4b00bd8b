"""A released version → one message for each topic: sirens, the app's areas, staff. Pure.

A topic stands for all who listen to it, and we do not know who they are: the app asks for the topic
of its district by itself, so no location of anybody is kept here.

| channel | recipient | address | says |
|---|---|---|---|
| mqtt | `mqtt:75.02.07` | `id/75/02/07` | the state of one warning in a district |
| fcm | `fcm:adm3-750207`, `fcm:adm2-7502` | `adm3-750207`, … | the same, in a district or regency |
| staff | `staff:<name>` | `<name>` of the routes file | what was released |

A topic gets the highest level of its villages, also of those that are told nothing now, so an
end for one village never silences the siren of a district that is still in danger.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from kentongan.db import insert_ignore, recipients
from kentongan.times import iso
from notify.cap.publisher import Publisher
from notify.firewall.gate import require_marked
from notify.sending import urgency
from notify.sending.messages import Message, prio_of
from notify.versions import Version
from notify.warning import AreaGroup, ReleasedAlert, WarningBody, WarningRef
from notify.wording.language import FALLBACK

CHANNELS = ("mqtt", "fcm", "staff")
PURPOSE = "broadcast"
"""Of a state that is said again and again: no limit per person holds it back."""
_DISTRICT, _REGENCY = 8, 5
"""Characters of a dotted code."""


@dataclass(frozen=True)
class Broadcasts:
    """Which of them this deployment has."""

    channels: frozenset[str] = frozenset()
    staff: tuple[str, ...] = ()
    """Names of the people on duty in the routes file."""


NO_BROADCASTS = Broadcasts()


def broadcasts_of(routes_file: Path | None) -> Broadcasts:
    """Those of a routes file; none where it cannot be read: `kentongan dispatch` says why."""
    if routes_file is None:
        return NO_BROADCASTS
    try:
        tables = tomllib.loads(routes_file.read_text(encoding="utf-8")).get("route", [])
    except (OSError, ValueError):
        return NO_BROADCASTS
    found = [one for one in tables if isinstance(one, dict) and one.get("kind") in CHANNELS]
    names = [str(n) for one in found if one["kind"] == "staff" for n in one.get("names", ())]
    return Broadcasts(frozenset(str(one["kind"]) for one in found), tuple(dict.fromkeys(names)))


def messages_for_topics(
    connection: Connection,
    version: Version,
    alert: ReleasedAlert,
    publisher: Publisher,
    *,
    at: datetime,
) -> list[Message]:
    """Those of a released version, with a recipient for each topic that it is the first to concern.

    Raises:
        RuleViolation: as `broadcast_messages`.
    """
    to = broadcasts_of(publisher.routes_file)
    made = broadcast_messages(
        version.ref, version.body, to=to, publisher=publisher, cap_sha256=alert.sha256
    )
    ensure_topics(connection, made, created_at=iso(at))
    return made


def broadcast_messages(
    ref: WarningRef,
    body: WarningBody,
    *,
    to: Broadcasts,
    publisher: Publisher,
    cap_sha256: str,
) -> list[Message]:
    """One message a group and channel, its topics as recipients.

    Args:
        cap_sha256: of the alert's bytes as they are served, so that an app can prove what it loads.

    Raises:
        RuleViolation: a stored text does not carry the mark of its status.
    """
    made: list[Message] = []
    for channel in ("mqtt", "fcm"):
        if channel in to.channels:
            made.extend(_areas(ref, body, channel, publisher, cap_sha256))
    if "staff" in to.channels and to.staff and body.action != "renew":
        made.append(_staff(ref, body, to.staff, publisher))
    for message in made:
        _require_marks(message, body.status)
    return made


def ensure_topics(connection: Connection, made: Iterable[Message], *, created_at: str) -> int:
    """Rows of `recipients` for topics that a warning concerns for the first time; how many."""
    rows = [
        {
            "recipient_id": one,
            "role": "topic",
            "adm4_code": code,
            "address": address_of(one),
            "language": FALLBACK,
            "synthetic": False,
            "by_sms": False,
            "by_push": True,
            "created_at": created_at,
        }
        for message in made
        if message.role == "topic"
        for one, code in ((topic, _code_of(topic)) for topic in message.recipient_ids)
    ]
    if not rows:
        return 0
    result = connection.execute(
        insert_ignore(connection, recipients), rows, execution_options={"preserve_rowcount": True}
    )
    return max(result.rowcount, 0)


def mqtt_topic(code: str) -> str:
    """Recipient of a district's sirens; `75.02.07` → `mqtt:75.02.07`."""
    return f"mqtt:{code}"


def fcm_topic(code: str) -> str:
    """`75.02.07` → `fcm:adm3-750207`."""
    return f"fcm:adm{code.count('.') + 1}-{code.replace('.', '')}"


def address_of(recipient_id: str) -> str:
    """What the channel is given as the address of a topic."""
    channel, _, name = recipient_id.partition(":")
    return f"id/{name.replace('.', '/')}" if channel == "mqtt" else name


def _code_of(recipient_id: str) -> str:
    """Its area's dotted code; empty for staff."""
    channel, _, name = recipient_id.partition(":")
    if channel == "mqtt":
        return name
    if channel != "fcm":
        return ""
    digits = name.partition("-")[2]
    return ".".join(digits[start : start + 2] for start in range(0, len(digits), 2))


def _areas(
    ref: WarningRef, body: WarningBody, channel: str, publisher: Publisher, cap_sha256: str
) -> Iterator[Message]:
    topics: dict[int, list[str]] = {}
    if channel == "mqtt":
        _collect(topics, group_of(body, _DISTRICT, holds=True), mqtt_topic)
    else:
        _collect(topics, group_of(body, _DISTRICT), fcm_topic)
        _collect(topics, group_of(body, _REGENCY), fcm_topic)
    for number, names in sorted(topics.items()):
        group = body.groups[number]
        payload = _payload(ref, body, group, publisher, cap_sha256)
        yield Message(
            message_id=f"{ref.identifier}/{channel}/{group.adm2_code}/{group.level}",
            alert_version=ref.identifier,
            purpose=PURPOSE,
            channel=channel,
            area_code=group.adm2_code,
            level=group.level or body.previous_level,
            prio=prio_of(body, group, channel),
            text=group.push_body,
            payload=payload,
            recipient_ids=tuple(sorted(names)),
            role="topic",
        )


def _collect(topics: dict[int, list[str]], groups: Mapping[str, int], name: Any) -> None:
    for code, number in groups.items():
        topics.setdefault(number, []).append(name(code))


def group_of(body: WarningBody, length: int, *, holds: bool = False) -> dict[str, int]:
    """Area code of `length` characters -> index of the group whose words it gets: the highest level
    that holds there.

    Args:
        holds: also areas where the warning holds on and nobody is told now, because what stands at
            the broker runs out with the version that it is of.
    """
    highest: dict[str, int] = {}
    spoken: set[str] = set()
    for number, group in enumerate(body.groups):
        all_of_it = body.action == "renew" or (holds and group.level > 0)
        spoken.update(code[:length] for code in (group.codes if all_of_it else group.told))
        for code in {code[:length] for code in group.codes}:
            known = highest.get(code)
            if known is None or group.level > body.groups[known].level:
                highest[code] = number
    return {code: number for code, number in sorted(highest.items()) if code in spoken}


def _payload(
    ref: WarningRef, body: WarningBody, group: AreaGroup, publisher: Publisher, cap_sha256: str
) -> dict[str, Any]:
    return {
        "title": group.push_title,
        "body": group.push_body,
        "texts": texts_of_group(group),
        "identifier": ref.identifier,
        "warning_id": ref.warning_id,
        "version": ref.version,
        "status": body.status,
        "state": "alert" if group.level else "ended",
        "hazard": str(body.hazard_id),
        "level": group.level,
        "onset": iso(group.arrival or body.onset),
        "expires": iso(body.expires),
        "districts": sorted({code[:_DISTRICT] for code in group.codes}),
        "url": publisher.page(ref.warning_id),
        "cap_sha256": cap_sha256,
    }


def texts_of_group(group: AreaGroup) -> dict[str, dict[str, str]]:
    """Language -> title and body; of a language's wordings the one that names no village."""
    found = {FALLBACK: {"title": group.push_title, "body": group.push_body}}
    for one in sorted(group.wordings, key=lambda wording: bool(wording.villages)):
        found.setdefault(one.language, {"title": one.push_title, "body": one.push_body})
    return found


def _staff(
    ref: WarningRef, body: WarningBody, names: tuple[str, ...], publisher: Publisher
) -> Message:
    first = body.groups[0]
    lines = [
        first.sms or first.push_body,
        f"{len(body.groups)} wilayah, {body.exposed_people} orang terdampak. "
        f"{ref.identifier}. {publisher.page(ref.warning_id)}",
    ]
    level = body.level or body.previous_level
    return Message(
        message_id=f"{ref.identifier}/staff",
        alert_version=ref.identifier,
        purpose=PURPOSE,
        channel="staff",
        area_code=first.adm2_code,
        level=level,
        prio=urgency.prio(urgency.class_of(level, is_end=body.is_end), "staff"),
        text="\n".join(lines),
        payload={"title": first.push_title or first.sms, "status": body.status},
        recipient_ids=tuple(f"staff:{name}" for name in names),
        role="topic",
    )


def _require_marks(message: Message, status: str) -> None:
    require_marked(message.text, status)
    payload = message.payload or {}
    for said in payload.get("texts", {}).values():
        for text in said.values():
            require_marked(text, status)
