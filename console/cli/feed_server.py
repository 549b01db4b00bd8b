"""`kentongan feed-server`: recorded payloads under BMKG's own paths."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import say


def feed_server(
    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free one.")] = 8090,
) -> None:
    """Serve recorded payloads under BMKG's paths."""
    import signal
    import threading

    from ingest.feedserver import FeedServer

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with FeedServer(folder, port=port) as server:
        say(f"Serving {folder} on {server.url} ; Ctrl-C stops it.")
        stop.wait()
