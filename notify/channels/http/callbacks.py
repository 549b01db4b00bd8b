"""What a gateway's call to us holds: receipts, or messages of people. Pure; all of it is hostile.

Fields stand in the query (GET), in a form or in JSON (POST). What cannot be read is refused by
name of the field, never with what stood in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kentongan.errors import DataError
from kentongan.types import OutboxState
from notify.channels.channel import DeliveryReport, InboundMessage
from notify.channels.http.reading import as_json, as_text, at_path, form_fields, harmless
from notify.channels.http.route import HttpRoute, MessageFields, ReceiptFields

MOST_IN_ONE = 500
"""Receipts or messages of one call."""
_ID_CHARS = 80
_SENDER_CHARS = 40

Field = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it came."""

    query: bytes
    body: bytes
    content_type: str


def receipts_in(route: HttpRoute, call: Call, at: datetime) -> list[DeliveryReport]:
    """Receipts that end something; a state on the way says nothing.

    Raises:
        DataError: no receipt is in it.
    """
    fields = route.hooks.receipts
    if fields is None:
        raise DataError(f"route {route.route}: takes no receipts")
    found = (_receipt(route.route, fields, field, at) for field in _items(call, fields.many))
    return [receipt for receipt in found if receipt is not None]


def _receipt(
    route: str, fields: ReceiptFields, field: Field, at: datetime
) -> DeliveryReport | None:
    provider_id = field(fields.id).strip()
    if not provider_id or len(provider_id) > _ID_CHARS or not provider_id.isprintable():
        raise DataError(f"receipt: expected an id of 1 to {_ID_CHARS} characters in {fields.id}")
    word = field(fields.state).strip()
    state = _state(fields, word)
    if state is None:
        return None
    said = field(fields.detail) if fields.detail else ""
    return DeliveryReport(route, provider_id, state, at, harmless(f"{word} {said}"))


def _state(fields: ReceiptFields, word: str) -> OutboxState | None:
    if word in fields.delivered:
        return OutboxState.DELIVERED
    if word in fields.failed:
        return OutboxState.FAILED
    return OutboxState.UNKNOWN if word in fields.unknown else None


def messages_in(route: HttpRoute, call: Call, at: datetime) -> list[InboundMessage]:
    """Messages of people; the text as it came.

    Raises:
        DataError: no message is in it, or one without a sender.
    """
    fields = route.hooks.messages
    if fields is None:
        raise DataError(f"route {route.route}: takes no messages")
    items = _items(call, fields.many, fields.charset)
    return [_message(route.route, fields, field, at) for field in items]


def _message(route: str, fields: MessageFields, field: Field, at: datetime) -> InboundMessage:
    sender = field(fields.sender).strip()
    if not sender or len(sender) > _SENDER_CHARS:
        raise DataError(
            f"message: expected a sender of 1 to {_SENDER_CHARS} characters in {fields.sender}"
        )
    key = field(fields.id).strip() if fields.id else ""
    return InboundMessage(route, key, sender, field(fields.text), at)


def _items(call: Call, many: str, charset: str = "utf-8") -> Iterator[Field]:
    """One reader of fields for each item of the call."""
    if many or call.content_type.partition(";")[0].strip().lower().endswith("json"):
        document = as_json(call.body)
        items = at_path(document, many) if many else [document]
        if not isinstance(items, list) or not 0 < len(items) <= MOST_IN_ONE:
            raise DataError(f"call: expected JSON with 1 to {MOST_IN_ONE} items")
        for item in items:
            yield _of_json(item)
        return
    flat = {**form_fields(call.body, charset), **form_fields(call.query, charset)}
    if not flat:
        raise DataError("call: expected fields, found none")
    yield _of_form(flat)


def _of_json(item: Any) -> Field:
    return lambda path: as_text(at_path(item, path))


def _of_form(flat: Mapping[str, str]) -> Field:
    return lambda name: flat.get(name, "")
