"""The scheduler outlives a result that Airflow's own executor dies of, and forks warm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture(scope="module")
def report(airflow_python: Callable[..., Any]) -> dict[str, Any]:
    return airflow_python("executor_report.py")


def test_a_result_that_cannot_be_read_loses_one_task_only(report):
    assert report["states"] == [["a", "success"], ["c", "success"]]


def test_airflow_knows_it_as_local(report):
    assert report["name"] == "LocalExecutor"


def test_all_that_the_steps_import_is_there_before_the_fork(report):
    assert report["cold"] == []
