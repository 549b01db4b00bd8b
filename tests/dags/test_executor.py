"""The scheduler outlives a result that Airflow's own executor dies of."""

from __future__ import annotations


def test_a_result_that_cannot_be_read_loses_one_task_only(airflow_python):
    report = airflow_python("executor_report.py")
    assert report["states"] == [["a", "success"], ["c", "success"]]


def test_airflow_knows_it_as_local(airflow_python):
    assert airflow_python("executor_report.py")["name"] == "LocalExecutor"
