"""The monthly renewal of the layer set, a task at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kentongan.settings import Settings


def plan_or_skip(settings: Settings) -> Path:
    """The plan; without one the run is skipped, not failed."""
    if settings.layers_plan is None:
        from airflow.sdk.exceptions import AirflowSkipException

        raise AirflowSkipException("KENTONGAN_LAYERS_PLAN names no plan; the layer set stays")
    return settings.layers_plan


def fetch_layers() -> list[str]:
    """Download what the plan names; names and checksums for the log."""
    from risk.layers.refresh import fetch_all, read_plan

    plan = plan_or_skip(Settings())
    return [
        f"{got.name} {got.note} {got.sha256}" for got in fetch_all(read_plan(plan), plan.parent)
    ]


def check_layers() -> dict[str, int]:
    """Findings by severity.

    Raises:
        LayerError: something would be refused.
    """
    from risk.layers.check.finding import counted
    from risk.layers.refresh import check_all, read_plan

    plan = plan_or_skip(Settings())
    return counted(check_all(read_plan(plan), plan.parent))


def renew_layers() -> dict[str, Any]:
    """Build beside the set in use and put it in its place."""
    from risk.layers.refresh import renew

    settings = Settings()
    return renew(plan_or_skip(settings), settings.home / "layers").document()
