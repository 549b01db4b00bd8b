"""Tiles built once by a running web application, in another process."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

log = logging.getLogger(__name__)


class Builder:
    """At most one build at a time; one that failed is not tried again by this process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._tried: set[str] = set()
        self.said = ""
        """What it does now, or why it failed."""

    def begin(self, layers: str, version: str) -> None:
        """Build the tiles of the set in folder `layers` unless that was tried before."""
        with self._lock:
            if self._process is not None or version in self._tried:
                return
            self._tried.add(version)
            command = [sys.executable, "-m", "console.tiles", layers, str(self._folder)]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.said = "starting"
        threading.Thread(target=self._follow, args=(self._process,), daemon=True).start()

    def _follow(self, process: subprocess.Popen[str]) -> None:
        with process:
            for line in process.stdout or ():
                share, _, what = line.strip().partition(" ")
                self.said = f"{what} ({float(share):.0%})"
        status = process.returncode
        if status:
            log.warning("tiles of the live map: status %s: %s", status, self.said)
        with self._lock:
            self.said = f"failed: {self.said}" if status else ""
            self._process = None

    def close(self) -> None:
        with self._lock:
            if self._process is not None:
                self._process.terminate()
