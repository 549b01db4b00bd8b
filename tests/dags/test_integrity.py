"""Every DAG file parses quickly, alone, without the heavy libraries, and within our limits."""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest.registry import SOURCES
from orchestration.airflow.feeds import SUPPORT

DAGS = Path(__file__).parents[2] / "dags"
SUPPORT_IDS = {one.dag_id for one in SUPPORT}
SLOW_HOURS = {"layers": 8}
"""No warning waits for these."""
BULK_IDS = {"housekeeping", "satellite", "forecast", "layers"}
IDS = {"quakes", "warnings", "respond", "backstop", "canary", "loop"} | BULK_IDS | SUPPORT_IDS
CHAIN = [f"respond.{step}" for step in ("overlay", "decide", "release", "dispatch")] + ["map"]


@pytest.fixture(scope="session")
def bag(airflow_python: Callable[..., Any]) -> dict[str, Any]:
    return airflow_python("bag_report.py", str(DAGS))


def test_all_files_parse(bag):
    assert bag["errors"] == {}
    assert set(bag["dags"]) == IDS


def test_parsing_is_quick_and_light(bag):
    assert max(bag["seconds"].values()) < 1.0
    assert bag["heavy"] == []


@pytest.mark.parametrize("dag_id", sorted(IDS))
def test_every_dag_is_bounded_and_explained(bag, dag_id):
    dag = bag["dags"][dag_id]
    assert dag["doc"].strip()
    assert "kentongan" in dag["tags"]
    assert dag["catchup"] is False
    assert 1 <= dag["active"] <= 4
    assert 0 < dag["timeout"] <= SLOW_HOURS.get(dag_id, 1 / 6) * 3600


@pytest.mark.parametrize("dag_id", sorted(IDS))
def test_every_task_has_owner_retries_and_a_timeout(bag, dag_id):
    for task in bag["dags"][dag_id]["tasks"].values():
        assert task["owner"] == "kentongan"
        assert 1 <= task["retries"] <= 3 or task["rule"] == "one_failed"
        assert 0 < task["delay"] <= 10
        assert 0 < task["timeout"] <= SLOW_HOURS.get(dag_id, 1 / 3) * 900


@pytest.mark.parametrize("dag_id", ["quakes", "warnings", "respond"])
def test_the_steps_stand_in_their_order(bag, dag_id):
    tasks = bag["dags"][dag_id]["tasks"]
    first = [] if dag_id == "respond" else ["ingest"]
    order = [*first, *CHAIN]
    assert set(tasks) == {*order, "failed"}
    for before, after in pairwise(order):
        assert tasks[after]["after"] == [before]


def test_what_warns_goes_first(bag):
    weights = {d: {t["weight"] for t in bag["dags"][d]["tasks"].values()} for d in IDS}
    fast = min(min(weights[d]) for d in ("quakes", "warnings", "backstop"))
    slow = max(max(weights[d]) for d in ("satellite", "forecast", "respond", "canary"))
    assert fast > slow


def test_every_feed_is_polled_by_a_dag():
    named = {source for one in SUPPORT for source in one.sources}
    text = "".join(path.read_text(encoding="utf-8") for path in DAGS.glob("*.py"))
    live = (DAGS.parent / "orchestration" / "airflow" / "live.py").read_text(encoding="utf-8")
    assert {s for s in SOURCES if s not in named and f'"{s}"' not in text + live} == set()
    assert named <= set(SOURCES)


def test_a_failed_step_holds_up_nobody(bag):
    tasks = bag["dags"]["quakes"]["tasks"]
    for name in ("overlay", "decide", "release", "dispatch"):
        assert tasks[f"respond.{name}"]["rule"] == "all_done"
    assert tasks["map"]["rule"] == "all_done"
    assert bag["dags"]["backstop"]["tasks"]["advance"]["rule"] == "all_done"


@pytest.mark.parametrize("dag_id", ["quakes", "warnings", "respond", "backstop", "loop"])
def test_a_run_with_a_failed_task_fails(bag, dag_id):
    """A last task that runs whatever failed before it would make the run a success."""
    tasks = bag["dags"][dag_id]["tasks"]
    last = set(tasks) - {before for task in tasks.values() for before in task["after"]}
    assert last == {"failed"}
    assert tasks["failed"]["rule"] == "one_failed"
    assert all(is_heard(tasks, name) for name in tasks if name != "failed")


def is_heard(tasks: dict[str, Any], name: str) -> bool:
    """Whether a failure reaches the task `failed`, itself or as `upstream_failed`."""
    followers = [other for other, task in tasks.items() if name in task["after"]]
    passing_on = [other for other in followers if tasks[other]["rule"] == "all_success"]
    return "failed" in followers or any(is_heard(tasks, other) for other in passing_on)


def test_doorbells_hang_where_they_should(bag):
    watched = {name: dag["watched"] for name, dag in bag["dags"].items() if dag["watched"]}
    assert watched == {
        "quakes": ["bmkg-inatews-bell: bmkg-inatews", "bmkg-quakes-bell: bmkg-quakes"],
        "warnings": ["bmkg-nowcast-bell: bmkg-nowcast"],
    }


def test_slow_sources_leave_observations(bag):
    expected = {
        "satellite": ["himawari-rp"],
        "forecast": ["bmkg-forecast"],
        "frames": ["rain-frames"],
        "shakemaps": ["bmkg-shakemap"],
        "radar": [],
    }
    outlets = {d: bag["dags"][d]["tasks"]["ingest"]["outlets"] for d in expected}
    assert outlets == expected


@pytest.mark.parametrize("path", sorted(DAGS.glob("*.py")), ids=lambda p: p.name)
def test_dag_files_are_wiring_only(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60
    branches = (ast.If, ast.For, ast.While, ast.Try, ast.With)
    assert not [n for n in ast.walk(tree) if isinstance(n, branches)]
