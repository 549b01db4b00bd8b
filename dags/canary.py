"""### Canary

Every five minutes one empty task: keeps the API server's first-request cost (7 to 9 s after
its start) away from a warning, and its last success shows that the scheduler works.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from orchestration.airflow.live import DEFAULT_ARGS, START


@dag(
    dag_id="canary",
    doc_md=__doc__,
    schedule="*/5 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=4),
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "canary"],
)
def canary() -> None:
    @task
    def sing() -> str:
        from orchestration.airflow.live import sing_out

        return sing_out()

    sing()


canary()
