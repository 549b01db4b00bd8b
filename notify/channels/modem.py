"""A GSM modem behind gammu-smsd's folders: the way out that a district has when no carrier answers.

A message is a file in `outbox`; the daemon moves it to `sent` or `error`. What it receives is a
file in `inbox`. A modem takes seconds for each message, so few are in the queue at once, and what
is still there when their time is over is taken back: a daemon that was down must not send it hours
later. Names of files hold numbers, as the daemon wants it; they are deleted when they were read.

Format of the daemon: https://docs.gammu.org/smsd/files.html, with `inboxformat = unicode` and
`outboxformat = unicode`.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from kentongan.errors import DispatchError, KentonganError, SettingsError
from notify.channels.channel import InboundMessage, Outcome, Outgoing, Receipt, Sink
from notify.channels.real import RealChannel
from notify.channels.routes import Medium, RouteBase
from notify.firewall.clearance import number, real_clock

log = logging.getLogger(__name__)

FOLDERS = ("inbox", "outbox", "sent", "error")
SETTLED_S = 1.0
"""A file that did not change for so long is whole: the daemon writes it in one go."""
MOST_BYTES = 65_536
"""Of a file of the inbox; the longest text of 255 parts has 34 kB."""
MOST_AT_ONCE = 500
_LOOK_S = 0.2
_PAUSE_S = 1.0
_URGENT = 1000
"""`notify.sending.urgency`: Awas and calls back are below."""
_CAME = re.compile(
    r"IN\d{8}_\d{6}_\d{2}_(?P<sender>[^_/]{0,40})_(?P<part>\d{2})\.\w{1,8}", re.ASCII
)
_WROTE = re.compile(r"OUT[A-Z]\d{8}_\d{6}_\d\d_\+\d+_k\d+p\d+\.txt", re.ASCII)
REFUSED = ".refused"


class GammuRoute(RouteBase):
    """`kind = "gammu"` of the routes file."""

    kind: Literal["gammu"] = "gammu"
    channel: Medium = "sms"
    order: int = Field(default=9, ge=1, le=9)
    rate_per_s: float = Field(default=0.3, gt=0)
    """A modem takes 3 to 5 seconds for a message."""
    window: int = Field(default=5, ge=1, le=20)
    two_way: bool = True
    spool: Path
    """Folder with `inbox`, `outbox`, `sent` and `error`, as `gammu-smsdrc` names them."""
    timeout_s: float = Field(default=40.0, gt=0, le=50)
    """Of one window; below the dispatcher's lease of 60 s."""
    most_waiting: int = Field(default=50, ge=1)
    """Files in the outbox, whoever wrote them; above it nothing is added."""


@dataclass(frozen=True)
class _Put:
    """A message in the outbox."""

    name: str
    message: Outgoing


