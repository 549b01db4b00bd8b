"""The unit file that we ship is one that systemd takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "ops" / "kentongan.service"


def test_systemd_takes_the_unit(tmp_path):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "systemd-analyze is not installed"
        pytest.skip("systemd-analyze is not installed; Debian package systemd")
    text = UNIT.read_text(encoding="utf-8").replace("User=kentongan", "User=root")
    text = text.replace("/opt/kentongan/.venv/bin/kentongan", sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
