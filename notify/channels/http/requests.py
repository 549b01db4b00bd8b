"""A message as the request that its gateway expects, and what the gateway's answer means. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx

from notify.channels.answers import retry_after, seconds_left
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.channels.http.reading import as_json, as_text, at_path, harmless
from notify.channels.http.route import HttpRoute, Rule
from notify.channels.http.secrets import Secrets
from notify.channels.http.template import filled
from notify.wording.gsm7 import BASIC, to_basic

_ID_CHARS = 80
_MEANS = {
    "accepted": Outcome.ACCEPTED,
    "retry": Outcome.RETRY,
    "refused": Outcome.REFUSED,
    "unknown": Outcome.UNKNOWN,
}


def our_id(message: Outgoing) -> str:
    """`{id}`: the same each time this row is sent, another in every other database.

    All parts of a text have one id: the gateway takes the text as a whole.
    """
    told = f"{message.message_id}\n{message.recipient_id}".encode()
    return hashlib.sha256(told).hexdigest()[:24]


def own_id(route: HttpRoute, message: Outgoing) -> str | None:
    """`{id}` where receipts come under it; None where the gateway gives one of its own."""
    return None if route.id_json or route.id_regex else our_id(message)


def dlr_url(route: HttpRoute, secrets: Secrets) -> str:
    """Where the gateway tells what became of a message."""
    middle = f"{route.route}/{secrets.hook}" if secrets.hook else route.route
    return f"{route.hook_base.rstrip('/')}/hooks/{middle}/receipt"


def request_for(
    route: HttpRoute, secrets: Secrets, message: Outgoing, at: datetime
) -> httpx.Request:
    """The request; secrets stand in it, so it must not be printed."""
    values = _values(route, secrets, message, at)
    headers = {"accept-encoding": "identity", **filled(route.headers, values)}
    if route.auth == "basic":
        pair = f"{route.user}:{secrets.password}".encode()
        headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif route.auth == "bearer":
        headers["authorization"] = f"Bearer {secrets.token}"
    content = b""
    if route.json_body:
        content = json.dumps(filled(route.json_body, values), ensure_ascii=False).encode()
        headers.setdefault("content-type", "application/json")
    elif route.form:
        content = urlencode(filled(route.form, values), doseq=True).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    query = urlencode(filled(route.query, values), doseq=True)
    url = f"{route.url}?{query}" if query else route.url
    return httpx.Request(route.method, url, headers=headers, content=content)


def _values(
    route: HttpRoute, secrets: Secrets, message: Outgoing, at: datetime
) -> Mapping[str, str]:
    left = seconds_left(message, at)
    minutes = route.validity_max_min if left is None else max(1, left // 60)
    text = message.text
    if route.alphabet == "gsm7" and not BASIC.issuperset(text):
        text = to_basic(text)
    return {
        "to": message.address,
        "to_no_plus": message.address.removeprefix("+"),
        "text": text,
        "from": route.sender,
        "id": our_id(message),
        "validity_min": str(min(minutes, route.validity_max_min)),
        "dlr_url": dlr_url(route, secrets),
        "user": route.user,
        "password": secrets.password,
        "token": secrets.token,
    }


def understood(
    route: HttpRoute,
    secrets: Secrets,
    message: Outgoing,
    *,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    at: datetime,
) -> Receipt:
    """What an answer means for the message."""
    text = body.decode("utf-8", errors="replace")
    document = as_json(body)
    rule = next((r for r in route.rules if _fits(r, status, text, document)), None)
    outcome = _MEANS[rule.means] if rule else _by_status(status, has_rules=bool(route.rules))
    # What the gateway repeats of our own request is nobody's business.
    hidden = (*secrets.all, message.text, message.address, message.address.removeprefix("+"))
    said = f"HTTP {status}: {harmless(text, hidden)}".rstrip(": ")
    if outcome is Outcome.ACCEPTED:
        return Receipt(outcome, provider_id=_provider_id(route, message, text, document))
    if outcome is Outcome.RETRY:
        pause = retry_after(headers.get("retry-after"), at)
        busy = status in (429, 503) or pause is not None
        return Receipt(outcome, said, counts=not busy, retry_after_s=pause)
    return Receipt(outcome, said, _provider_id(route, message, text, document))


def _fits(rule: Rule, status: int, text: str, document: Any) -> bool:
    if rule.status and status not in rule.status:
        return False
    if rule.body and not re.search(rule.body, text):
        return False
    if rule.json_path:
        found = as_text(at_path(document, rule.json_path))
        return found in rule.equals if rule.equals else bool(found)
    return True


def _by_status(status: int, *, has_rules: bool) -> Outcome:
    """What RFC 9110 says of the status, with doubt where the message may have been taken.

    A redirect is not followed, and a gateway that does not know us took nothing: another route may
    be tried. An answer of success that no rule knows is no proof.
    """
    if 200 <= status < 300:
        return Outcome.UNKNOWN if has_rules else Outcome.ACCEPTED
    if status in (429, 503) or status in (401, 403, 407) or 300 <= status < 400:
        return Outcome.RETRY
    return Outcome.REFUSED if 400 <= status < 500 else Outcome.UNKNOWN


def _provider_id(route: HttpRoute, message: Outgoing, text: str, document: Any) -> str | None:
    """The gateway's id as its receipts write it; ours where the route names no place of its own."""
    if route.id_json:
        found = as_text(at_path(document, route.id_json))
    elif route.id_regex:
        match = re.search(route.id_regex, text)
        found = match[1] if match and match.re.groups else ""
    else:
        found = own_id(route, message) or ""
    return found.strip()[:_ID_CHARS] or None
