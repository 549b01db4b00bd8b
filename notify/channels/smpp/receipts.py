"""A carrier's receipt for one part: which message, and what became of it (SMPP 3.4, appendix B)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from kentongan.types import OutboxState
from notify.channels.channel import DeliveryReport
from notify.channels.smpp.codes import FINAL, STATE_WORDS, state_number
from notify.channels.smpp.pdu import MESSAGE_STATE, RECEIPTED_ID, UCS2, Deliver, text_of
from notify.channels.smpp.route import IdStyle

_FIELD = re.compile(r"\b(id|stat|err)\s*[:=]\s*([^\s,;]{1,80})", re.IGNORECASE)
_LONGEST_ID = 80
"""Characters; SMPP allows 64, the column holds 80."""
_MOST_TEXT = 512
"""Octets of a receipt's text that are read."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a receipt says. `state` is `message_state`; None where it says none."""

    message_id: str
    state: int | None
    error: str = ""


def answered_id(raw: str, style: IdStyle) -> str | None:
    """The id of a `submit_sm_resp`, written as this carrier's receipts write it."""
    text = _clean(raw)
    if not text:
        return None
    if style == "hex2dec":
        return _converted(text, 16, "{:d}")
    if style == "dec2hex":
        return _converted(text, 10, "{:x}")
    return _plain(text, style)


def receipted_id(raw: str, style: IdStyle) -> str:
    """The id of a receipt, so that it equals `answered_id` of the same message."""
    return _plain(_clean(raw), style)


def _clean(raw: str) -> str:
    return "".join(c for c in raw if c.isprintable()).strip()[:_LONGEST_ID]


def _plain(text: str, style: IdStyle) -> str:
    return text if style == "raw" else (text.lower().lstrip("0") or "0")


def _converted(text: str, base: int, form: str) -> str:
    digits = "0123456789abcdefABCDEF" if base == 16 else "0123456789"
    if not set(text) <= set(digits):
        return _plain(text, "strip0")
    return form.format(int(text, base))


def told(message: Deliver) -> Told | None:
    """What a receipt says: its options first, else its text. None: no id in either."""
    fields = _fields(message)
    option = text_of(message.options.get(RECEIPTED_ID, b""))
    message_id = option or fields.get("id", "")
    if not _clean(message_id):
        return None
    state = message.number(MESSAGE_STATE)
    if state not in STATE_WORDS:
        state = state_number(fields.get("stat", ""))
    return Told(message_id, state, fields.get("err", ""))


def _fields(message: Deliver) -> dict[str, str]:
    """`id`, `stat` and `err` of the text; the first of each counts, as `text:` may hold more."""
    octets = message.octets[:_MOST_TEXT]
    text = octets.decode("utf-16-be" if message.data_coding == UCS2 else "latin-1", "replace")
    found: dict[str, str] = {}
    for key, value in _FIELD.findall(text):
        found.setdefault(key.lower(), value)
    return found


def report(message: Deliver, *, route: str, style: IdStyle, at: datetime) -> DeliveryReport | None:
    """None where the receipt names no message, or where the message is still on its way."""
    said = told(message)
    if said is None:
        return None
    if said.state is not None and said.state not in FINAL:
        return None
    state = OutboxState.UNKNOWN if said.state is None else FINAL[said.state]
    word = "no state" if said.state is None else STATE_WORDS[said.state]
    detail = f"{word} err {_clean(said.error)}" if said.error else word
    return DeliveryReport(route, receipted_id(said.message_id, style), state, at, detail)
