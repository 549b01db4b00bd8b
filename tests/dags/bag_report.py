"""A program, not a test: parses a DAG folder and prints what it found as one line of JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from airflow.dag_processing.dagbag import DagBag

HEAVY = ["numpy", "xarray", "geopandas", "pandas", "rasterio", "shapely", "scipy", "pyarrow"]


def seconds(value: Any) -> float | None:
    return None if value is None else value.total_seconds()


def task_report(task: Any) -> dict[str, Any]:
    return {
        "owner": task.owner,
        "retries": task.retries,
        "delay": seconds(task.retry_delay),
        "timeout": seconds(task.execution_timeout),
        "after": sorted(task.upstream_task_ids),
        "rule": task.trigger_rule.value,
        "weight": task.priority_weight,
        "outlets": [asset.name for asset in task.outlets],
    }


def assets(condition: Any) -> list[Any]:
    """The single assets of a condition such as `A | B`."""
    inner = getattr(condition, "objects", None)
    return [condition] if inner is None else [a for part in inner for a in assets(part)]


def watched(dag: Any) -> list[str]:
    found = assets(getattr(dag.timetable, "asset_condition", None))
    pairs = [(asset.name, w.trigger) for asset in found if asset for w in asset.watchers]
    return sorted(f"{name}: {trigger.source_id}" for name, trigger in pairs)


def dag_report(dag: Any) -> dict[str, Any]:
    return {
        "tasks": {task.task_id: task_report(task) for task in dag.tasks},
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "catchup": dag.catchup,
        "active": dag.max_active_runs,
        "watched": watched(dag),
        "timeout": seconds(dag.dagrun_timeout),
    }


def main(folder: str) -> None:
    bag = DagBag(folder)
    report = {
        "errors": {name: str(error) for name, error in bag.import_errors.items()},
        "heavy": [name for name in HEAVY if name in sys.modules],
        "seconds": {stat.file: stat.duration.total_seconds() for stat in bag.dagbag_stats},
        "dags": {dag.dag_id: dag_report(dag) for dag in bag.dags.values()},
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
