"""Addresses of chat services, in one spelling, so that they are found by their index."""

from __future__ import annotations

import re

from kentongan.errors import RuleViolation

WHATSAPP, TELEGRAM = "whatsapp", "telegram"
CHATS = (WHATSAPP, TELEGRAM)
"""In the order in which they are tried: WhatsApp says that it delivered, Telegram does not."""
_TELEGRAM = "telegram:"
_CHAT_ID = re.compile(r"[1-9]\d{0,15}", re.ASCII)


def telegram_address(chat_id: str | int) -> str:
    """`telegram:123456789`: never to be taken for a telephone number.

    Raises:
        RuleViolation: no id of a person's chat; groups have negative ones.
    """
    text = str(chat_id)
    if not _CHAT_ID.fullmatch(text):
        raise RuleViolation(
            "telegram: expected the number of a person's chat; they find it by writing to the bot"
        )
    return f"{_TELEGRAM}{text}"


def chat_id_of(address: str) -> int | None:
    """The number of a Telegram address; None: it is none."""
    text = address.removeprefix(_TELEGRAM)
    return int(text) if text != address and _CHAT_ID.fullmatch(text) else None


def is_telegram(address: str) -> bool:
    return chat_id_of(address) is not None
