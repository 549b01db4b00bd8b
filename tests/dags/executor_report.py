"""A program, not a test: hands the executor a result that cannot be read; then warms it."""

from __future__ import annotations

import json
import sys
from multiprocessing import SimpleQueue

import httpx

from orchestration.airflow.executor import STEPS, LocalExecutor, warm


def poison() -> Exception:
    """What a task process sends after an HTTP 500 of the API server."""
    request = httpx.Request("PATCH", "http://127.0.0.1/execution/")
    return httpx.HTTPStatusError("500", request=request, response=httpx.Response(500))


def main() -> None:
    executor = LocalExecutor(parallelism=1)
    executor.result_queue = SimpleQueue()
    states: list[tuple[str, str]] = []
    executor.change_state = lambda key, state, *_: states.append((key, state))
    for result in [("a", "success", None), ("b", "failed", poison()), ("c", "success", None)]:
        executor.result_queue.put(result)
    executor._read_results()
    warm()
    report = {
        "states": states,
        "name": type(executor).__name__,
        "cold": [name for name in STEPS if name not in sys.modules],
    }
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
