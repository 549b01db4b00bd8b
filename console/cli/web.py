"""`kentongan web`: the web application."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import At, now, open_settings, say


def web(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: KENTONGAN_WEB_PORT.")
    ] = None,
    at: At = None,
) -> None:
    """Serve health, feeds, warnings, CAP, tasks, map."""
    from console.web import create_app
    from console.web.serving import Server

    settings = open_settings()
    chosen = port or settings.web_port
    application = create_app(settings, clock=(lambda: at) if at else now, beating=at is None)
    say(f"Web application on http://{settings.web_host}:{chosen}/ ; Ctrl-C stops it.")
    Server(application, host=settings.web_host, port=chosen).run()
