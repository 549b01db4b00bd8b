"""A warning as the world gets it: its CAP alerts in order, with the SMS that go with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, select

from kentongan.db import messages
from kentongan.errors import DataError
from kentongan.store import Store
from notify import versions
from notify.cap import Alert, parse
from notify.cap.public import released_bytes
from notify.cap.rules import check, check_thread, errors_of
from notify.cap.rules.finding import Finding
from notify.warning import ReleasedAlert


@dataclass(frozen=True)
class Link:
    """One alert of a thread."""

    released: ReleasedAlert
    alert: Alert
    xml: bytes
    action: str
    reason: str
    sms: tuple[str, ...]
    """Texts for residents, most urgent first."""
    findings: tuple[Finding, ...]


def thread(engine: Engine, store: Store, warning_id: str) -> list[Link]:
    """Every released alert of a warning, oldest first, judged alone and together.

    Raises:
        DataError: no alert of it was released, or a document was changed since.
    """
    with engine.connect() as connection:
        released = versions.alerts_of(connection, warning_id)
        if not released:
            raise DataError(
                f"warning {warning_id!r}: nothing of it was released; see: kentongan warning list"
            )
        documents = {r.identifier: released_bytes(store, r.path, r.sha256) for r in released}
        together = check_thread(documents)
        return [
            _link(connection, r, documents[r.identifier], together.get(r.identifier, []))
            for r in released
        ]


def _link(
    connection: Connection, released: ReleasedAlert, xml: bytes, together: list[Finding]
) -> Link:
    body = versions.get(connection, released.warning_id, released.version).body
    return Link(
        released=released,
        alert=parse(xml),
        xml=xml,
        action=body.action,
        reason=body.reason,
        sms=_sms(connection, released),
        findings=(*check(xml), *together),
    )


def _sms(connection: Connection, released: ReleasedAlert) -> tuple[str, ...]:
    query = (
        select(messages.c.text)
        .where(
            messages.c.warning_id == released.warning_id,
            messages.c.version == released.version,
            messages.c.channel == "sms",
            messages.c.purpose.not_in(("readiness", "gap", "task")),
        )
        .order_by(messages.c.level.desc(), messages.c.area_code)
    )
    return tuple(dict.fromkeys(connection.execute(query).scalars()))


def as_document(links: list[Link]) -> list[dict[str, Any]]:
    return [
        {
            "identifier": link.released.identifier,
            "version": link.released.version,
            "msg_type": link.alert.msg_type,
            "action": link.action,
            "status": link.alert.status,
            "sent": link.released.sent,
            "expires": link.released.expires,
            "references": (link.alert.references or "").split(),
            "sms": list(link.sms),
            "cap": link.released.path,
            "sha256": link.released.sha256,
            "errors": [f"{f.rule}: {f.message}" for f in errors_of(link.findings)],
        }
        for link in links
    ]


def report(links: list[Link], *, xml: bool) -> str:
    lines: list[str] = []
    for number, link in enumerate(links, 1):
        lines += [*_head(number, len(links), link), *_infos(link.alert)]
        lines += [f"   SMS ({len(text)}) {text}" for text in link.sms]
        errors = errors_of(link.findings)
        lines += [f"   ERROR {f.rule}: {f.message}" for f in errors]
        if not errors:
            lines.append("   valid by every rule of CAP, alone and in its thread")
        if xml:
            lines += ["", link.xml.decode()]
        lines.append("")
    return "\n".join(lines)


def _head(number: int, count: int, link: Link) -> list[str]:
    released, alert = link.released, link.alert
    end = " ALL CLEAR" if link.action == "all-clear" else ""
    kind = f"{alert.msg_type.upper()}{end}"
    lines = [
        f"{number}/{count} {kind}, {alert.status}, sent {released.sent}, until {released.expires}",
        f"   {released.identifier}",
        f"   because: {link.reason}",
    ]
    triplets = (alert.references or "").split()
    return [*lines, *(f"   refers to {triplet.split(',')[1]}" for triplet in triplets)]


def _infos(alert: Alert) -> list[str]:
    lines = []
    for info in alert.infos:
        ranks = f"{info.urgency}/{info.severity}/{info.certainty}"
        response = ",".join(info.response_types)
        lines.append(f"   {info.language} {ranks} {response}: {info.headline}")
        if info.language.startswith("id"):
            lines += [f"      {area.description}" for area in info.areas[:_SHOWN]]
            more = len(info.areas) - _SHOWN
            lines += [f"      and {more} more areas"] if more > 0 else []
    return lines


_SHOWN = 8
"""Areas that are named; the document has all."""
