"""Celery's side of `benchmarks/outbox.py`, run by an interpreter that has `celery[redis]`.

    python celery_peer.py BROKER COUNT

Puts COUNT tasks, one a message, into Redis, starts a worker at Celery's defaults (prefork, one
process a core, JSON, results kept in Redis) and prints Celery's version and seconds a task, from
the first that is taken to the last whose result is written.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from celery import Celery, __version__

BROKER = os.environ.get("BENCH_CELERY_BROKER", "")
LONGEST_S = 300.0
app = Celery("celery_peer", broker=BROKER, backend=BROKER)
app.conf.update(task_acks_late=True, broker_connection_retry_on_startup=True)


@app.task(name="tell")
def tell(recipient: str) -> str:
    return recipient


def main(broker: str, count: int) -> int:
    import redis

    app.conf.update(broker_url=broker, result_backend=broker)
    for number in range(count):
        tell.delay(str(number))
    server = redis.Redis.from_url(broker)
    if server.llen("celery") != count:
        raise SystemExit(f"{count} tasks were sent and {server.llen('celery')} wait")
    folder = Path(__file__).resolve().parent
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_peer", "worker", "-l", "ERROR",
         "--without-gossip", "--without-mingle"],
        cwd=folder, env={**os.environ, "BENCH_CELERY_BROKER": broker},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        taken = _watched(server, count)
    finally:
        worker.terminate()
        worker.wait(30)
    sys.stdout.write(f"{__version__} {taken / count}\n")
    return 0


def _watched(server, count: int) -> float:  # type: ignore[no-untyped-def]
    """Seconds from the first task that is taken to the last result."""
    begun, until = None, time.perf_counter() + LONGEST_S
    while time.perf_counter() < until:
        if begun is None and server.llen("celery") < count:
            begun = time.perf_counter()
        results = sum(1 for _ in server.scan_iter("celery-task-meta-*", count=10_000))
        if begun is not None and results >= count:
            return time.perf_counter() - begun
        time.sleep(0.1)
    raise SystemExit(f"not done after {LONGEST_S:.0f} s: {results} of {count}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
