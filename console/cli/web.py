"""`kentongan web`: the web application."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import At, now, open_settings, say

CLOSING_S = 3
"""Live views stay open for hours: at the end they are given so long, then closed."""


def web(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: KENTONGAN_WEB_PORT.")
    ] = None,
    at: At = None,
) -> None:
    """Serve health, feeds, warnings, CAP, tasks, map."""
    import uvicorn

    from console.web import create_app

    settings = open_settings()
    chosen = port or settings.web_port
    application = create_app(settings, clock=(lambda: at) if at else now, beating=at is None)
    say(f"Web application on http://{settings.web_host}:{chosen}/ ; Ctrl-C stops it.")
    uvicorn.run(
        application,
        host=settings.web_host,
        port=chosen,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=CLOSING_S,
    )
