"""### Backstop

Every minute, whatever the doorbells heard: polls the fast feeds and does all steps, so that
a lost event, a stalled triggerer or an expiry costs a minute at most.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.chain import in_a_row
from orchestration.airflow.live import FAST_ARGS, START


@dag(
    dag_id="backstop",
    doc_md=__doc__,
    schedule="* * * * *",
    start_date=START,
    catchup=False,
    # The next minute must not wait for a stuck one.
    max_active_runs=2,
    dagrun_timeout=timedelta(minutes=5),
    # The next minute is the retry.
    default_args={**FAST_ARGS, "retries": 1},
    tags=["kentongan", "backstop"],
)
def backstop() -> None:
    @task
    def poll() -> list[dict[str, Any]]:
        from orchestration.airflow.live import FAST_SOURCES, poll_all

        return poll_all(FAST_SOURCES)

    @task(trigger_rule="all_done")
    def advance() -> dict[str, Any]:
        from orchestration.airflow.live import now
        from orchestration.steps import advance as advance_step

        return advance_step(now())

    in_a_row(poll(), advance())


backstop()
