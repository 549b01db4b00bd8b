"""The environment in which Airflow runs on one machine: everything on 127.0.0.1, own home."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from kentongan.errors import SettingsError
from kentongan.settings import Settings

HOST = "127.0.0.1"
LOCAL = "127.0.0.1,localhost"

_DEFAULTS = {
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
    "CORE__EXECUTOR": "orchestration.airflow.executor.LocalExecutor",
    # Tasks at the same time; each costs a process of 150-300 MB.
    "CORE__PARALLELISM": "4",
    # Seconds between two rounds of the scheduler when idle; Airflow's 1 s is half our latency.
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # Seconds until a lost worker's task is tried again; Airflow's default is 300.
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "60",
    "SCHEDULER__TASK_QUEUED_TIMEOUT": "120",
    "TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "20",
    # Seconds until a changed DAG file is seen.
    "DAG_PROCESSOR__REFRESH_INTERVAL": "30",
    "LOGGING__LOGGING_LEVEL": "WARNING",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}
"""What an operator may override by the same variable in the environment (PostgreSQL, Celery)."""

_HIDDEN = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME")
"""Without cached bytecode Airflow starts two to three times slower."""


def airflow_home(settings: Settings) -> Path:
    return settings.home.resolve() / "airflow"


def dags_folder() -> Path:
    """The folder `dags/`: of the checkout, or inside the wheel.

    Raises:
        SettingsError: not there.
    """
    root = Path(__file__).parents[2]
    checkout = root / "dags"
    folder = checkout if checkout.is_dir() else root / "kentongan" / "_dags"
    if not folder.is_dir():
        raise SettingsError(f"DAG folder {folder}: not found; run Kentongan from its checkout")
    return folder


def kentongan_variables(settings: Settings) -> dict[str, str]:
    """The same settings as environment variables, with an absolute home."""
    values = settings.model_copy(update={"home": settings.home.resolve()}).model_dump(mode="json")
    return {f"KENTONGAN_{k.upper()}": _text(v) for k, v in values.items() if v is not None}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def airflow_environment(
    settings: Settings, *, api_port: int, inherited: Mapping[str, str]
) -> dict[str, str]:
    """All variables for Airflow's components and our own processes beside them."""
    address = f"http://{HOST}:{api_port}"
    kept = {k: v for k, v in inherited.items() if k not in _HIDDEN}
    fixed = {
        "AIRFLOW_HOME": str(airflow_home(settings)),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder()),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(api_port),
        "AIRFLOW__API__BASE_URL": address,
        # A process title must not overwrite the environment, by which leftovers are found.
        "SPT_NOENV": "1",
        "NO_PROXY": ",".join(filter(None, (kept.get("NO_PROXY"), LOCAL))),
    }
    ours = {f"AIRFLOW__{name}": value for name, value in _DEFAULTS.items()}
    return {**ours, **kept, **fixed, **kentongan_variables(settings)}
