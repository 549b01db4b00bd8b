"""Kannel with its `fakesmsc`, run inside a network namespace of its own: `unshare -n python …`.

bearerbox's fake SMSC listens on all interfaces and cannot be told otherwise; here they are the
loopback alone. Two Unix sockets in the folder lead in (sendsms) and out (our hooks). Orders come as
JSON lines on standard input: `{"mo": "6281234567890 1708 text YA T123"}`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from relay import from_tcp, to_tcp

BEARERBOX, SMSBOX = "/usr/sbin/bearerbox", "/usr/sbin/smsbox"
FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
SENDSMS, HOOKS, SMSC = 13013, 13999, 10000
CONFIG = """
group = core
admin-port = 13000
admin-interface = 127.0.0.1
admin-password = {secret}
smsbox-port = 13001
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"
log-file = "{folder}/bearerbox.log"
log-level = 0

group = smsc
smsc = fake
smsc-id = FAKE
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0

group = sendsms-user
username = kentongan
password = {secret}
user-deny-ip = ""

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "{inbound}"
"""


def main(folder: Path, secret: str, inbound: str) -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    config = folder / "kannel.conf"
    config.write_text(
        CONFIG.format(folder=folder, secret=secret, inbound=inbound, smsc=SMSC, sendsms=SENDSMS)
    )
    started: list[subprocess.Popen[bytes]] = []
    try:
        for program, port in ((BEARERBOX, 13001), (SMSBOX, SENDSMS)):
            started.append(_started(program, str(config)))
            _await(port)
        _await(SMSC)
        with Phone(folder / "phone.log") as phone:
            asyncio.run(_serve(folder, phone))
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait(5)


def _started(*command: str, to: object = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=to, stderr=to)  # type: ignore[call-overload]


def _await(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}")


class Phone:
    """The one client that bearerbox's fake SMSC takes; it is sent all that goes out."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("ab")
        self._process = self._connect()

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(5)
        self._log.close()

    def writes(self, message: str) -> None:
        """Connect anew with one message to send."""
        self._process.terminate()
        self._process.wait(5)
        self._process = self._connect(message)

    def _connect(self, message: str = "") -> subprocess.Popen[bytes]:
        most = "1" if message else "0"
        return _started(
            FAKESMSC, "-H", "127.0.0.1", "-r", str(SMSC), "-i", "0.1", "-m", most,
            message or "1 2 text nothing", to=self._log,
        )  # fmt: skip


async def _serve(folder: Path, phone: Phone) -> None:
    await to_tcp(folder / "in.sock", SENDSMS)
    await from_tcp(HOOKS, folder / "out.sock")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await loop.run_in_executor(None, phone.writes, json.loads(line)["mo"])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
