"""The memory of the switch: which alarms stand, what was told, what to tell now. Pure values.

It lives in one small file beside the database, not in it, and survives a restart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kentongan.times import iso, parse_instant
from orchestration.deadman.checks import DATABASE, DISK, Findings
from orchestration.deadman.policy import DeadmanPolicy

FILE = "deadman.json"


@dataclass(frozen=True)
class Alarm:
    """One thing that looks dead, from the first look that saw it."""

    key: str
    what: str
    action: str
    since: datetime
    """When it died, as far as is known; else when that was first seen."""
    due_at: datetime
    """From when on it is an alarm."""
    told_at: datetime | None = None
    """When a person was last told; None: not yet."""
    times: int = 0
    well_since: datetime | None = None
    """Since when it looks alive again."""


@dataclass(frozen=True)
class Memory:
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Notice:
    """What to tell now."""

    new: tuple[Alarm, ...] = ()
    again: tuple[Alarm, ...] = ()
    recovered: tuple[Alarm, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.again or self.recovered)


def standing(memory: Memory, at: datetime) -> tuple[Alarm, ...]:
    """Alarms that stand, told or not, the oldest first."""
    found = [a for a in memory.alarms.values() if a.due_at <= at and a.well_since is None]
    return tuple(sorted(found, key=lambda alarm: (alarm.since, alarm.key)))


def suspects(memory: Memory, at: datetime) -> tuple[Alarm, ...]:
    """What looks dead and is no alarm yet, the first to become one first."""
    found = [a for a in memory.alarms.values() if a.due_at > at and a.well_since is None]
    return tuple(sorted(found, key=lambda alarm: (alarm.due_at, alarm.key)))


def learn(memory: Memory, findings: Findings, at: datetime, policy: DeadmanPolicy) -> Memory:
    """The memory after one look. Where the look was incomplete, what it could not see stays."""
    found = {finding.key: finding for finding in findings.found}
    after: dict[str, Alarm] = {}
    for key, finding in found.items():
        before = memory.alarms.get(key)
        first = before.since if before and finding.since is None else finding.since or at
        # One story from the first death on, although it came back for a moment.
        since = min(first, before.since) if before else first
        told = (before.told_at, before.times) if before else (None, 0)
        after[key] = Alarm(key, finding.what, finding.action, since, since + finding.after, *told)
    lasting = timedelta(seconds=policy.recovered_after_seconds)
    for key, before in memory.alarms.items():
        if key in after:
            continue
        if not findings.complete and key not in (DATABASE, DISK):
            after[key] = before
            continue
        well_since = before.well_since or at
        if before.told_at is not None or at - well_since < lasting:
            after[key] = replace(before, well_since=well_since)
    return Memory(after, at)


def notice(memory: Memory, at: datetime, policy: DeadmanPolicy) -> Notice:
    """What is to be told of this memory."""
    pause = timedelta(minutes=policy.repeat_after_minutes)
    lasting = timedelta(seconds=policy.recovered_after_seconds)
    held = standing(memory, at)
    return Notice(
        new=tuple(a for a in held if a.told_at is None),
        again=tuple(a for a in held if a.told_at is not None and at - a.told_at >= pause),
        recovered=tuple(
            a
            for a in memory.alarms.values()
            if a.told_at is not None and a.well_since is not None and at - a.well_since >= lasting
        ),
    )


def told(memory: Memory, said: Notice, at: datetime) -> Memory:
    """The memory after a person was told."""
    after = dict(memory.alarms)
    for alarm in (*said.new, *said.again):
        after[alarm.key] = replace(alarm, told_at=at, times=alarm.times + 1)
    for alarm in said.recovered:
        del after[alarm.key]
    return replace(memory, alarms=after)


# --- the file ----------------------------------------------------------------------------


def load(path: Path) -> Memory:
    """The memory of the last run; a new one where the file is missing or damaged.

    A damaged file costs a repeated alarm, never a missed one.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        alarms = {a["key"]: _alarm(a) for a in document["alarms"]}
        return Memory(alarms, parse_instant(document["checked_at"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Memory()


def save(path: Path, memory: Memory) -> None:
    """Whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    document = {
        "checked_at": iso(memory.checked_at) if memory.checked_at else None,
        "alarms": [_plain(alarm) for alarm in memory.alarms.values()],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".part")
    temporary.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    temporary.replace(path)


_TIMES = ("since", "due_at", "told_at", "well_since")


def _plain(alarm: Alarm) -> dict[str, Any]:
    values = asdict(alarm)
    return values | {name: iso(values[name]) if values[name] else None for name in _TIMES}


def _alarm(values: Mapping[str, Any]) -> Alarm:
    times = {name: parse_instant(values[name]) if values[name] else None for name in _TIMES}
    return Alarm(**{**values, **times})
