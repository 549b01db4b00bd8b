"""### Village forecasts

BMKG issues them twice a day at no fixed minute: every 15 minutes a few villages, those under
a warning first, within the 60 requests a minute that BMKG allows.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import FORECAST
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="forecast",
    doc_md=__doc__,
    schedule="*/15 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "forecast", "bulk"],
)
def forecast() -> None:
    # 20 requests of at most 10 s each, and some room.
    @task(outlets=[FORECAST], execution_timeout=timedelta(minutes=5))
    def ingest() -> dict[str, Any]:
        from orchestration.airflow.live import poll_or_skip

        return poll_or_skip("bmkg-forecast")

    ingest()


forecast()
