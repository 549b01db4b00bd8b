"""People on duty and public channels by Apprise: Telegram, e-mail, Slack and 170 others.

For staff, never for residents: Apprise says only yes or no, for each address at once. It runs in
threads of its own with a limit of time, because any of its services may hang.
"""

from __future__ import annotations

import logging
import threading
import time
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from kentongan.errors import SettingsError
from kentongan.keyfiles import key_file
from notify.channels.channel import Outcome, Outgoing, Receipt
from notify.channels.real import RealChannel
from notify.channels.routes import Medium, RouteBase

log = logging.getLogger(__name__)

_MOST_HANGING = 20
"""Threads that Apprise did not give back; more would be a leak."""
_TITLE = 200
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")]


class StaffRoute(RouteBase):
    """`kind = "staff"` of the routes file."""

    kind: Literal["staff"] = "staff"
    channel: Medium = "staff"
    window: int = Field(default=5, ge=1, le=50)
    rate_per_s: float = Field(default=2.0, gt=0)
    names: tuple[Name, ...] = Field(min_length=1)
    """Who is told of every release; the addresses of each stand in `addresses_file`."""
    addresses_file: Path
    """TOML: a name and its list of Apprise addresses, `duty = ["tgram://…", "mailto://…"]`."""
    timeout_s: float = Field(default=20.0, gt=0, le=40)


class Staff(RealChannel):
    """One route; every address of a name gets the message."""

    def __init__(self, config: StaffRoute) -> None:
        """
        Raises:
            SettingsError: the addresses cannot be read, or a name has none.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._addresses = _addresses(config)
        self._hanging = threading.Semaphore(_MOST_HANGING)

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        tried = [self._begin(message) for message in messages]
        for work in tried:
            for one in work:
                one.done.wait(max(0.0, one.left()))
        return [_receipt(work) for work in tried]

    def _begin(self, message: Outgoing) -> list[_Attempt]:
        urls = self._addresses.get(message.address, ())
        title = str((message.payload or {}).get("title") or message.text)[:_TITLE]
        kind = "failure" if message.level >= 4 else "warning"
        return [
            _Attempt.start(url, title, message.text, kind, self.config.timeout_s, self._hanging)
            for url in urls
        ]


class _Attempt:
    """One message to one address, in a thread of its own."""

    def __init__(self, schema: str, within_s: float) -> None:
        self.schema = schema
        self.answer: bool | None = None
        self.done = threading.Event()
        self._ends = time.monotonic() + within_s

    def left(self) -> float:
        return self._ends - time.monotonic()

    @classmethod
    def start(
        cls, url: str, title: str, text: str, kind: str, within_s: float, room: threading.Semaphore
    ) -> _Attempt:
        attempt = cls(url.partition("://")[0], within_s)
        if not room.acquire(blocking=False):
            attempt.answer = False
            attempt.done.set()
            return attempt

        def run() -> None:
            try:
                attempt.answer = _notify(url, title, text, kind)
            finally:
                room.release()
                attempt.done.set()

        threading.Thread(target=run, daemon=True, name=f"staff-{attempt.schema}").start()
        return attempt


def _notify(url: str, title: str, text: str, kind: str) -> bool:
    import apprise

    there = apprise.Apprise()
    if not there.add(url):
        return False
    try:
        return bool(there.notify(title=title, body=text, notify_type=kind, body_format="text"))
    except Exception as error:  # noqa: BLE001 - no words of it: they may hold the address
        log.warning("staff: an address of %s: %s", url.partition("://")[0], type(error).__name__)
        return False


def _receipt(work: Sequence[_Attempt]) -> Receipt:
    """One row stands for a person: who got it on one address has it."""
    if not work:
        return Receipt(Outcome.REFUSED, "nobody of this name in addresses_file")
    words = {True: "taken", False: "not taken", None: "no answer in time"}
    detail = ", ".join(f"{one.schema} {words[one.answer]}" for one in work)[:200]
    answers = [one.answer for one in work]
    if any(answers):
        return Receipt(Outcome.ACCEPTED, detail)
    return Receipt(Outcome.UNKNOWN if None in answers else Outcome.RETRY, detail)


def _addresses(config: StaffRoute) -> Mapping[str, tuple[str, ...]]:
    path = config.addresses_file
    try:
        found: dict[str, Any] = tomllib.loads(key_file(path, make=None).decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: expected TOML: {type(error).__name__}") from error
    lists = {
        name: tuple(urls)
        for name, urls in found.items()
        if isinstance(urls, list) and urls and all(isinstance(url, str) for url in urls)
    }
    wrong = sorted({*found} - {*lists}) + [name for name in config.names if name not in lists]
    if wrong:
        raise SettingsError(
            f"{path}: {wrong[0]}: expected a list of Apprise addresses, e.g. "
            f'{wrong[0]} = ["mailto://…"]'
        )
    _require_known(path, lists)
    return lists


def _require_known(path: Path, lists: Mapping[str, tuple[str, ...]]) -> None:
    import apprise

    for name, urls in lists.items():
        for number, url in enumerate(urls, start=1):
            if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
                raise SettingsError(f"{path}: {name}: address {number} is none that Apprise knows")
