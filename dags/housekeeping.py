"""### Housekeeping

Every night: deletes the bytes that the retention policy gives up and reads the archive and every
public alert through, so that a changed or lost document is known before somebody needs it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from orchestration.airflow.chain import in_a_row
from orchestration.airflow.live import DEFAULT_ARGS, RUN_TIMEOUT, START


@dag(
    dag_id="housekeeping",
    doc_md=__doc__,
    # 02:10 in Jakarta: the quietest hour of the machine.
    schedule="10 19 * * *",
    start_date=START,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=RUN_TIMEOUT,
    default_args=DEFAULT_ARGS,
    tags=["kentongan", "archive", "bulk"],
)
def housekeeping() -> None:
    @task(execution_timeout=timedelta(minutes=5))
    def thin() -> dict[str, Any]:
        from orchestration.airflow.live import now
        from orchestration.housekeeping import thin_archive

        return thin_archive(now())

    @task(execution_timeout=timedelta(minutes=5), trigger_rule="all_done")
    def verify() -> dict[str, Any]:
        from orchestration.housekeeping import verify_archive

        return verify_archive()

    @task(execution_timeout=timedelta(minutes=5), trigger_rule="all_done")
    def alerts() -> dict[str, Any]:
        from orchestration.airflow.live import now
        from orchestration.publishing import verify_alerts

        return verify_alerts(now())

    in_a_row(thin(), verify(), alerts())


housekeeping()
