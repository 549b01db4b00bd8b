"""### Nowcast warnings

Rung by the doorbell of BMKG's nowcast list (a look every 25 seconds): polls the list and
the CAP documents that it names, then all steps up to the outbox.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import NOWCAST_BELL
from orchestration.airflow.chain import in_a_row, respond
from orchestration.airflow.live import FAST_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="warnings",
    doc_md=__doc__,
    schedule=[NOWCAST_BELL],
    start_date=START,
    catchup=False,
    # Rings that come while a run works start their own: none waits behind a stuck run.
    max_active_runs=4,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=FAST_ARGS,
    tags=["kentongan", "nowcast", "fast"],
)
def warnings() -> None:
    @task
    def ingest() -> list[dict[str, Any]]:
        from orchestration.airflow.live import poll_all

        return poll_all(["bmkg-nowcast"])

    @task(task_id="map", trigger_rule="all_done")
    def draw() -> dict[str, Any]:
        from console.live_map import draw_now
        from orchestration.airflow.live import now

        return draw_now(now())

    in_a_row(ingest(), respond(), draw())


warnings()
