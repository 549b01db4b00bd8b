"""A program, not a test: gives the executor a result that cannot be unpickled, then good ones."""

from __future__ import annotations

import json
import sys
from multiprocessing import SimpleQueue

import httpx

from orchestration.airflow.executor import LocalExecutor


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
    sys.stdout.write(json.dumps({"states": states, "name": type(executor).__name__}) + "\n")


if __name__ == "__main__":
    main()
