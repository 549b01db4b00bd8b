"""### The loop

Every minute: what came in (replies of Tagana, reports, sign-ups) is read and answered, then tasks
that nobody has answered go to the next person. The tables say what is due; no task sleeps. The
dispatcher does the same every second, and the backstop inside its own run.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.chain import in_a_row
from orchestration.airflow.live import FAST_ARGS, START


@dag(
    dag_id="loop",
    doc_md=__doc__,
    schedule="* * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=5),
    # The next minute is the retry.
    default_args={**FAST_ARGS, "retries": 1},
    tags=["kentongan", "loop"],
)
def hear_and_escalate() -> None:
    @task
    def loop() -> dict[str, Any]:
        from orchestration.airflow.live import now
        from orchestration.steps import loop_step

        return loop_step(now())

    in_a_row(loop())


hear_and_escalate()
