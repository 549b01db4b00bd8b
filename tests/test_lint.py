"""What holds the structure: style, formatting, import contracts, types. The same as `make lint`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
CHECKS = {
    "style": ["ruff", "check", "."],
    "format": ["ruff", "format", "--check", "."],
    "imports": ["lint-imports"],
    "types": ["mypy"],
}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.timeout(600)
def test_lint(name: str) -> None:
    command = CHECKS[name]
    program = BIN / command[0]
    assert program.is_file(), f"{command[0]} is not installed; run: make setup-test"
    done = subprocess.run(
        [str(program), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
