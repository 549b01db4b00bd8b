"""`kentongan up`: everything live on this machine, under supervisor.

Airflow's four components, the Airflow-free watcher, the dispatcher, the web application and the
dead-man's switch; what dies is restarted, everything listens on 127.0.0.1 only, and nothing is left
after the end.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kentongan.errors import SettingsError
from kentongan.settings import Settings
from orchestration.airflow.environment import HOST, airflow_environment, airflow_home
from orchestration.airflow.leftovers import MARK, end_leftovers
from orchestration.airflow.readiness import COMPONENTS, Readiness
from orchestration.heartbeat import UP, pulse

log = logging.getLogger(__name__)

Say = Callable[[str], None]

LOGS = "programs"
"""Subfolder with one log for each program; Airflow's own `logs` holds those of the tasks."""

STOP_S = 10
"""Seconds that a program gets to end by itself; unfinished work is done again by idempotence."""

_LOOK_S = 0.5
"""Seconds between two looks at supervisor and at the stop signal."""

_MAX_SOCKET_PATH = 100
"""Characters; Linux takes 107 bytes for a Unix socket and supervisor adds its pid."""


@dataclass(frozen=True)
class Program:
    name: str
    command: tuple[str, ...]


def programs(bin_folder: Path, without: Collection[str] = ()) -> tuple[Program, ...]:
    """What runs, less the names in `without`.

    `--skip-serve-logs`: Airflow's log servers would listen on every interface.

    Raises:
        SettingsError: `without` holds an unknown name.
    """
    airflow, kentongan = str(bin_folder / "airflow"), str(bin_folder / "kentongan")
    found = (
        Program("api-server", (airflow, "api-server")),
        Program("scheduler", (airflow, "scheduler", "--skip-serve-logs")),
        Program("dag-processor", (airflow, "dag-processor")),
        Program("triggerer", (airflow, "triggerer", "--skip-serve-logs")),
        Program("watch", (kentongan, "watch")),
        Program("dispatcher", (kentongan, "dispatch")),
        Program("web", (kentongan, "web")),
        Program("deadman", (kentongan, "deadman")),
    )
    names = [p.name for p in found]
    if unknown := sorted(set(without) - set(names)):
        raise SettingsError(f"program {', '.join(unknown)}: unknown; known are {', '.join(names)}")
    return tuple(p for p in found if p.name not in without)


def configuration(found: tuple[Program, ...], *, folder: Path, control: Path) -> str:
    """`supervisord.conf`. One group, so that all are told to stop at the same time."""
    head: dict[str, Mapping[str, object]] = {
        "unix_http_server": {"file": control, "chmod": "0700"},
        "supervisord": {
            "nodaemon": "true",
            "silent": "true",
            # Without a name supervisor complains about root, and only then.
            **({"user": "root"} if os.geteuid() == 0 else {}),
            "logfile": folder / LOGS / "supervisord.log",
            "pidfile": folder / "supervisord.pid",
        },
        "supervisorctl": {"serverurl": f"unix://{control}"},
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
        "group:kentongan": {"programs": ",".join(p.name for p in found)},
    }
    each = {f"program:{p.name}": _program(p, folder) for p in found}
    return "\n".join(_section(name, values) for name, values in {**head, **each}.items())


def _program(program: Program, folder: Path) -> dict[str, object]:
    return {
        "command": shlex.join(program.command),
        "autorestart": "true",
        "startsecs": 3,
        # Never given up: a warning system that stays down is worse than one that restarts.
        "startretries": 1_000_000,
        "stopasgroup": "true",
        "killasgroup": "true",
        "stopwaitsecs": STOP_S,
        "redirect_stderr": "true",
        "stdout_logfile": folder / LOGS / f"{program.name}.log",
        "stdout_logfile_maxbytes": "10MB",
        "stdout_logfile_backups": 3,
    }


def _section(name: str, values: Mapping[str, object]) -> str:
    # Supervisor expands %(...)s, so a percent sign in a path is doubled.
    lines = [f"{k} = {str(v).replace('%', '%%')}" for k, v in values.items()]
    return "\n".join([f"[{name}]", *lines, ""])


