"""WhatsApp Cloud API: messages out, and what it calls us with.

Developed against the published reference (Meta, "Cloud API: Messages", "Webhooks", "Error codes");
no real number has been tried.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

from kentongan.errors import DataError, RuleViolation
from kentongan.types import OutboxState
from notify.channels.answers import retry_after
from notify.channels.channel import DeliveryReport, InboundMessage, Outcome, Outgoing, Receipt
from notify.channels.chat.channel import ChatChannel, body_of, posted
from notify.channels.chat.reading import NOT_TEXT, items, text_at, words
from notify.channels.chat.route import WhatsAppRoute, secret_in
from notify.channels.http.wire import Said
from notify.firewall.answers import ANSWERS
from notify.firewall.clearance import number, real_clock

PARAMETER_CHARS = 1_024
"""Of a template's parameter."""
_ID_CHARS = 80
_BUSY = frozenset({4, 80007, 130429, 131016, 131048, 131056, 133004})
"""Too much or too fast, or the service is away: later."""
_OURS = frozenset({0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010})
"""Token, permission, payment, registration: the route's fault, and no fault of the message."""
_STATES = {
    "delivered": OutboxState.DELIVERED,
    "read": OutboxState.DELIVERED,
    "failed": OutboxState.FAILED,
}


class WhatsApp(ChatChannel):
    def __init__(
        self, config: WhatsAppRoute, *, clock: Callable[[], datetime] = real_clock
    ) -> None:
        super().__init__(config, clock=clock)
        self.config = config
        self._token = secret_in(config.token_file)

    def _request(self, message: Outgoing) -> httpx.Request:
        to = number(message.address)
        if not (to.startswith("+") and to[1:].isascii() and to[1:].isdigit()):
            raise RuleViolation("whatsapp: expected a telephone number as address")
        kind = _plain(message) if message.warning_id == ANSWERS else self._template(message)
        document = {
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": to[1:], **kind,
        }  # fmt: skip
        config = self.config
        url = f"{config.url.rstrip('/')}/{config.version}/{config.phone_number_id}/messages"
        return posted(url, document, {"authorization": f"Bearer {self._token}"})

    def _template(self, message: Outgoing) -> dict[str, Any]:
        # A parameter with a line's end, a tab or four blanks is refused by the service.
        text = " ".join(message.text.split())[:PARAMETER_CHARS]
        body = {"type": "body", "parameters": [{"type": "text", "text": text}]}
        return {
            "type": "template",
            "template": {
                "name": self.config.template,
                "language": {"code": self.config.template_language},
                "components": [body],
            },
        }

    def _understood(self, said: Said, at: datetime) -> Receipt:
        document = body_of(said)
        error = document.get("error")
        if isinstance(error, dict):
            return _fault(said, error.get("code"), at)
        sent = next(iter(items(document, "messages")), {})
        provider_id = text_at(sent, "id")[:_ID_CHARS]
        if 200 <= said.status < 300 and provider_id:
            return Receipt(Outcome.ACCEPTED, provider_id=provider_id)
        if said.status in (401, 403, 429, 503) or 300 <= said.status < 400:
            return _later(said, f"HTTP {said.status}", at)
        if 400 <= said.status < 500:
            return Receipt(Outcome.REFUSED, f"HTTP {said.status}")
        return Receipt(Outcome.UNKNOWN, f"HTTP {said.status} without an id")


def _plain(message: Outgoing) -> dict[str, Any]:
    return {"type": "text", "text": {"preview_url": False, "body": message.text}}


def _fault(said: Said, code: object, at: datetime) -> Receipt:
    """By the number of the fault; its words may hold somebody's number and are left out."""
    known = code if isinstance(code, int) else -1
    detail = f"HTTP {said.status}, error {known}"
    if known in _BUSY or known in _OURS or 200 <= known < 300 or said.status in (401, 403, 429):
        return _later(said, detail, at)
    if said.status >= 500:
        return Receipt(Outcome.UNKNOWN, detail)
    return Receipt(Outcome.REFUSED, detail)


def _later(said: Said, detail: str, at: datetime) -> Receipt:
    pause = retry_after(said.headers.get("retry-after"), at)
    return Receipt(Outcome.RETRY, detail, counts=False, retry_after_s=pause)


# --- calls to us -----------------------------------------------------------------------------


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """`X-Hub-Signature-256` over the raw body, compared in constant time.

    Args:
        headers: by names in small letters.
    """
    given = headers.get("x-hub-signature-256", "").strip().lower()
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def challenge(verify: str, query: Mapping[str, str]) -> str | None:
    """What to repeat when somebody enters our address at the service; None: it is not they."""
    given = query.get("hub.verify_token", "").encode("utf-8", "replace")
    known = hmac.compare_digest(given, verify.encode())
    asked = query.get("hub.challenge", "")
    plain = asked.isascii() and asked.isalnum() and len(asked) <= 100
    return asked if known and plain and query.get("hub.mode") == "subscribe" else None


def told(
    route: WhatsAppRoute, document: Any, at: datetime
) -> tuple[list[DeliveryReport], list[InboundMessage]]:
    """What became of messages, and what people wrote; of our own number alone.

    Raises:
        DataError: no notification of a WhatsApp number.
    """
    if not isinstance(document, dict) or document.get("object") != "whatsapp_business_account":
        raise DataError("call: expected a notification of whatsapp_business_account")
    reports: list[DeliveryReport] = []
    messages: list[InboundMessage] = []
    for value in _values(route, document):
        reports += _reports(route, value, at)
        messages += _messages(route, value, at)
    return reports, messages


def _values(route: WhatsAppRoute, document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for entry in items(document, "entry"):
        for change in items(entry, "changes"):
            value = change.get("value")
            if not isinstance(value, dict):
                continue
            about = value.get("metadata")
            mine = isinstance(about, dict) and text_at(about, "phone_number_id")
            if mine == route.phone_number_id:
                yield value


def _reports(route: WhatsAppRoute, value: dict[str, Any], at: datetime) -> Iterator[DeliveryReport]:
    for status in items(value, "statuses"):
        state = _STATES.get(text_at(status, "status"))
        provider_id = text_at(status, "id")[:_ID_CHARS]
        if state is None or not provider_id:
            continue
        code = next((one.get("code") for one in items(status, "errors")), None)
        detail = f"error {code}" if isinstance(code, int) else ""
        yield DeliveryReport(route.route, provider_id, state, at, detail)


def _messages(
    route: WhatsAppRoute, value: dict[str, Any], at: datetime
) -> Iterator[InboundMessage]:
    for message in items(value, "messages"):
        sender = text_at(message, "from")
        if not (sender.isascii() and sender.isdigit() and 8 <= len(sender) <= 15):
            continue
        key = text_at(message, "id")
        said = words(message, ("text", "body"), ("button", "text"),
                     ("interactive", "button_reply", "title"),
                     ("interactive", "list_reply", "title"))  # fmt: skip
        yield InboundMessage(route.route, key, f"+{sender}", said or NOT_TEXT, at)
