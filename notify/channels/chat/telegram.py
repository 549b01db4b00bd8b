"""Telegram Bot API: messages out, and what it calls us with.

Developed against the published reference (core.telegram.org/bots/api: sendMessage, setWebhook,
Update); no real bot has been tried. Telegram does not say whether a message was delivered.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import httpx

from kentongan.errors import DataError, RuleViolation
from notify.channels.answers import LONGEST_PAUSE, retry_after
from notify.channels.channel import InboundMessage, Outcome, Outgoing, Receipt
from notify.channels.chat.addresses import chat_id_of, telegram_address
from notify.channels.chat.channel import ChatChannel, body_of, posted
from notify.channels.chat.reading import NOT_TEXT, text_at, words
from notify.channels.chat.route import TelegramRoute, telegram_token
from notify.channels.http.wire import Said
from notify.firewall.clearance import real_clock

SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 the header's name
_TEXT_CHARS = 4_096


class Telegram(ChatChannel):
    def __init__(
        self, config: TelegramRoute, *, clock: Callable[[], datetime] = real_clock
    ) -> None:
        super().__init__(config, clock=clock)
        # The token is a part of the address, which therefore stands in no log and no fault.
        self._url = f"{config.url.rstrip('/')}/bot{telegram_token(config)}/sendMessage"

    def _request(self, message: Outgoing) -> httpx.Request:
        chat_id = chat_id_of(message.address)
        if chat_id is None:
            raise RuleViolation("telegram: expected the address of a chat")
        document = {
            "chat_id": chat_id,
            "text": message.text[:_TEXT_CHARS],  # without parse_mode nothing in it is a command
            "link_preview_options": {"is_disabled": True},
        }
        return posted(self._url, document, {})

    def _understood(self, said: Said, at: datetime) -> Receipt:
        document = body_of(said)
        result = document.get("result")
        if said.status == 200 and document.get("ok") is True and isinstance(result, dict):
            chat = result.get("chat")
            of_chat = text_at(chat, "id") if isinstance(chat, dict) else ""
            return Receipt(
                Outcome.ACCEPTED, provider_id=f"{of_chat}/{text_at(result, 'message_id')}"
            )
        detail = f"HTTP {said.status}"
        if said.status == 429:
            pause = _pause(document) or retry_after(said.headers.get("retry-after"), at)
            return Receipt(Outcome.RETRY, detail, counts=False, retry_after_s=pause)
        if said.status in (401, 404, 409) or 300 <= said.status < 400 or said.status == 503:
            return Receipt(Outcome.RETRY, detail, counts=False)  # the bot, not the message
        if 400 <= said.status < 500:  # 403: blocked by the person; 400: no such chat
            return Receipt(Outcome.REFUSED, detail)
        return Receipt(Outcome.UNKNOWN, detail)


def _pause(document: dict[str, Any]) -> float | None:
    """Seconds of `parameters.retry_after`."""
    parameters = document.get("parameters")
    found = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if isinstance(found, bool) or not isinstance(found, int):
        return None
    return float(min(max(found, 1), int(LONGEST_PAUSE.total_seconds())))


# --- calls to us -----------------------------------------------------------------------------


def knows_secret(secret: str, headers: Mapping[str, str]) -> bool:
    """The token that we gave to setWebhook, compared in constant time."""
    given = headers.get(SECRET_HEADER, "").encode("utf-8", "replace")
    return hmac.compare_digest(given, secret.encode())


def told(route: TelegramRoute, document: Any, at: datetime) -> list[InboundMessage]:
    """What a person wrote in their own chat with the bot; of groups and channels nothing.

    Raises:
        DataError: no update.
    """
    if not isinstance(document, dict) or not text_at(document, "update_id"):
        raise DataError("call: expected an update with its update_id")
    message = document.get("message")
    if not isinstance(message, dict):
        return []
    chat, sender = message.get("chat"), message.get("from")
    if not isinstance(chat, dict) or not isinstance(sender, dict):
        return []
    private = chat.get("type") == "private" and chat.get("id") == sender.get("id")
    if not private or sender.get("is_bot") is not False:
        return []
    try:
        address = telegram_address(text_at(chat, "id"))
    except RuleViolation:
        return []
    said = words(message, ("text",), ("caption",)) or NOT_TEXT
    key = f"update-{text_at(document, 'update_id')}"
    return [InboundMessage(route.route, key, address, said, at, medium="telegram")]
