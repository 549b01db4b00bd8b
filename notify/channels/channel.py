"""What a channel is: it takes messages and answers one receipt for each, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol


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


@dataclass(frozen=True, slots=True)
class Receipt:
    outcome: Outcome
    detail: str = ""
    """Never a full phone number."""
    provider_id: str | None = None


class Channel(Protocol):
    """What the dispatcher sends through: the recorder, or a real channel behind its guard.

    It answers, or raises `DispatchError` when certainly nothing was sent.

    Any other exception leaves the window's outcome unknown.
    """

    route: str
    window: int
    """Messages in flight at once: at most so many are in doubt after a crash."""

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Receipt]: ...
