"""What the threads of one dispatcher have in common."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Engine

from kentongan.sealing import Keys
from notify.channels.real import RealChannel
from notify.dispatcher.faults import Faults
from notify.dispatcher.policy import DispatchPolicy
from notify.dispatcher.spending import Meter
from notify.firewall.gate import Guarded


def utc() -> datetime:
    """The real clock: a dispatcher works in the present and in no other instant."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Shared:
    """Any thread may read it."""

    engine: Engine
    keys: Keys | None
    """Of sealed addresses; None: this run reaches made-up people alone."""
    policy: DispatchPolicy
    faults: Faults
    spending: Meter
    holds: Callable[[str], bool]
    """Route -> whether it is ours, seen lately."""
    guard: Callable[[str, RealChannel], Guarded | None]
    """The channel behind a clearance of now; None: this run may not use real ones."""
    works: Callable[[str], bool]
    """Route -> whether it was not given up, here or elsewhere."""
    owner: str = ""
    """In the books, of leased rows."""
    ending: threading.Event = field(default_factory=threading.Event)
    """Finish what is on the wire, then stop."""
    give_up: threading.Event = field(default_factory=threading.Event)
    """Stop now."""
    clock: Callable[[], datetime] = utc
