"""A program, not a test: runs one DAG in this process and prints the states of its tasks."""

from __future__ import annotations

import json
import sys

from airflow.dag_processing.dagbag import DagBag


def main(folder: str, dag_id: str) -> None:
    run = DagBag(folder).dags[dag_id].test()
    states = {ti.task_id: str(ti.state) for ti in run.get_task_instances()}
    sys.stdout.write("\n" + json.dumps({"state": str(run.state), "tasks": states}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
