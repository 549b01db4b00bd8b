"""`kentongan record`: keep a session of the real feeds as a scenario folder."""

from __future__ import annotations

import signal
import threading
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.common import AsJson, now, open_settings, parse_at, print_json, say

if TYPE_CHECKING:
    from ingest.play.recorder import Recording
    from kentongan.settings import Settings


def record(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New, empty, or a recording.")],
    minutes: Annotated[
        float | None, typer.Option("--for", min=0, metavar="MINUTES", help="Then stop.")
    ] = None,
    source: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="This source only; may be repeated.")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option("--from", parser=parse_at, metavar="TIME", help="Out of log and archive."),
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--to", parser=parse_at, metavar="TIME", help="With --from.")
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Do not poll; another process polls this home.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Keep what the feeds give, live or from the archive, as a scenario to play again."""
    if (start is None) != (end is None):
        raise typer.BadParameter("--from and --to belong together")
    if start is not None and (minutes is not None or listen):
        raise typer.BadParameter("--from and --to read the archive: no --for, no --listen")
    if start is not None and end is not None and end < start:
        raise typer.BadParameter("--to: expected a time after --from")
    settings = open_settings()
    chosen = _sources(settings, source or [])
    if start is not None and end is not None:
        done = _from_archive(settings, folder, chosen, start, end)
    else:
        done = _live(settings, folder, chosen, minutes, polling=not listen)
    print_json(_document(done)) if json else print(_told(done))


def _sources(settings: Settings, wanted: list[str]) -> list[str]:
    from ingest.registry import SOURCES, configured

    unknown = sorted(set(wanted) - set(SOURCES))
    if unknown:
        raise typer.BadParameter(
            f"unknown source {', '.join(unknown)}; known: {', '.join(SOURCES)}"
        )
    return wanted or configured(settings)


def _from_archive(
    settings: Settings, folder: Path, sources: list[str], start: datetime, end: datetime
) -> Recording:
    from ingest.play.recorder import record as write
    from orchestration.context import open_ingest

    folder.mkdir(parents=True, exist_ok=True)
    with open_ingest(settings) as context:
        return write(context, folder, sources, start=start, end=end)


def _live(
    settings: Settings, folder: Path, sources: list[str], minutes: float | None, *, polling: bool
) -> Recording:
    from datetime import timedelta

    from ingest.play.recorder import require_own
    from orchestration.context import open_ingest
    from orchestration.recording import record_live, recorder

    require_own(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    begun = now()
    until = begun + timedelta(minutes=minutes) if minutes is not None else None
    say(f"Recording {', '.join(sources)} into {folder}; Ctrl-C ends it.")
    with open_ingest(settings) as context:
        write = recorder(context, folder, sources, begun)
        return record_live(
            context, write, sources, until=until, stop=stop, clock=now, polling=polling
        )


def _document(done: Recording) -> dict[str, object]:
    return {
        "folder": str(done.folder),
        "steps": done.steps,
        "payloads": done.payloads,
        "bytes": done.size,
        "left_out": list(done.left_out),
    }


def _told(done: Recording) -> str:
    lines = [f"{done.folder}: {done.steps} steps, {done.payloads} payloads, {done.size} bytes"]
    lines += [f"  left out: {line}" for line in done.left_out]
    return "\n".join(
        [
            *lines,
            f"Play it: kentongan run --scenario {done.folder}",
            f"Serve it: kentongan feed-server {done.folder} --speed 10",
        ]
    )
