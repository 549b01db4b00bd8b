"""How an alarm leaves this machine: Apprise addresses, and the ping of an outside monitor."""

from __future__ import annotations

import logging
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from kentongan.types import Mode
from orchestration.deadman.alarms import Alarm, Notice
from orchestration.deadman.words import short_clock, span

log = logging.getLogger(__name__)
_T = TypeVar("_T")

PATIENCE_S = 30.0
"""For all alarm addresses together: one that hangs must not stop the next look."""
PING_S = 5.0
MAX_LISTED = 12
"""Alarms of one message; the rest is counted. An SMS gateway cuts what is longer."""
_MARKS = {Mode.EXERCISE: "LATIHAN · ", Mode.TEST: "TES · "}


def title(said: Notice, mode: Mode) -> str:
    mark = _MARKS.get(mode, "")
    if said.new:
        return f"{mark}KENTONGAN ALARM: {len(said.new)} hal mati atau buta"
    if said.again:
        return f"{mark}KENTONGAN MASIH ALARM: {len(said.again)} hal"
    return f"{mark}KENTONGAN PULIH: {len(said.recovered)} hal"


def body(said: Notice, at: datetime, home: str) -> str:
    lines = [line for alarm in said.new[:MAX_LISTED] for line in _alarm("ALARM", alarm, at)]
    lines += [line for alarm in said.again[:MAX_LISTED] for line in _alarm("MASIH", alarm, at)]
    lines += [_recovered(alarm, at) for alarm in said.recovered[:MAX_LISTED]]
    parts = (said.new, said.again, said.recovered)
    left = sum(max(0, len(part) - MAX_LISTED) for part in parts)
    lines += [f"dan {left} hal lain"] if left else []
    return "\n".join([*lines, f"Mesin {socket.gethostname()}, {home}. Lihat: kentongan feeds"])


def _alarm(word: str, alarm: Alarm, at: datetime) -> list[str]:
    when = f"sejak {short_clock(alarm.since, at)} ({span(alarm.since, at)})"
    return [f"{word} {when}: {alarm.what}", f"  Tindakan: {alarm.action}"]


def _recovered(alarm: Alarm, at: datetime) -> str:
    end = alarm.well_since or at
    when = f"{short_clock(alarm.since, at)} sampai {short_clock(end, at)}"
    return f"PULIH: {alarm.what.partition(':')[0]} (mati {when}, {span(alarm.since, end)})"


def within(seconds: float, act: Callable[[], _T], otherwise: _T) -> _T:
    """What `act` gives, or `otherwise` if it takes longer or fails; it is then left behind."""
    answer: list[_T] = []

    def run() -> None:
        try:
            answer.append(act())
        except Exception:
            log.exception("sending failed")

    thread = threading.Thread(target=run, daemon=True, name="deadman-out")
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else otherwise


def send(urls: Sequence[str], head: str, text: str) -> int:
    """How many of the addresses took the message. Without addresses the log is the channel."""
    log.warning("%s\n%s", head, text)
    return within(PATIENCE_S, lambda: sum(_send_one(u, head, text) for u in urls), 0)


def _send_one(url: str, head: str, text: str) -> bool:
    import apprise

    channel = apprise.Apprise()
    if not channel.add(url):
        log.error("KENTONGAN_ALARM_URLS: an address that Apprise does not know; see its manual")
        return False
    try:
        taken = bool(channel.notify(title=head, body=text, notify_type="failure"))
    except Exception:
        log.exception("alarm to %s", _without_secrets(channel))
        return False
    if not taken:
        log.error("alarm to %s was not taken", _without_secrets(channel))
    return taken


def _without_secrets(channel: Any) -> str:
    return str(channel[0].url(privacy=True))


def ping(url: str) -> bool:
    """Whether the outside monitor took our sign of life."""
    return within(PING_S * 2, lambda: _ping(url), False)


def _ping(url: str) -> bool:
    if not url.startswith(("http://", "https://")):
        log.error("KENTONGAN_MONITOR_URL: expected an http(s) address")
        return False
    request = urllib.request.Request(url, headers={"User-Agent": "Kentongan-deadman"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=PING_S) as answer:  # noqa: S310 - checked
            answer.read(1024)
            return bool(answer.status < 300)
    except (urllib.error.URLError, OSError, ValueError) as error:
        log.warning("ping of the outside monitor: %s", type(error).__name__)
        return False
