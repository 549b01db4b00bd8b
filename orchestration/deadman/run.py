"""The loop: look, remember, tell, ping. It needs the database to be alive for none of them."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from kentongan.settings import Settings
from kentongan.times import iso
from orchestration.deadman import alarms, tell
from orchestration.deadman.alarms import Memory, Notice
from orchestration.deadman.checks import Findings, database_dead, look
from orchestration.deadman.policy import DeadmanPolicy

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """What one look led to."""

    at: datetime
    memory: Memory
    said: Notice
    delivered: int
    monitor: str
    """`pinged`, `failed`, `held back` (something is wrong), `waiting`, or `not configured`."""

    def as_json(self) -> dict[str, Any]:
        held = alarms.standing(self.memory, self.at)
        return {
            "at": iso(self.at),
            "well": not held,
            "alarms": [
                {
                    "key": alarm.key,
                    "what": alarm.what,
                    "action": alarm.action,
                    "since": iso(alarm.since),
                    "told_at": iso(alarm.told_at) if alarm.told_at else None,
                    "times": alarm.times,
                }
                for alarm in held
            ],
            "suspects": [
                {"key": a.key, "what": a.what, "alarm_at": iso(a.due_at)}
                for a in alarms.suspects(self.memory, self.at)
            ],
            "told": [alarm.key for alarm in (*self.said.new, *self.said.again)],
            "recovered": [alarm.key for alarm in self.said.recovered],
            "delivered": self.delivered,
            "monitor": self.monitor,
        }


@dataclass
class Switch:
    """One dead-man's switch with its memory."""

    settings: Settings
    policy: DeadmanPolicy
    _pinged: datetime | None = None
    _looking: threading.Thread | None = None
    _memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.path = self.settings.home.resolve() / alarms.FILE
        self._memory = alarms.load(self.path)

    def turn(self, at: datetime) -> Round:
        """One look at everything at `at`."""
        findings = self._look(at)
        self._memory = alarms.learn(self._newest_memory(), findings, at, self.policy)
        said = alarms.notice(self._memory, at, self.policy)
        delivered = self._tell(said, at) if said else 0
        self._save()
        return Round(at, self._memory, said, delivered, self._ping(at))

    def _newest_memory(self) -> Memory:
        """Of this switch, or of another on the same home that looked later: an alarm that it told
        is not told twice."""
        kept, mine = alarms.load(self.path), self._memory
        if kept.checked_at is None or (mine.checked_at and kept.checked_at < mine.checked_at):
            return mine
        return kept

    def _look(self, at: datetime) -> Findings:
        """The findings; a look that hangs says that the database is dead."""
        if self._looking is None or not self._looking.is_alive():
            answer: list[Findings] = []
            self._looking = threading.Thread(
                target=lambda: answer.append(look(self.settings, self.policy, at)), daemon=True
            )
            self._looking.start()
            self._looking.join(self.policy.database_silent_seconds)
            if answer:
                return answer[0]
        seconds = self.policy.database_silent_seconds
        return Findings((database_dead(self.policy, f"diam lebih dari {seconds:g} s"),), False)

    def _tell(self, said: Notice, at: datetime) -> int:
        urls = self.settings.alarm_urls
        head = tell.title(said, self.settings.mode)
        taken = tell.send(urls, head, tell.body(said, at, str(self.settings.home.resolve())))
        if taken or not urls:
            self._memory = alarms.told(self._memory, said, at)
        else:
            log.error("no alarm address took the alarm; it is tried again at the next look")
        return taken

    def _save(self) -> None:
        try:
            alarms.save(self.path, self._memory)
        except OSError as error:
            log.warning("%s: not written (%s); after a restart alarms repeat", self.path, error)

    def _ping(self, at: datetime) -> str:
        url = self.settings.monitor_url
        if not url:
            return "not configured"
        if alarms.standing(self._memory, at):
            return "held back"
        pause = timedelta(seconds=self.policy.ping_every_seconds)
        if self._pinged is not None and timedelta(0) <= at - self._pinged < pause:
            return "waiting"
        self._pinged = at if tell.ping(url) else None
        return "pinged" if self._pinged else "failed"


def keep_looking(switch: Switch, *, stop: threading.Event, clock: Callable[[], datetime]) -> None:
    """Look again and again until `stop`; a look that fails is logged, and the next one follows."""
    while not stop.is_set():
        started = time.monotonic()
        try:
            switch.turn(clock())
            still_alive()
        except Exception:
            log.exception("a look of the dead-man's switch failed; the next follows")
        passed = time.monotonic() - started
        stop.wait(max(0.1, switch.policy.check_every_seconds - passed))


def still_alive() -> None:
    """Tell systemd's watchdog, where there is one, that this process still looks."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        try:
            notify.sendto(b"READY=1\nWATCHDOG=1", name)
        except OSError as error:
            log.warning("systemd's notify socket: %s", error)
