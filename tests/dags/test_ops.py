"""The unit files that we ship are ones that systemd takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OPS = Path(__file__).parents[2] / "ops"


@pytest.mark.parametrize("unit", sorted(path.name for path in OPS.glob("*.service")))
def test_systemd_takes_the_unit(tmp_path, unit):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        assert os.environ.get("REQUIRE_PEERS") != "1", "systemd-analyze is not installed"
        pytest.skip("systemd-analyze is not installed; Debian package systemd")
    text = (OPS / unit).read_text(encoding="utf-8").replace("User=kentongan", "User=root")
    text = text.replace("/opt/kentongan/.venv/bin/kentongan", sys.executable)
    copy = tmp_path / unit
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
