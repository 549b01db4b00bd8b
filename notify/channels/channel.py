"""What a channel is: it takes messages and answers one receipt for each, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from kentongan.types import OutboxState


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    """The other side took it. Not yet delivered."""
    RECORDED = "recorded"
    """Written to a file; no phone was reached."""
    REFUSED = "refused"
    """Certainly not sent, and a second try is useless."""
    RETRY = "retry"
    """Certainly not sent; try again later."""
    UNKNOWN = "unknown"
    """Sent, no answer."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What the tables say that stands behind a message; made by `notify.firewall.origin`."""

    status: str
    """CAP status on which every witness agrees; empty where they do not."""
    doubts: tuple[str, ...] = ()
    """Why it may not reach the public. Empty is the only answer that lets it go."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One row of the outbox with all that a channel needs."""

    outbox_id: int
    message_id: str
    warning_id: str
    version: int
    channel: str
    """`sms` or `push`."""
    recipient_id: str
    address: str
    text: str
    payload: dict[str, Any] | None
    level: int
    cap_status: str
    synthetic: bool = False
    """The recipient is made up."""
    origin: Origin | None = None
    """Looked up for public routes alone; None is never cleared."""
    not_after: datetime | None = None
    """When it must not arrive any more."""
    prio: int = 9
    """0 first."""
    part: int = 0
    parts: int = 1
    """Of a text that is longer than one SMS: `text` is the whole, `part` counts from 0."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a carrier says later of one part that it took."""

    route: str
    provider_id: str
    """Normalised as the route's `Receipt.provider_id` is."""
    state: OutboxState
    """DELIVERED, FAILED or UNKNOWN."""
    at: datetime
    detail: str = ""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message that somebody sent to us."""

    route: str
    provider_key: str
    """The carrier's id, or a hash of sender, text and minute: the same twice is one message."""
    sender: str
    """E.164, `+62…`; of Telegram `telegram:123…`."""
    text: str
    received_at: datetime
    medium: str = "sms"
    """`telegram` where the sender is no telephone number."""


class Sink(Protocol):
    """Where a channel puts what comes back. Both return after the commit, and raise where there
    was none: only then may the channel acknowledge."""

    def receipts(self, reports: Sequence[DeliveryReport]) -> None: ...

    def inbound(self, message: InboundMessage) -> None: ...

    def gone(self, message: Outgoing) -> None:
        """The other side says that this message's address does not exist any more (a push
        subscription, a token): it is dropped from the registry, unless it was renewed since."""


@dataclass(frozen=True, slots=True)
class Receipt:
    outcome: Outcome
    detail: str = ""
    """Never a full phone number."""
    provider_id: str | None = None
    counts: bool = True
    """Of RETRY: False where the other side was busy or away, which is no fault of the message."""
    retry_after_s: float | None = None
    """Of RETRY: the other side asked for so long a pause; None: our own schedule."""


class Channel(Protocol):
    """What the dispatcher sends through: the recorder, or a real channel behind its guard.

    It answers, or raises `DispatchError` when certainly nothing was sent.

    Any other exception leaves the window's outcome unknown.
    """

    route: str
    window: int
    """Messages in flight at once: at most so many are in doubt after a crash."""

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]: ...
