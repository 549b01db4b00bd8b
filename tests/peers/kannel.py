"""Debian's Kannel as a peer of the tests: the real gateway, with a phone network that is not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .relay import Outside

HERE = Path(__file__).parent
NEEDED = ("/usr/sbin/bearerbox", "/usr/sbin/smsbox", "/usr/lib/kannel/test/fakesmsc")
SECRET = "kannel-secret-of-a-test"
HOOKS = "http://127.0.0.1:13999"
"""Where Kannel finds us, inside its namespace."""


def _apart() -> list[str] | None:
    """The command that gives a network namespace of its own, if this machine allows it."""
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return None
    for command in (["unshare", "-n"], ["unshare", "-r", "-n"]):
        if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
            return command
    return None


def need_kannel() -> list[str]:
    """Skip with a reason where something is missing; fail with REQUIRE_PEERS=1."""
    command = _apart()
    missing = [path for path in NEEDED if not Path(path).exists()]
    if missing or command is None:
        why = f"{missing[0]} is missing" if missing else "no network namespace can be made"
        assert os.environ.get("REQUIRE_PEERS") != "1", f"Kannel: {why}"
        pytest.skip(f"Kannel: {why}; apt-get install kannel kannel-extras iproute2")
    assert command is not None
    return command


class Kannel:
    """One gateway with one phone; `port` is its sendsms on 127.0.0.1."""

    def __init__(self, folder: Path, *, inbound: str, hook_port: int) -> None:
        """
        Args:
            inbound: its `get-url`, below `HOOKS`.
            hook_port: where our application listens on 127.0.0.1.
        """
        self.folder = folder
        self.process = subprocess.Popen(
            [*need_kannel(), sys.executable, str(HERE / "kannel_inside.py"), str(folder), SECRET,
             inbound],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self._door = Outside(folder / "in.sock", folder / "out.sock", hook_port)
        self.port = self._door.port
        assert self.process.stdout.readline().strip() == "ready", self.log()

    def writes(self, sender: str, to: str, text: str) -> None:
        """Somebody sends us an SMS."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"mo": f"{sender} {to} text {text}"}) + "\n")
        self.process.stdin.flush()

    def log(self) -> str:
        path = self.folder / "bearerbox.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def phone(self) -> str:
        """What the phone was sent."""
        return (self.folder / "phone.log").read_text(errors="replace")

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(15)
        self.process.stdout.close()
        self._door.close()
