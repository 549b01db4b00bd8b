"""Redis, RabbitMQ and Jasmin in a folder of their own, and Jasmin's console."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

SMPP_PORT, CONSOLE_PORT, REDIS_PORT, RABBIT_PORT = 2775, 8990, 6379, 5672
_UP_S = 90
_READ_S = 20


class Gateway:
    def __init__(self, folder: Path, venv: Path) -> None:
        self.folder, self.venv = folder, venv
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Gateway:
        try:
            self._start_all()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            for how in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, how)
                    process.wait(10)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    continue

    def _start_all(self) -> None:
        for name in ("redis", "rabbit", "log", "store"):
            (self.folder / name).mkdir()
        self._start("redis", [
            shutil.which("redis-server") or "redis-server", "--bind", "127.0.0.1", "--save", "",
            "--dir", str(self.folder / "redis"), "--port", str(REDIS_PORT),
        ])  # fmt: skip
        # In the foreground and ours to end; RabbitMQ would leave one behind.
        self._start("epmd", ["epmd", "-address", "127.0.0.1"])
        self._start("rabbit", ["/usr/lib/rabbitmq/bin/rabbitmq-server"], **self._rabbit())
        self._wait(lambda: _listens(REDIS_PORT) and _listens(RABBIT_PORT), "Redis and RabbitMQ")
        self._start_jasmin()

    def _rabbit(self) -> dict[str, str]:
        own = self.folder / "rabbit"
        return {
            "HOME": str(own), "RABBITMQ_NODENAME": "kentongan@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_MNESIA_BASE": str(own), "RABBITMQ_LOG_BASE": str(own),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(own / "plugins"),
            "RABBITMQ_PID_FILE": str(own / "pid"), "RABBITMQ_CONFIG_FILE": str(own / "none"),
        }  # fmt: skip

    def _start_jasmin(self) -> None:
        found = next(self.venv.glob("lib/python3*/site-packages/txamqp/specs/standard"))
        binds = "\n".join(
            f"[{section}]\nbind = 127.0.0.1\n"
            for section in ("jcli", "smpp-server", "router", "client-management", "http-api",
                            "smpp-server-pb")
        )  # fmt: skip
        config = self.folder / "jasmin.cfg"
        binds = binds.replace("[jcli]", "[jcli]\nauthentication = False")  # alone in its namespace
        config.write_text(f"{binds}[amqp-broker]\nspec = {found / 'amqp0-9-1.stripped.xml'}\n")
        self._start(
            "jasmin",
            [str(self.venv / "bin" / "python"), str(self.venv / "bin" / "jasmind.py"),
             "--enable-dlr-thrower", "--enable-dlr-lookup", "--enable-deliver-thrower",
             "-c", str(config)],
            CONFIG_PATH=str(self.folder), LOG_PATH=str(self.folder / "log"),
            STORE_PATH=str(self.folder / "store"),
        )  # fmt: skip
        self._wait(lambda: _listens(SMPP_PORT) and _listens(CONSOLE_PORT), "Jasmin")

    def _start(self, name: str, command: Sequence[str], **environment: str) -> None:
        with (self.folder / f"{name}.out").open("wb") as out:
            self._processes.append(subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
                cwd=self.folder, env={**os.environ, **environment},
            ))  # fmt: skip

    def _wait(self, holds: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + _UP_S
        while not holds():
            ended = [p.args for p in self._processes if p.poll() is not None]
            assert not ended, f"ended by itself: {ended}\n{self.said()}"
            assert time.monotonic() < end, f"{what} not up in {_UP_S} s\n{self.said()}"
            time.sleep(0.2)

    def said(self) -> str:
        """The ends of their outputs."""
        outputs = sorted(self.folder.glob("*.out"))
        return "\n".join(f"--- {f.name}\n{f.read_text(errors='replace')[-1500:]}" for f in outputs)

    def configure(self, carrier_port: int) -> None:
        """A carrier, one user, and both routes."""
        with Console() as console:
            console.fill("smppccm -a", cid="carrier", host="127.0.0.1", port=carrier_port,
                         username="jasmin", password="jasmin", submit_throughput=0)  # fmt: skip
            console.line("smppccm -1 carrier")
            console.fill("group -a", gid="centres")
            console.fill("user -a", username="kentongan", password="rahasia", gid="centres",
                         uid="kentongan")  # fmt: skip
            console.fill("mtrouter -a", type="DefaultRoute", connector="smppc(carrier)", rate="0.0")
            console.fill("morouter -a", type="DefaultRoute", connector="smpps(kentongan)")

    def throttle(self, per_second: int) -> None:
        """What the user may submit a second from his next bind on."""
        with Console() as console:
            console.line("user -u kentongan")
            console.line(f"mt_messaging_cred quota smpps_throughput {per_second}")
            console.line("ok")

    def refuse_all(self) -> None:
        """No way out any more: Jasmin answers 0x0B."""
        with Console() as console:
            console.line("mtrouter -r 0")


class Console:
    """jCli over a plain socket."""

    def __enter__(self) -> Console:
        self._socket = socket.create_connection(("127.0.0.1", CONSOLE_PORT), timeout=_READ_S)
        self.line("")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def line(self, text: str) -> str:
        self._socket.sendall(text.encode() + b"\r\n")
        answer = self._until_prompt()
        assert "Error" not in answer, f"{text}: {answer}"
        return answer

    def fill(self, command: str, **fields: object) -> None:
        """A form: one line a key, then `ok`."""
        self.line(command)
        for key, value in fields.items():
            self.line(f"{key} {value}")
        answer = self.line("ok")
        assert "Success" in answer or "jcli" in answer, f"{command}: {answer}"

    def _until_prompt(self) -> str:
        text = ""
        while not text.endswith(("jcli : ", "> ")):
            try:
                got = self._socket.recv(4096)
            except TimeoutError as error:
                raise AssertionError(f"console: no prompt in {_READ_S} s after {text!r}") from error
            assert got, f"console closed after {text!r}"
            text += got.decode("utf-8", "replace")
        return text


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
