"""Secrets of a route, read from their files when it is opened; never printed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kentongan.errors import SettingsError
from notify.channels.http.route import HttpRoute

SHORTEST_HOOK = 20
"""Characters: with 5 bits each more than can be tried."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@dataclass(frozen=True)
class Secrets:
    """Empty where the route has none."""

    password: str
    token: str
    sign: str
    hook: str
    hook_password: str

    def __repr__(self) -> str:
        return "Secrets(…)"

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.password, self.token, self.sign, self.hook,
                                   self.hook_password)))  # fmt: skip


def secrets_of(route: HttpRoute) -> Secrets:
    """What its files hold, without the line's end.

    Raises:
        SettingsError: a file that cannot be read, is empty, or holds no secret of its kind.
    """
    found = Secrets(
        password=_read(route.password_file),
        token=_read(route.token_file),
        sign=_read(route.sign_file),
        hook=_read(route.hook_file),
        hook_password=_read(route.hook_password_file),
    )
    if route.hook_file and (len(found.hook) < SHORTEST_HOOK or not _PLAIN.issuperset(found.hook)):
        raise SettingsError(
            f"route {route.route}: hook_file {route.hook_file}: expected {SHORTEST_HOOK} or more "
            "letters and digits; make it with: openssl rand -hex 20"
        )
    return found


def _read(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"secret {path}: {type(error).__name__}") from error
    if not text:
        raise SettingsError(f"secret {path}: expected one line, found an empty file")
    return text
