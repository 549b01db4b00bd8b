"""What the tasks of the DAGs share: named settings of retries, the clock, polling.

These DAGs are live: each task takes the present from here. History is replayed by the
`kentongan` command, which takes `--at`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from kentongan.settings import Settings
from kentongan.times import iso
from orchestration.watch import utc_now

DEFAULT_ARGS: dict[str, Any] = {
    "owner": "kentongan",
    # A step meets a locked database or a busy machine now and then, not for minutes.
    "retries": 2,
    "retry_delay": timedelta(seconds=3),
    # Ten times the slowest step measured; a step that hangs must not hold the lock.
    "execution_timeout": timedelta(minutes=2),
}

FAST_ARGS: dict[str, Any] = {**DEFAULT_ARGS, "priority_weight": 100}
"""For what warns: its tasks go before an image or a forecast when all workers are busy."""

START = datetime(2026, 1, 1, tzinfo=UTC)

RUN_TIMEOUT = timedelta(minutes=10)
"""All steps with all their retries; later the backstop has done the work."""

FAST_SOURCES = ("bmkg-quakes", "bmkg-inatews", "bmkg-inatews-lists", "bmkg-nowcast")
"""What the backstop polls each minute."""


def now() -> str:
    """The present, UTC, as the steps take it."""
    return iso(utc_now())


def sing_out() -> str:
    """The canary's heartbeat for the dead-man's switch: a task of Airflow ran to here."""
    from orchestration.heartbeat import CANARY, beat_once

    at = utc_now()
    beat_once(Settings().resolved_database_url, CANARY, at)
    return iso(at)


def poll_all(source_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Poll each source once; one that fails does not keep the others from their turn.

    Raises:
        ExceptionGroup: what went wrong, after all were polled.
    """
    from orchestration.steps import poll_sources

    reports: list[dict[str, Any]] = []
    errors: list[Exception] = []
    for source_id in source_ids:
        try:
            reports += poll_sources(Settings(), [source_id], utc_now())
        except Exception as error:  # noqa: BLE001 - raised below, together
            errors.append(error)
    if errors:
        raise ExceptionGroup(f"polling {', '.join(source_ids)}", errors)
    return reports


def poll_or_skip(source_id: str) -> dict[str, Any]:
    """Poll one source; without news the task is skipped, so that it leaves no observation."""
    from airflow.sdk.exceptions import AirflowSkipException

    from orchestration.steps import poll_step

    report = poll_step(source_id, now())
    if report["outcome"] != "new":
        raise AirflowSkipException(f"{source_id}: {report['outcome']}, nothing new")
    return report


def poll_configured(source_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Poll those of these sources that are configured; without any the task is skipped."""
    from airflow.sdk.exceptions import AirflowSkipException

    from ingest.registry import configured

    chosen = [s for s in configured(Settings()) if s in source_ids]
    if not chosen:
        raise AirflowSkipException(f"{', '.join(source_ids)}: not configured")
    return poll_all(chosen)


def poll_for_news(source_ids: Sequence[str]) -> list[dict[str, Any]]:
    """As `poll_configured`; without news the task is skipped, so that it leaves no observation."""
    from airflow.sdk.exceptions import AirflowSkipException

    reports = poll_configured(source_ids)
    if not any(report["outcome"] == "new" for report in reports):
        raise AirflowSkipException(f"{', '.join(source_ids)}: nothing new")
    return reports


def rung(events: Mapping[Any, Sequence[Any]], otherwise: Sequence[str]) -> list[str]:
    """Those of `otherwise` whose bells started this run; all of them if no bell did."""
    payloads = [e.extra.get("payload", {}) for found in events.values() for e in found]
    named = {p.get("source_id") for p in payloads}
    return [s for s in otherwise if s in named] or list(otherwise)