class GammuChannel(RealChannel):
    """One modem."""

    def __init__(
        self,
        config: GammuRoute,
        *,
        clock: Callable[[], datetime] = real_clock,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Raises:
            SettingsError: a folder of the spool is missing or may not be written.
        """
        self.route = config.route
        self.window = config.window
        self.config = config
        self._clock, self._steady = clock, steady
        self._ending = threading.Event()
        self._reader: threading.Thread | None = None
        for name in FOLDERS:
            if not os.access(config.spool / name, os.R_OK | os.W_OK | os.X_OK):
                raise SettingsError(
                    f"route {config.route}: spool {config.spool / name}: expected a folder that we "
                    "and gammu-smsd may write"
                )

    def open(self, sink: Sink) -> None:
        """Take back what an earlier process left in the outbox; read the inbox from now on."""
        left = [path.name for path in self._folder("outbox").glob("OUT*_k*.txt")
                if _WROTE.fullmatch(path.name)]  # fmt: skip
        if left:
            log.warning("route %s: %d messages of an earlier run taken back", self.route, len(left))
        for name in sorted(left, reverse=True):
            self._folder("outbox").joinpath(name).unlink(missing_ok=True)
        self._ending.clear()
        self._reader = threading.Thread(
            target=self._read, args=(sink,), name=f"modem-{self.route}", daemon=True
        )
        self._reader.start()

    def close(self) -> None:
        self._ending.set()
        if self._reader is not None:
            self._reader.join(5.0)
            self._reader = None

    def _folder(self, name: str) -> Path:
        return self.config.spool / name

    # --- out ---

    def transmit(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        waiting = sum(1 for _ in self._folder("outbox").iterdir())
        if waiting + len(messages) > self.config.most_waiting:
            raise DispatchError(
                f"route {self.route}: {waiting} files wait in its outbox, at most "
                f"{self.config.most_waiting}; does gammu-smsd run, and does the modem answer?"
            )
        whole = [message for message in messages if not message.part]
        answers = self._sent([self._put(place, one) for place, one in enumerate(whole)])
        return [
            answers[message.outbox_id]
            if not message.part
            else Receipt(Outcome.ACCEPTED, "went with part 1")
            for message in messages
        ]

    def _put(self, place: int, message: Outgoing) -> _Put:
        """Whole or not at all: the daemon reads only names that begin with `OUT`."""
        letter = "A" if message.prio < _URGENT else "M"
        stamp = self._clock().astimezone(UTC).strftime("%Y%m%d_%H%M%S")
        mine = f"k{message.outbox_id}p{message.part}"
        name = f"OUT{letter}{stamp}_{place:02}_{number(message.address)}_{mine}.txt"
        folder = self._folder("outbox")
        temporary = folder / f"new-{mine}"
        temporary.write_bytes(message.text.encode("utf-16"))
        temporary.rename(folder / name)
        return _Put(name, message)

    def _sent(self, put: Sequence[_Put]) -> dict[int, Receipt]:
        """What became of each, when all are settled or the time is over."""
        found: dict[int, Receipt] = {}
        end = self._steady() + self.config.timeout_s
        while len(found) < len(put) and self._steady() < end:
            for one in put:
                receipt = self._fate(one.name)
                if receipt is not None:
                    found.setdefault(one.message.outbox_id, receipt)
            if len(found) < len(put) and self._ending.wait(_LOOK_S):
                break
        for one in sorted(put, key=lambda one: one.name, reverse=True):
            if one.message.outbox_id not in found:
                found[one.message.outbox_id] = self._taken_back(one.name)
        return found

    def _fate(self, name: str) -> Receipt | None:
        """What the daemon did; None: nothing yet. What was read is deleted."""
        for folder, outcome, detail in (
            ("sent", Outcome.ACCEPTED, ""),
            ("error", Outcome.RETRY, "the modem could not send it"),
        ):
            path = self._folder(folder) / name
            if path.exists():
                path.unlink()
                return Receipt(outcome, detail)
        return None

    def _taken_back(self, name: str) -> Receipt:
        """Called from the last to the first: the daemon sends the first in order, so what stands
        behind another one was certainly not begun."""
        outbox = self._folder("outbox")
        try:
            (outbox / name).unlink()
        except FileNotFoundError:
            return self._fate(name) or Receipt(Outcome.UNKNOWN, "it left the outbox unseen")
        if any(path.name < name for path in outbox.glob("OUT*")):
            return Receipt(Outcome.RETRY, "the modem did not come to it", counts=False)
        return Receipt(Outcome.UNKNOWN, "the modem may have begun to send it")

    # --- in ---

    def _read(self, sink: Sink) -> None:
        while not self._ending.is_set():
            try:
                self._read_once(sink)
            except (OSError, SQLAlchemyError, KentonganError) as error:
                log.error("route %s: inbox: %s", self.route, type(error).__name__)  # noqa: TRY400
            self._ending.wait(_PAUSE_S)

    def _read_once(self, sink: Sink) -> None:
        """Hand over what is whole; a file is deleted after it was stored, so a crash between the
        two hands it over again, with the same time and so as the same message."""
        for paths in _messages(self._folder("inbox"), self._clock().timestamp()):
            message = self._message(paths)
            if message is None:
                for path in paths:
                    path.rename(path.with_name(path.name + REFUSED))
                log.warning(
                    "route %s: a file of the inbox is no message; kept beside it", self.route
                )
                continue
            sink.inbound(message)
            for path in paths:
                path.unlink(missing_ok=True)

    def _message(self, paths: Sequence[Path]) -> InboundMessage | None:
        """The parts of one message; None where they are none."""
        named = _CAME.fullmatch(paths[0].name)
        if named is None or sum(path.stat().st_size for path in paths) > MOST_BYTES:
            return None
        came = datetime.fromtimestamp(paths[0].stat().st_mtime, UTC)
        text = "".join(_text(path.read_bytes()) for path in paths)
        return InboundMessage(self.route, "", named["sender"] or "?", text, came)


def _messages(inbox: Path, now: float) -> Iterator[list[Path]]:
    """Files that belong together, each group once all of it is settled, oldest name first."""
    groups: dict[str, list[Path]] = {}
    found = sorted(path for path in inbox.glob("IN*") if not path.name.endswith(REFUSED))
    for path in found[:MOST_AT_ONCE]:
        named = _CAME.fullmatch(path.name)
        key = path.name[: named.start("part")] if named else path.name
        groups.setdefault(key, []).append(path)
    for paths in groups.values():
        if all(abs(now - path.stat().st_mtime) > SETTLED_S for path in paths):
            yield paths


def _text(data: bytes) -> str:
    """UTF-16 with its mark, as the daemon writes `unicode`; else UTF-8, else one byte a letter."""
    if data[:2] in (b"\xfe\xff", b"\xff\xfe"):
        return data.decode("utf-16", errors="replace").rstrip("\x00")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
