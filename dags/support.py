"""### Supporting feeds

One DAG for each group of feeds that no decision waits for. A feed that is not configured is
skipped; what a poll brings is archived, read and shown.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.feeds import SUPPORT, SupportDag
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


def make(one: SupportDag) -> Any:
    @dag(
        dag_id=one.dag_id,
        doc_md=f"### {one.title}\n\nPolls {', '.join(one.sources)}.",
        schedule=one.schedule,
        start_date=START,
        catchup=False,
        max_active_runs=1,
        dagrun_timeout=RUN_TIMEOUT,
        default_args=DEFAULT_ARGS,
        tags=["kentongan", "support", "bulk"],
    )
    def support() -> None:
        # A scan of ten segments takes a minute on a slow disk.
        @task(execution_timeout=timedelta(minutes=5))
        def ingest() -> list[dict[str, Any]]:
            from orchestration.airflow.live import poll_configured

            return poll_configured(one.sources)

        ingest()

    return support()


DAGS = [make(one) for one in SUPPORT]
