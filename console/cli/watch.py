"""`kentongan watch`: the second path, without Airflow."""

from __future__ import annotations

from console.cli.common import open_settings, say


def watch() -> None:
    """Poll and warn without Airflow until Ctrl-C."""
    import signal
    import threading

    from orchestration.watch import watch as keep_watch

    settings = open_settings()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    say(f"Watching (mode {settings.mode}, home {settings.home}); Ctrl-C stops it.")
    keep_watch(settings, stop=stop)
