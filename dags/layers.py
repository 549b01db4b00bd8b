"""### Layers, made anew each month

Downloads what the plan names, checks every file, builds a set beside the one in use and puts it
in its place in one step. Whatever fails leaves the set in use where it is, and this run fails.
Without a plan (`KENTONGAN_LAYERS_PLAN`) the run is skipped.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.live import DEFAULT_ARGS, START


@dag(
    dag_id="layers",
    doc_md=__doc__,
    # 02:17 in Jakarta on the second day of a month: few warnings run at night.
    schedule="17 19 1 * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    # Some gigabytes over a slow line; what came is kept for the next try.
    dagrun_timeout=timedelta(hours=8),
    default_args={**DEFAULT_ARGS, "execution_timeout": timedelta(hours=2)},
    tags=["kentongan", "layers", "bulk"],
)
def layers() -> None:
    @task
    def fetch() -> list[str]:
        from orchestration.airflow.layers import fetch_layers

        return fetch_layers()

    @task
    def check() -> dict[str, int]:
        from orchestration.airflow.layers import check_layers

        return check_layers()

    @task
    def renew() -> dict[str, Any]:
        from orchestration.airflow.layers import renew_layers

        return renew_layers()

    fetch() >> check() >> renew()


layers()
