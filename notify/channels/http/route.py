"""What the operator says of a gateway: how to ask it, what its answers mean, how it calls us."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from notify.channels.http.reading import is_path
from notify.channels.http.template import SECRETS, names_in, unknown_names
from notify.channels.routes import Medium, RouteBase


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from error
    return text


def _path(text: str) -> str:
    if text and not is_path(text):
        raise ValueError(f"expected a path like data.messages[0].id, found {text!r}")
    return text


def _network(text: str) -> str:
    return str(ipaddress.ip_network(text, strict=False))


Regex = Annotated[str, AfterValidator(_regex)]
Path_ = Annotated[str, AfterValidator(_path)]
Network = Annotated[str, AfterValidator(_network)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rule(_Part):
    """What an answer means; all that is given must fit."""

    means: Literal["accepted", "retry", "refused", "unknown"]
    status: tuple[int, ...] = ()
    body: Regex = ""
    """Found anywhere in the answer."""
    json_path: Path_ = ""
    equals: tuple[str, ...] = ()
    """What stands at `json_path`, as text."""


class ReceiptFields(_Part):
    """Where a call about a message has its parts: names of fields, or paths in JSON."""

    id: Path_
    """Our `{id}`, or the gateway's own as `id_regex` or `id_json` found it."""
    state: Path_
    many: Path_ = ""
    """Path of a list of receipts in one JSON document."""
    delivered: tuple[str, ...]
    failed: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    """All other words are of a message under way: taken note of, and nothing is written."""
    detail: Path_ = ""


class MessageFields(_Part):
    """Where a call with somebody's message has its parts."""

    sender: Path_
    text: Path_
    id: Path_ = ""
    """The gateway's id of it; without one the same sender, text and minute is one message."""
    many: Path_ = ""
    charset: Literal["utf-8", "iso-8859-1", "utf-16-be"] = "utf-8"
    """Of query and form."""


class Hooks(_Part):
    """How the gateway proves in its calls that it is it; files stand in the route itself."""

    receipts: ReceiptFields | None = None
    messages: MessageFields | None = None
    signature_header: str = "x-signature"
    """HMAC-SHA256 in hex, with or without `sha256=` before it, where `sign_file` is given."""
    time_header: str = "x-timestamp"
    """Seconds since 1970; it is signed with the body."""
    signed: Literal["time.body", "time+body"] = "time.body"
    """Between time and raw body stands a dot, or nothing. Of a GET the query is the body."""
    from_networks: tuple[Network, ...] = ()
    """Addresses that may call; empty: any."""
    ok_status: Literal[200, 202, 204] = 202
    per_second: float = Field(default=200.0, gt=0)
    """Calls; more are asked to come again."""


class HttpRoute(RouteBase):
    """`kind = "http"` of the routes file."""

    kind: Literal["http"] = "http"
    channel: Medium = "sms"
    url: str
    """Without user, query or names in braces: none of these may stand in a log."""
    method: Literal["GET", "POST", "PUT"] = "POST"
    query: dict[str, Any] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    form: dict[str, Any] = Field(default_factory=dict)
    json_body: dict[str, Any] = Field(default_factory=dict)
    sender: str = ""
    """`{from}`."""
    user: str = ""
    password_file: Path | None = None
    token_file: Path | None = None
    auth: Literal["", "basic", "bearer"] = ""
    """Basic of `user` and `password_file`, bearer of `token_file`; other ways by the fields."""
    alphabet: Literal["gsm7", "unicode"] = "gsm7"
    """With gsm7 what the alphabet does not hold is written with what it does."""
    validity_max_min: int = Field(default=2880, ge=1)
    """What the gateway takes at most as `{validity_min}`."""
    rules: tuple[Rule, ...] = ()
    """The first that fits holds; where none does, what the status says."""
    id_regex: Regex = ""
    """Its first group is the gateway's id of the message."""
    id_json: Path_ = ""
    connect_timeout_s: float = Field(default=5.0, gt=0, le=30)
    timeout_s: float = Field(default=15.0, gt=0, le=40)
    """Of one message, connection included; below the dispatcher's lease of 60 s."""
    ca_file: Path | None = None
    """PEM of the certificates to trust instead of the system's."""
    allow_http: bool = False
    """Unencrypted, for a gateway on this machine or in one's own net."""
    hook_base: str = ""
    """Our address as the gateway reaches it, for `{dlr_url}`: https://sms.example.go.id."""
    hooks: Hooks = Hooks()
    sign_file: Path | None = None
    """Key with which the gateway signs its calls."""
    hook_file: Path | None = None
    """The secret part of the address that it calls, of 20 characters at least."""
    hook_user: str = ""
    hook_password_file: Path | None = None
    """Basic authentication of its calls."""

    @property
    def has_hooks(self) -> bool:
        return bool(self.hooks.receipts or self.hooks.messages)

    @property
    def asks(self) -> dict[str, Any]:
        """Every part of a request that holds names in braces."""
        return {"query": self.query, "headers": self.headers, "form": self.form,
                "json_body": self.json_body}  # fmt: skip

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme not in (("https", "http") if self.allow_http else ("https",)):
            raise ValueError(
                "url: expected https://…; http only with allow_http = true, for a gateway on this "
                "machine or in one's own net"
            )
        if parts.username or parts.query or parts.fragment or "{" in self.url or not parts.hostname:
            raise ValueError("url: expected host and path alone; put fields into query and auth")
        if unknown := unknown_names(self.asks):
            raise ValueError(f"no message has {', '.join(unknown)}; see docs/gateways.md")
        if "text" in names_in(self.headers):
            raise ValueError("headers: expected no {text}; a header cannot hold every character")
        if sum(map(bool, (self.form, self.json_body))) > 1:
            raise ValueError("form and json_body: expected one of them")
        if self.method == "GET" and (self.form or self.json_body):
            raise ValueError("method GET: expected all fields in query")
        if not {"to", "to_no_plus"} & names_in(self.asks) or "text" not in names_in(self.asks):
            raise ValueError("expected {text} and {to} or {to_no_plus} in query, form or json_body")
        return self

    @model_validator(mode="after")
    def _has_its_secrets(self) -> Self:
        have = {"user": self.user, "password": self.password_file, "token": self.token_file}
        lacking = {name for name in names_in(self.asks) & SECRETS if not have[name]}
        lacking |= {"basic": {"user", "password"}, "bearer": {"token"}}.get(self.auth, set()) - {
            name for name, value in have.items() if value
        }
        if lacking:
            raise ValueError(f"{', '.join(sorted(lacking))}: used, and not given")
        return self

    @model_validator(mode="after")
    def _knows_its_callers(self) -> Self:
        if not self.has_hooks or self.sign_file:
            return self
        if not self.hook_file or not (self.hook_password_file or self.hooks.from_networks):
            raise ValueError(
                "hooks: expected sign_file, or hook_file with hook_password_file or from_networks: "
                "whoever could call us could write in a stranger's name"
            )
        if self.hook_password_file and not self.hook_user:
            raise ValueError("hook_user: needed with hook_password_file")
        return self

    @model_validator(mode="after")
    def _can_tell_us_the_state(self) -> Self:
        if "dlr_url" in names_in(self.asks) and not (self.hook_base and self.hooks.receipts):
            raise ValueError("{dlr_url}: expected hook_base and hooks.receipts")
        return self
