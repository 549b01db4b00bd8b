"""A whole small event, byte for byte: alerts, impact tables, tasks and messages.

The sums are our own output, frozen: they show that something changed, never that it is right.
See README.md beside this file.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from kentongan.sealing import as_file
from kentongan.settings import Settings
from orchestration.scenarios import run_scenario

SCENARIO = "cianjur"
SUMS = Path(__file__).with_name("SHA256SUMS")
DECIMALS = 3  # of physical values and minutes: another libm may differ far behind the point


def play(home: Path) -> dict[str, str]:
    """Name -> sha256 of everything that the scenario hands over."""
    key = home / "golden.key"  # links to tasks are signed by it
    key.write_bytes(as_file([b"golden run golden run golden run"]))
    key.chmod(0o600)
    document = run_scenario(SCENARIO, Settings(home=home, secrets_key=key))
    folder = home / "scenarios" / SCENARIO
    made = dict(_artefacts(folder, document))
    return {name: hashlib.sha256(made[name]).hexdigest() for name in sorted(made)}


def _artefacts(folder: Path, document: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.glob("cap/*.xml")):
        yield f"cap/{path.name}", path.read_bytes()
    for path in sorted(folder.glob("recorder/*.jsonl")):
        yield f"recorder/{path.name}", path.read_bytes()
    for step in document["steps"]:
        for event in step["events"]:
            table = pd.read_parquet(folder / event["impact"])
            text = table.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n")
            yield f"impact/{step['at']}/{event['event_id']}.csv", text.encode()
    yield "tasks.json", json.dumps(document["tasks"], indent=1, sort_keys=True).encode()


def read_sums() -> dict[str, str]:
    lines = SUMS.read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def write_sums() -> None:
    with tempfile.TemporaryDirectory() as home:
        sums = play(Path(home))
    text = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    SUMS.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return play(tmp_path_factory.mktemp("first"))


def test_an_event_gives_the_recorded_bytes(first):
    recorded = read_sums()
    changed = sorted(n for n in first.keys() | recorded.keys() if first.get(n) != recorded.get(n))
    assert not changed, (
        f"{', '.join(changed)} differ from {SUMS.name}; if the change is meant, "
        "run: python tests/golden/test_golden_runs.py, and say why in CHANGELOG.md"
    )


def test_the_same_event_again_gives_the_same_bytes(first, tmp_path):
    assert play(tmp_path) == first


if __name__ == "__main__":
    sys.exit(write_sums())
