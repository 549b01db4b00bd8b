"""Airflow runs in processes of its own: importing it changes logging and warnings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kentongan.settings import Settings
from orchestration.airflow.environment import airflow_environment


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def airflow_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a program of this folder in a migrated Airflow home; its last line, read as JSON."""
    home = tmp_path_factory.mktemp("airflow-python")
    own = airflow_environment(Settings(home=home), api_port=free_port(), inherited=os.environ)
    migrate = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
    run(migrate, own)

    def python(program: str, *arguments: str, **variables: str) -> Any:
        path = str(Path(__file__).parent / program)
        python.out = run([sys.executable, path, *arguments], own | variables)  # type: ignore[attr-defined]
        return json.loads(python.out.strip().splitlines()[-1])  # type: ignore[attr-defined]

    return python


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (
        f"{command[-1][:200]}\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    )
    return done.stdout
