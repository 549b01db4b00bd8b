"""A program, not a test: `kentongan up` on chosen ports, without the programs named last.

Arguments: home, address of the feeds, API port, web port, programs to leave out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kentongan.settings import Settings
from orchestration.airflow.supervised import run_up


def main(home: str, feeds: str, api_port: str, web_port: str, *without: str) -> int:
    return run_up(
        Settings().with_feed_server(feeds, home=Path(home)),
        api_port=int(api_port),
        web_port=int(web_port),
        without=without,
        say=lambda line: sys.stdout.write(line + "\n"),
    )


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
