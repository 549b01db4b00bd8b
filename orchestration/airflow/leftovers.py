"""End the processes of a run of ours that outlived it.

Airflow gives each task a process group of its own, which no signal to the group of its
parent reaches. All processes of one run carry the same mark in their environment.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import psutil

log = logging.getLogger(__name__)

MARK = "KENTONGAN_UP_ID"

_PATIENCE_S = 5.0
"""Between the asking signal and the killing one."""


def leftovers(mark: str) -> list[psutil.Process]:
    """Processes with the mark, without this one."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                found.append(process)
        except psutil.Error:  # ended meanwhile, or another user's
            continue
    return found


def end_leftovers(mark: str) -> int:
    """TERM, wait, KILL; returns how many there were."""
    found = leftovers(mark)
    for process in found:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(found, timeout=_PATIENCE_S)
    for process in alive:
        log.warning("process %s did not end when asked; killed", process.pid)
        _signal(process.kill)
    psutil.wait_procs(alive, timeout=_PATIENCE_S)
    return len(found)


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
