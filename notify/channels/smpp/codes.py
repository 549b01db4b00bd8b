"""What the numbers of SMPP 3.4 mean for a message (5.1.3, 5.2.28)."""

from __future__ import annotations

from enum import Enum

from smpplib.consts import DESCRIPTIONS  # type: ignore[import-untyped]

from kentongan.types import OutboxState
from notify.channels.channel import Outcome, Receipt

OK = 0x00
UNKNOWN_COMMAND = 0x03
NOT_BOUND = 0x04
WRONG_LENGTH = 0x02
QUEUE_FULL = 0x14
THROTTLED = 0x58
TRY_AGAIN = 0x64
"""ESME_RX_T_APPN: the carrier keeps a `deliver_sm` and brings it again."""

BUSY = frozenset({THROTTLED, QUEUE_FULL})
WRONG_BIND = {
    0x0E: "wrong password",
    0x0F: "wrong system id",
    0x53: "wrong system type",
}
"""A second try is useless and may lock the account."""
WRONG_SENDER = frozenset({0x0A, 0x48, 0x49, 0x15})
"""Of a message, yet most likely of the whole route: its sender or service is not registered."""
_HOPELESS = WRONG_SENDER | {
    0x01, 0x02, 0x03, 0x06, 0x07, 0x0B, 0x33, 0x34, 0x40, 0x42, 0x43, 0x44, 0x50, 0x51, 0x54, 0x55,
    0x61, 0x62, 0x63, 0x65, 0x66, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4,
}  # fmt: skip


class Kind(Enum):
    TAKEN = "taken"
    BUSY = "busy"
    UNBOUND = "unbound"
    HOPELESS = "hopeless"
    PASSING = "passing"
    """The carrier's own trouble, or a number of its own that nobody else knows."""


def kind_of(status: int) -> Kind:
    if status == OK:
        return Kind.TAKEN
    if status in BUSY:
        return Kind.BUSY
    if status == NOT_BOUND:
        return Kind.UNBOUND
    return Kind.HOPELESS if status in _HOPELESS else Kind.PASSING


def words(status: int) -> str:
    known = DESCRIPTIONS.get(status, "a number of the carrier's own; ask it")
    return f"SMPP status 0x{status:02X}: {known}"


def receipt_of(status: int, provider_id: str | None) -> Receipt:
    """The answer to one `submit_sm`."""
    kind = kind_of(status)
    if kind is Kind.TAKEN:
        return Receipt(Outcome.ACCEPTED, provider_id=provider_id)
    if kind is Kind.HOPELESS:
        return Receipt(Outcome.REFUSED, words(status))
    return Receipt(Outcome.RETRY, words(status), counts=kind is Kind.PASSING)


FINAL = {
    2: OutboxState.DELIVERED,
    3: OutboxState.FAILED,
    4: OutboxState.FAILED,
    5: OutboxState.FAILED,
    7: OutboxState.UNKNOWN,
    8: OutboxState.FAILED,
}
"""`message_state`; 1 (on its way) and 6 (accepted) are not the end."""
STATE_WORDS = {
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED", 5: "UNDELIV", 6: "ACCEPTD",
    7: "UNKNOWN", 8: "REJECTD",
}  # fmt: skip
_BY_PREFIX = {
    "ENROU": 1, "DELIV": 2, "EXPIR": 3, "DELET": 4, "UNDEL": 5, "ACCEP": 6, "UNKNO": 7, "REJEC": 8,
    "FAIL": 5, "BUFFE": 1,
}  # fmt: skip
"""Carriers write DELIVRD, DELIVERED, delivrd …; the first letters tell."""


def state_number(word: str) -> int | None:
    upper = word.upper()
    return next((n for prefix, n in _BY_PREFIX.items() if upper.startswith(prefix)), None)
