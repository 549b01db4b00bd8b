"""Messages for the tests of channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from notify.channels.channel import Origin, Outgoing

NOW = datetime.now(UTC).replace(microsecond=0)
"""When the suite began: for what only wants some instant."""


def now() -> datetime:
    """The present, for what is judged by the clock of the wire: a suite takes minutes."""
    return datetime.now(UTC).replace(microsecond=0)


PAYLOAD: dict[str, Any] = {
    "title": "AWAS TSUNAMI",
    "body": "Pesisir Kab. Boalemo. Jauhi pantai SEKARANG.",
    "texts": {
        "id": {"title": "AWAS TSUNAMI", "body": "Pesisir Kab. Boalemo. Jauhi pantai SEKARANG."},
        "en": {"title": "TSUNAMI WARNING", "body": "Coast of Boalemo. Leave the beach NOW."},
    },
    "identifier": "kentongan-w-tsunami-v1",
    "state": "alert",
    "hazard": "tsunami",
    "level": 4,
    "status": "Actual",
    "districts": ["75.02.07", "75.02.08"],
    "url": "https://kentongan.example.invalid/warnings/w-tsunami",
    "cap_sha256": "ab" * 32,
}


def outgoing(address: str, *, payload: dict[str, Any] | None = None, **changes: Any) -> Outgoing:
    """An Awas tsunami that holds for an hour."""
    one = Outgoing(
        outbox_id=1,
        message_id="m",
        warning_id="w-tsunami",
        version=1,
        channel="push",
        recipient_id="r-1",
        address=address,
        text="Pesisir Kab. Boalemo. Jauhi pantai SEKARANG.",
        payload={**PAYLOAD, **(payload or {})},
        level=4,
        cap_status="Actual",
        origin=Origin("Actual"),
        not_after=now() + timedelta(hours=1),
        prio=0,
    )
    return replace(one, **changes)
