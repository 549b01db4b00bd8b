"""### Village forecasts

BMKG has a forecast for each of 83,762 villages, computed twice a day, and allows 60 requests a
minute. Each minute asks for 40: villages under a warning first, then one of each district, then
the others by age. The other 20 stay for the warnings.
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
    schedule="* * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "forecast", "bulk"],
)
def forecast() -> None:
    # A poll asks nothing more after a minute; its last answer may take 10 s, a plan 1 s.
    @task(outlets=[FORECAST], execution_timeout=timedelta(minutes=5))
    def ingest() -> dict[str, Any]:
        from orchestration.airflow.live import poll_or_skip

        return poll_or_skip("bmkg-forecast")

    ingest()


forecast()
