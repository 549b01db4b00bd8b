"""Which process of which machine this is, and whether one that left its name is still there."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def this_process() -> str:
    """Machine, number and start of this process: never used twice."""
    return _process(os.getpid())


def is_dead(process: str) -> bool:
    """Whether that was a process of this machine that is no more; False where it cannot be told."""
    head, _, _ = process.rpartition(":")
    machine, _, pid = head.rpartition(":")
    if not machine or machine != _machine() or not pid.isdecimal():
        return False
    return process != _process(int(pid))


def number_of(process: str) -> str:
    """Its process number, for a person."""
    return process.rpartition(":")[0].rpartition(":")[2]


@cache
def _machine() -> str:
    """This run of this machine, and its space of process numbers; empty where that is unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _process(pid: int) -> str:
    return f"{_machine()}:{pid}:{_started(pid)}"


def _started(pid: int) -> str:
    """When a process began, in ticks since boot; empty if there is none or it cannot be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return ""
