"""A process that opens hostile files for us: it may crash, hang or fill up without harm.

One is started at the first need and kept, since starting takes longer than reading. It gets no
secret: settings are taken out of its environment. It ends with us, because its input ends.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from ingest.frames.raw import RawWindow
from ingest.read.payload import one_line
from kentongan.errors import SourceChanged, SourceDown

PATIENCE_S = {"netcdf": 15.0, "hsd": 60.0}
"""A frame takes 0.3 s, standard data 1 s; the first one also imports its library (satpy: 3 s)."""
RENEW_AFTER = 200
"""Files after which a new process is started: what a damaged file leaks stays bounded."""
_MAX_ANSWER = 4096


class _Process:
    def __init__(self) -> None:
        self.owner = os.getpid()
        self.served = 0
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "ingest.frames.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )

    def ask(self, request: dict[str, Any], patience_s: float) -> dict[str, Any] | None:
        """The answer; None if the process died.

        Raises:
            TimeoutError: no answer in time.
        """
        self.served += 1
        answers, requests = self._popen.stdout, self._popen.stdin
        if answers is None or requests is None:
            return None
        try:
            requests.write(json.dumps(request).encode() + b"\n")
            requests.flush()
        except OSError:
            return None
        line = _line(answers, patience_s)
        return json.loads(line) if line else None

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                _close(pipe)


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return


def _environment() -> dict[str, str]:
    """Ours, without settings (keys are among them), and with the place of this package."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("KENTONGAN_", "AIRFLOW"))}
    ours = str(Path(__file__).parents[2])
    paths = [ours, *filter(None, [kept.get("PYTHONPATH")])]
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return {**kept, **threads, "PYTHONPATH": os.pathsep.join(paths)}


def _line(pipe: IO[bytes], patience_s: float) -> bytes:
    """One line of an answer, empty at the end of the stream."""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        if not selector.select(patience_s):
            raise TimeoutError
    return pipe.readline(_MAX_ANSWER)


_lock = threading.Lock()
_current: list[_Process] = []


def _process() -> _Process:
    """The running one; after a fork or its share of files, a new one."""
    if _current and (_current[0].owner != os.getpid() or _current[0].served >= RENEW_AFTER):
        _drop()
    if not _current:
        _current.append(_Process())
    return _current[0]


def _drop() -> None:
    """End our process; one that a parent started before a fork is left to it."""
    while _current:
        process = _current.pop()
        if process.owner == os.getpid():
            process.end()


atexit.register(_drop)


def read_window(form: str, files: Sequence[tuple[str, bytes]], where: str) -> RawWindow:
    """The window over Indonesia of one frame, from files as (name, bytes).

    Raises:
        SourceChanged: what the child says is wrong with it, or it crashed or hung on it.
        SourceDown: a library is missing, or there is no room for a temporary file.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="kentongan-frame-") as folder:
            here = Path(folder)
            paths = [here / name for name, _ in files]
            for path, (_, payload) in zip(paths, files, strict=True):
                path.write_bytes(payload)
            request = {"form": form, "files": [str(p) for p in paths], "out": folder}
            _ask(form, request, where)
            return RawWindow.load(here)
    except OSError as error:
        raise SourceDown(
            f"{where}: no room to open it ({one_line(error, 80)}); see the disk of "
            f"{tempfile.gettempdir()}"
        ) from error


def _ask(form: str, request: dict[str, Any], where: str) -> None:
    patience_s = PATIENCE_S["hsd" if form == "hsd" else "netcdf"]
    with _lock:
        try:
            answer = _process().ask(request, patience_s)
        except TimeoutError as error:
            _drop()
            raise SourceChanged(
                f"{where}: could not be opened within {patience_s:g} s; kept in the archive"
            ) from error
        except ValueError:
            answer = None
        if answer is None:
            _drop()
    if answer is None:
        raise SourceChanged(
            f"{where}: the library that opens it crashed on it; kept in the archive, damaged or "
            "hostile"
        )
    if "changed" in answer:
        raise SourceChanged(f"{where}: {one_line(answer['changed'], 300)}")
    if "down" in answer:
        raise SourceDown(f"{where}: {one_line(answer['down'], 300)}")
