"""`kentongan feeds`: what each source is worth now."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

from console.cli.common import AsJson, At, database, now, open_settings, print_json

if TYPE_CHECKING:
    from kentongan.view import FeedLine


def feeds(at: At = None, json: AsJson = False) -> None:
    """What each feed is worth: state, age, blind since."""
    from console.columns import table
    from console.report import stamped
    from orchestration.view import feed_lines

    instant = at or now()
    with database(open_settings()) as engine:
        lines = feed_lines(engine, instant)
    if json:
        print_json({"at": stamped(instant), "feeds": [_row(line) for line in lines]})
        return
    head = ("source", "state", "newest document", "blind since", "detail")
    print(table(head, [_cells(line, instant) for line in lines]))


def _cells(line: FeedLine, at: datetime) -> tuple[str, ...]:
    from console import words
    from console.report import plain_age, plain_time

    newest = f"{plain_time(line.newest)} ({plain_age(line.newest, at)})" if line.newest else "-"
    blind = plain_time(line.blind_since) if line.blind_since else ""
    return (line.source_id, line.state, newest, blind, words.shortened(line.detail, 80))


def _row(line: FeedLine) -> dict[str, object]:
    from console.report import stamped

    times = {"newest": stamped(line.newest), "blind_since": stamped(line.blind_since)}
    return {**asdict(line), **times}
