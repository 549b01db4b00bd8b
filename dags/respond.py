"""### Respond to slow observations

Overlay, decide, release, dispatch and map after a new satellite image or forecast. Quakes
and nowcast warnings do the same inside their own runs.
"""

from __future__ import annotations

from airflow.sdk import dag

from orchestration.airflow.assets import FORECAST, SATELLITE
from orchestration.airflow.chain import respond
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="respond",
    doc_md=__doc__,
    schedule=(SATELLITE | FORECAST),
    start_date=START,
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "respond"],
)
def respond_to_observations() -> None:
    respond()


respond_to_observations()
