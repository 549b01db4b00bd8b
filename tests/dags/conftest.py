"""Airflow runs in processes of its own: importing it changes logging and warnings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kentongan.settings import Settings
from orchestration.airflow.environment import airflow_environment

MONTHS = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def quake_json(
    origin: datetime, *, magnitude: str = "6.0", coordinates: str = "-6.84,107.05"
) -> bytes:
    """`autogempa.json` as BMKG publishes it, for a quake of our own making."""
    local = origin + timedelta(hours=7)
    lat, lon = (float(v) for v in coordinates.split(","))
    gempa = {
        "Tanggal": f"{local.day:02d} {MONTHS[local.month - 1]} {local.year}",
        "Jam": f"{local:%H:%M:%S} WIB",
        "DateTime": origin.strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "Coordinates": coordinates,
        "Lintang": f"{abs(lat):.2f} {'LS' if lat < 0 else 'LU'}",
        "Bujur": f"{lon:.2f} BT",
        "Magnitude": magnitude,
        "Kedalaman": "10 km",
        "Wilayah": "Pusat gempa berada di darat 10 km BaratDaya Kab. Cianjur",
        "Potensi": "Gempa ini dirasakan untuk diteruskan pada masyarakat",
        "Dirasakan": "V-VI Cianjur",
        "Shakemap": f"{local:%Y%m%d%H%M%S}.mmi.jpg",
    }
    return json.dumps({"Infogempa": {"gempa": gempa}}, separators=(",", ":")).encode()


@pytest.fixture(scope="session")
def airflow_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Runs a program of this folder in a migrated Airflow home; its last line, read as JSON."""
    home = tmp_path_factory.mktemp("airflow-python")
    own = airflow_environment(Settings(home=home), api_port=free_port(), inherited=os.environ)
    migrate = [str(Path(sys.executable).parent / "airflow"), "db", "migrate"]
    run(migrate, own)

    def python(program: str, *arguments: str, **variables: str) -> Any:
        path = str(Path(__file__).parent / program)
        out = run([sys.executable, path, *arguments], own | variables)
        return json.loads(out.strip().splitlines()[-1])

    return python


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, (
        f"{command[-1][:200]}\n{done.stdout[-4000:]}\n{done.stderr[-6000:]}"
    )
    return done.stdout


@pytest.fixture()
def minute_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