def require_free(port: int, what: str, change: str) -> None:
    """Refuse a port that somebody listens on: tasks would talk to a stranger.

    Raises:
        SettingsError: taken.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise SettingsError(
                f"port {port} on {HOST} for {what}: expected free, found {error.strerror}; "
                f"end what listens there (perhaps an earlier 'kentongan up') or {change}"
            ) from error


def run_up(
    settings: Settings,
    *,
    api_port: int = 8793,
    web_port: int = 8080,
    without: Collection[str] = (),
    say: Say = log.info,
) -> int:
    """Start everything, block until SIGINT, SIGTERM or SIGHUP, stop everything.

    Args:
        without: programs that shall not run, e.g. `watch`.
        say: told each step in one line.

    Returns:
        0 after a stop that was asked for, 1 if supervisor ended by itself.

    Raises:
        SettingsError: a port is taken, a program is unknown, or Airflow's database
            could not be prepared.
    """
    found = programs(_bin(), without)
    require_free(api_port, "Airflow's API server", "choose another with --api-port")
    require_free(web_port, "the web application", "choose another with --web-port")
    mark = uuid.uuid4().hex
    own = settings.model_copy(update={"web_host": HOST, "web_port": web_port})
    environment = airflow_environment(own, api_port=api_port, inherited=os.environ) | {MARK: mark}
    folder = airflow_home(own)
    # A line for each look at the health would drown the rest.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # Airflow leaves the admin's password in it.
    with _stop_signals() as stop:
        say("Preparing the databases ...")
        _prepare(own, environment, folder)
        if stop.is_set():
            return 0
        say(f"Starting; logs in {folder / LOGS}")
        with pulse(own.resolved_database_url, UP, *COMPONENTS.values()) as heart:
            readiness = Readiness(folder, api_port, web_port, say, heart)
            try:
                return _supervise(folder, found, environment, stop, readiness)
            finally:
                end_leftovers(mark)
                say("Stopped.")


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that the stop signals set while the block runs."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {n: signal.signal(n, lambda *_: stop.set()) for n in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _prepare(settings: Settings, environment: Mapping[str, str], folder: Path) -> None:
    """Both schemas, before anything runs beside it."""
    from kentongan.db import make_engine
    from kentongan.migrate import migrate

    engine = make_engine(settings.resolved_database_url)
    migrate(engine)
    engine.dispose()
    command = [str(_bin() / "airflow"), "db", "migrate"]
    # Its own session: Ctrl-C must not leave half a schema.
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, start_new_session=True
    )
    if done.returncode:
        raise SettingsError(
            f"airflow db migrate in {folder}: ended with {done.returncode}: "
            f"{(done.stderr or done.stdout).strip()[-2000:]}"
        )


def _bin() -> Path:
    return Path(sys.executable).parent


def _supervise(
    folder: Path,
    found: tuple[Program, ...],
    environment: Mapping[str, str],
    stop: threading.Event,
    readiness: Readiness,
) -> int:
    with _control_socket(folder) as control:
        path = folder / "supervisord.conf"
        text = configuration(found, folder=folder, control=control)
        path.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(path)]
        # Its own session: Ctrl-C in the terminal reaches us only, and we stop it in order.
        supervisor = subprocess.Popen(command, env=environment, start_new_session=True)
        try:
            while supervisor.poll() is None and not stop.wait(_LOOK_S):
                readiness.look()
            return 0 if stop.is_set() else 1
        finally:
            _end(supervisor)


def _end(supervisor: subprocess.Popen[bytes]) -> None:
    supervisor.terminate()
    try:
        supervisor.wait(timeout=STOP_S + 10)
    except subprocess.TimeoutExpired:
        log.warning("supervisor did not end in %s s; killed", STOP_S + 10)
        supervisor.kill()
        supervisor.wait()


@contextmanager
def _control_socket(folder: Path) -> Iterator[Path]:
    """Path of the control socket, in a short temporary folder where the home's is too long."""
    own = folder / "supervisor.sock"
    if len(str(own).encode()) <= _MAX_SOCKET_PATH:
        yield own
        return
    with tempfile.TemporaryDirectory(prefix="kentongan-") as short:
        yield Path(short) / "supervisor.sock"
