"""### Supporting feeds

One DAG for each group of feeds that no decision waits for. A feed that is not configured is
skipped; what a poll brings is archived, read and shown. New frames and ShakeMaps start `respond`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import FRAMES, SHAKEMAPS
from orchestration.airflow.feeds import SUPPORT, SupportDag
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START

ASSETS = {asset.name: asset for asset in (FRAMES, SHAKEMAPS)}


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
        outlets = [ASSETS[one.leaves]] if one.leaves else []

        @task(execution_timeout=timedelta(minutes=5), outlets=outlets)
        def ingest() -> list[dict[str, Any]]:
            from orchestration.airflow.live import poll_configured, poll_for_news

            return poll_for_news(one.sources) if one.leaves else poll_configured(one.sources)

        ingest()

    return support()


DAGS = [make(one) for one in SUPPORT]
