"""The doorbell as Airflow runs it: rings on change, never dies, remembers over restarts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kentongan.store import sha256_hex
from kentongan.times import parse_instant

A, B = '200:{"quake": "a"}', '200:{"quake": "b"}'


def case(*answers: str, looks: int = 6, remembered: str | None = None, memory: str = "kept"):
    return {"answers": answers, "remembered": remembered, "memory": memory, "looks": looks}


CASES = {
    "first look rings": (case(A), [A]),
    "each change rings once": (case(A, A, B, B, A), [A, B, A]),
    "failures do not ring": (case(A, "503:", "0:", "429:", "302:", A), [A]),
    "a change after failures rings": (case(A, "0:", "503:", B, looks=7), [A, B]),
    "a fault of our own does not end it": (case(A, "bug:", B), [A, B]),
    "a firewall's page does not ring": (case(A, "200:<html>no 1", "200:<html>no 2", A), [A]),
    "a restart does not ring for nothing": (case(A, remembered='{"quake": "a"}'), []),
    "what came while it was down rings": (case(B, remembered='{"quake": "a"}'), [B]),
    "a broken memory rings once more": (case(A, memory="broken", remembered=A), [A]),
    "no memory at all": (case(A, B, memory="none"), [A, B]),
}


@pytest.fixture(scope="session")
def heard(airflow_python: Callable[..., Any]) -> dict[str, Any]:
    asked = json.dumps([given for given, _ in CASES.values()])
    return dict(zip(CASES, airflow_python("trigger_report.py", asked), strict=True))


def digest(answer: str) -> str:
    return sha256_hex(answer.partition(":")[2].encode())


@pytest.mark.parametrize("name", CASES)
def test_a_doorbell_rings_for_changed_bytes_only(heard, name):
    rings = heard[name]["rings"]
    assert [ring["sha256"] for ring in rings] == [digest(a) for a in CASES[name][1]]
    assert heard[name]["alive"]


def test_a_ring_names_its_source_and_time_and_carries_no_data(heard):
    (ring,) = heard["first look rings"]["rings"]
    assert set(ring) == {"source_id", "sha256", "seen_at"}
    assert ring["source_id"] == "bmkg-quakes"
    assert parse_instant(ring["seen_at"]).utcoffset() is not None


def test_it_remembers_what_it_rang_for(heard):
    assert heard["each change rings once"]["memory"] == {"sha256": digest(A), "etag": ""}


def test_the_triggerer_can_make_it_again(heard):
    assert heard["first look rings"]["as"] == [
        "orchestration.airflow.triggers.FeedTrigger",
        {"source_id": "bmkg-quakes", "poll_s": 0.005},
    ]
