"""The JSON that a phone gets, made to fit. Pure."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from kentongan.errors import DataError

LIMIT = 3000
"""Bytes before encryption. RFC 8291, 4 lets a service refuse a record above 4,096 bytes; the rest
is room for encryption (103 bytes) and for services that take less."""
_FEWEST = 40
"""Characters of the body that must be left: less says nothing, and the mark stands in them."""
_CUT = "…"


def fitted(payload: Mapping[str, Any]) -> bytes:
    """The payload as JSON of at most `LIMIT` bytes.

    What does not fit is taken from the body's end, then from the list of areas, which the page
    behind `url` holds too. Everything else, title and url above all, stays to the letter.

    Raises:
        DataError: not even then.
    """
    whole = _json(payload)
    if len(whole) <= LIMIT:
        return whole
    for smaller in (payload, _without_areas(payload)):
        shortened = _with_shorter_body(smaller)
        if shortened is not None:
            return shortened
    raise DataError(
        f"push payload: {len(whole)} bytes, at most {LIMIT} go; all but the body is too long"
    )


def _without_areas(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if name != "area_codes"}


def _with_shorter_body(payload: Mapping[str, Any]) -> bytes | None:
    body = payload.get("body")
    whole = _json(payload)
    if len(whole) <= LIMIT:
        return whole
    if not isinstance(body, str):
        return None
    low, high = 0, len(body)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(payload, body, middle) else (low, middle - 1)
    if low < min(_FEWEST, len(body)) or not _fits(payload, body, low):
        return None
    return _json({**payload, "body": _cut(body, low)})


def _fits(payload: Mapping[str, Any], body: str, length: int) -> bool:
    return len(_json({**payload, "body": _cut(body, length)})) <= LIMIT


def _cut(body: str, length: int) -> str:
    return body[:length] + _CUT


def _json(payload: Mapping[str, Any]) -> bytes:
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def topic(warning_id: str) -> str:
    """32 characters of base64url (RFC 8030, 5.4): an update replaces what a phone that was off has
    not fetched yet."""
    return urlsafe_b64encode(hashlib.sha256(warning_id.encode()).digest()[:24]).decode()
