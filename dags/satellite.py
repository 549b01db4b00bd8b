"""### Rainfall-potential image of Himawari-9

Every ten minutes; a new image leaves an observation, which starts `respond`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import SATELLITE
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="satellite",
    doc_md=__doc__,
    schedule="*/10 * * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "satellite", "bulk"],
)
def satellite() -> None:
    @task(outlets=[SATELLITE])
    def ingest() -> dict[str, Any]:
        from orchestration.airflow.live import poll_or_skip

        return poll_or_skip("himawari-rp")

    ingest()


satellite()
