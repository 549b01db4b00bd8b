"""Dispatcher processes at once: everything is imported here, and each one is a fork.

    python -m tests.crash.nursery      in: "start", then one line a process; out: its number

The command itself takes a second to import what it needs, which a campaign of hundreds of kills
would wait for each time; what the fork runs is the code of `kentongan dispatch --json`.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    from console.cli.common import open_settings
    from console.cli.dispatch import _go_on

    _imported()
    open_settings()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    _say("ready")
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(lambda: _go_on(open_settings(), (), once=False, json=True))
        _say(str(child))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _imported() -> None:
    """What a dispatcher imports when it starts, before there is one."""
    import alembic.config
    import psycopg
    import smpplib.smpp

    import notify.channels.smpp.channel
    import notify.dispatcher.figures
    import notify.dispatcher.process
    import notify.inbox.store
    import orchestration.heartbeat

    del alembic, psycopg, smpplib, notify, orchestration


def _become(run: object) -> None:
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    try:
        run()  # type: ignore[operator]
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
