"""Watch the health of the running set: say when it is ready, restart what hangs.

Supervisor sees a process that died; a component that lives and no longer beats its heart
is seen only here.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from kentongan.errors import NaiveTime
from kentongan.times import parse_instant
from orchestration.airflow.environment import HOST
from orchestration.heartbeat import UP, Pulse

log = logging.getLogger(__name__)

COMPONENTS = {
    "metadatabase": "api-server",
    "scheduler": "scheduler",
    "dag_processor": "dag-processor",
    "triggerer": "triggerer",
}
"""Airflow's name of a component in its health document, and the program to restart."""

HANGS_AFTER_S = 120.0
"""Unhealthy for so long: restarted. A start on a busy machine takes up to 60 s."""

START_ALLOWANCE_S = 300.0
"""A first start without cached bytecode on a loaded machine was measured at 224 s."""

_STARTING_LOOK_S = 1.0
_RUNNING_LOOK_S = 10.0


def unhealthy(document: Mapping[str, Any]) -> set[str]:
    """Components of Airflow's health document that are not healthy.

    No document at all speaks against the API server only, which is asked for it.
    """
    if not document:
        return {"metadatabase"}
    return {
        name
        for name in COMPONENTS
        if not isinstance(document.get(name), dict) or document[name].get("status") != "healthy"
    }


def component_beats(document: Mapping[str, Any]) -> dict[str, datetime]:
    """When each component beat last, by Airflow's own account; without those that never did."""
    found = {}
    for name in COMPONENTS:
        part = document.get(name)
        text = part.get(f"latest_{name}_heartbeat") if isinstance(part, dict) else None
        try:
            found[COMPONENTS[name]] = parse_instant(str(text))
        except (ValueError, NaiveTime):
            continue
    return found


@dataclass
class Readiness:
    """Called again and again by the runner; looks only when it is time to."""

    folder: Path
    api_port: int
    web_port: int
    say: Callable[[str], None]
    pulse: Pulse | None = None
    """Where the heartbeats of Airflow's components are noted for the dead-man's switch."""
    ready: bool = False
    _next: float = 0.0
    _since: dict[str, float] = field(default_factory=dict)
    _restarts: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        health = self._health()
        bad = unhealthy(health)
        self._note(health)
        if not bad and not self.ready:
            self._become_ready(now)
        self._next = now + (_RUNNING_LOOK_S if self.ready else _STARTING_LOOK_S)
        for name in self.hanging(bad, now):
            self.restart(name)

    def _note(self, health: Mapping[str, Any]) -> None:
        """Airflow's own heartbeats, and that this runner looks at them."""
        if self.pulse is None:
            return
        self.pulse.beat(UP, datetime.now(UTC))
        for name, when in component_beats(health).items():
            self.pulse.beat(name, when)

    def hanging(self, bad: set[str], now: float) -> list[str]:
        """Components that have been unhealthy too long; their clocks start anew."""
        self._since = {name: self._since.get(name, now) for name in sorted(bad)}
        if not self.ready and now - self._started < START_ALLOWANCE_S:
            return []
        late = [name for name, since in self._since.items() if now - since >= HANGS_AFTER_S]
        for name in late:
            self._since[name] = now
        return late

    def restart(self, name: str) -> None:
        program = f"kentongan:{COMPONENTS[name]}"
        self.say(f"{name} has been unhealthy for {HANGS_AFTER_S:.0f} s; restarting {program}")
        control = [sys.executable, "-m", "supervisor.supervisorctl"]
        command = [*control, "-c", str(self.folder / "supervisord.conf"), "restart", program]
        # Not waited for: the runner must go on hearing the stop signal.
        self._restarts = [p for p in self._restarts if p.poll() is None]
        quiet = subprocess.DEVNULL
        self._restarts.append(subprocess.Popen(command, stdout=quiet, stderr=quiet))

    def _health(self) -> dict[str, Any]:
        """Airflow's health document; empty if it does not answer."""
        try:
            answer = self._get("/api/v2/monitor/health", timeout=3.0).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return answer if isinstance(answer, dict) else {}

    def _become_ready(self, now: float) -> None:
        self.ready = True
        self._warm()
        password = self.folder / "simple_auth_manager_passwords.json.generated"
        self.say(f"Airflow is ready after {now - self._started:.0f} s.")
        self.say(
            f"  Airflow          http://{HOST}:{self.api_port}  (admin, password in {password})"
        )
        self.say(f"  Web application  http://{HOST}:{self.web_port}")
        self.say("Ctrl-C stops everything.")

    def _warm(self) -> None:
        """The first request to the execution API costs 7-9 s; no task shall pay them."""
        try:
            self._get("/execution/health", timeout=30.0)
        except httpx.HTTPError as error:
            log.warning("warming the API server: %s", error)

    def _get(self, path: str, *, timeout: float) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=timeout) as http:
            return http.get(f"http://{HOST}:{self.api_port}{path}")
