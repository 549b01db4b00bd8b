"""### Quakes and tsunami bulletins

Rung by the doorbells of TEWS and InaTEWS (a look every few seconds): polls what rang, then
all steps up to the outbox in the same run, so that no scheduling lies between them.
Twice the same work is harmless: unique keys in the store decide what is new.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.assets import INATEWS_BELL, QUAKES_BELL
from orchestration.airflow.chain import in_a_row, respond
from orchestration.airflow.live import FAST_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="quakes",
    doc_md=__doc__,
    schedule=(QUAKES_BELL | INATEWS_BELL),
    start_date=START,
    catchup=False,
    # Rings that come while a run works start their own: none waits behind a stuck run.
    max_active_runs=4,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=FAST_ARGS,
    tags=["kentongan", "quake", "tsunami", "fast"],
)
def quakes() -> None:
    @task
    def ingest(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        from orchestration.airflow.live import poll_all, rung

        return poll_all(rung(triggering_asset_events or {}, ["bmkg-quakes", "bmkg-inatews"]))

    @task(task_id="map", trigger_rule="all_done")
    def draw() -> dict[str, Any]:
        from console.live_map import draw_now
        from orchestration.airflow.live import now

        return draw_now(now())

    in_a_row(ingest(), respond(), draw())


quakes()
