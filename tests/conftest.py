"""What all tests share: samples (skipped where absent), a fresh home, no outside network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.peers.postgres import Server, require_postgres

ROOT = Path(__file__).parents[1]
settings.register_profile(
    "default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=2000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("default")


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of recorded payloads and reference values; not part of the repository."""
    folder = Path(os.environ.get("KENTONGAN_SAMPLES", ROOT.parent / "shared" / "samples"))
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}; set KENTONGAN_SAMPLES to have this test")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server of this session's own."""
    with Server(require_postgres()) as server:
        yield server


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("KENTONGAN_") and name != "KENTONGAN_SAMPLES":
            monkeypatch.delenv(name)
