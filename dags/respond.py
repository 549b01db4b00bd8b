"""### Respond to slow observations

Overlay, decide, release, dispatch and map after new satellite frames, a ShakeMap or a
forecast. Quakes and nowcast warnings do the same inside their own runs.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import FORECAST, FRAMES, SATELLITE, SHAKEMAPS
from orchestration.airflow.chain import in_a_row, respond
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="respond",
    doc_md=__doc__,
    schedule=(SATELLITE | FORECAST | FRAMES | SHAKEMAPS),
    start_date=START,
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "respond"],
)
def respond_to_observations() -> None:
    @task(task_id="map", trigger_rule="all_done")
    def draw() -> dict[str, Any]:
        from console.live_map import draw_now
        from orchestration.airflow.live import now

        return draw_now(now())

    in_a_row(respond(), draw())


respond_to_observations()
