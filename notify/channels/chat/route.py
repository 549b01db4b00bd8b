"""What the operator says of a chat service, and the secrets of its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, model_validator

from kentongan.errors import SettingsError
from notify.channels.routes import Medium, RouteBase

_TELEGRAM_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{10,100}", re.ASCII)
_HOOK_SECRET = re.compile(r"[A-Za-z0-9_-]{20,256}", re.ASCII)


class ChatRoute(RouteBase):
    """What both services have in common."""

    url: str
    """Of the service; another one for tests and proxies."""
    token_file: Path
    """The token by which we may send."""
    two_way: bool = True
    rate_per_s: float = Field(default=10.0, gt=0)
    window: int = Field(default=10, ge=1, le=50)
    connect_timeout_s: float = Field(default=5.0, gt=0, le=30)
    timeout_s: float = Field(default=15.0, gt=0, le=40)
    """Of one message, connection included; below the dispatcher's lease of 60 s."""
    ca_file: Path | None = None
    allow_http: bool = False
    """Unencrypted, for a server of one's own on this machine."""
    hooks_per_s: float = Field(default=50.0, gt=0)
    """Calls of the service; more are asked to come again."""

    @model_validator(mode="after")
    def _is_an_address(self) -> Self:
        parts = urlsplit(self.url)
        schemes = ("https", "http") if self.allow_http else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username or parts.query:
            raise ValueError("url: expected https://host alone; http only with allow_http = true")
        return self


class WhatsAppRoute(ChatRoute):
    """`kind = "whatsapp"`: a number of the WhatsApp Business Platform (Cloud API).

    A task goes as a template, because nobody has written to us within 24 hours when it is needed
    most; the template's one parameter is the text of the task's SMS. An answer to what somebody
    wrote goes as plain text: it is within these 24 hours by construction
    (`notify.firewall.answers`).
    """

    kind: Literal["whatsapp"] = "whatsapp"
    channel: Medium = "whatsapp"
    url: str = "https://graph.facebook.com"
    version: Annotated[str, StringConstraints(pattern=r"^v\d{1,2}\.\d$")] = "v23.0"
    """Of the Graph API; the newest when this was written. Unconfirmed."""
    phone_number_id: Annotated[str, StringConstraints(pattern=r"^\d{5,20}$")]
    template: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,512}$")]
    """An approved template whose body holds {{1}}."""
    template_language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(_[A-Z]{2})?$")] = "id"
    app_secret_file: Path
    """Key of `X-Hub-Signature-256`."""
    verify_file: Path
    """What the service repeats when our address is entered there."""


class TelegramRoute(ChatRoute):
    """`kind = "telegram"`: a bot. Whoever wants its messages must have written to it first."""

    kind: Literal["telegram"] = "telegram"
    channel: Medium = "telegram"
    url: str = "https://api.telegram.org"
    rate_per_s: float = Field(default=20.0, gt=0)
    """Telegram asks for 30 a second at most."""
    hook_file: Path
    """`secret_token` of setWebhook, which comes with each of its calls."""


def secret_in(path: Path) -> str:
    """One line of a file.

    Raises:
        SettingsError: it cannot be read, or is empty.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"secret {path}: {type(error).__name__}") from error
    if not text or not text.isprintable():
        raise SettingsError(f"secret {path}: expected one line of text")
    return text


def telegram_token(route: TelegramRoute) -> str:
    """
    Raises:
        SettingsError: no token of a bot; it is put into an address, so its form matters.
    """
    found = secret_in(route.token_file)
    if not _TELEGRAM_TOKEN.fullmatch(found):
        raise SettingsError(
            f"route {route.route}: token_file {route.token_file}: expected a token like 123:ABC…"
        )
    return found


def telegram_hook_secret(route: TelegramRoute) -> str:
    """
    Raises:
        SettingsError: shorter than can be tried, or with characters that Telegram does not take.
    """
    found = secret_in(route.hook_file)
    if not _HOOK_SECRET.fullmatch(found):
        raise SettingsError(
            f"route {route.route}: hook_file {route.hook_file}: expected 20 to 256 letters and "
            "digits; make it with: openssl rand -hex 20"
        )
    return found
