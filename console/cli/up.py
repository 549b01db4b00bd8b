"""`kentongan up`: everything live on this machine, supervised."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import open_settings, say


def up(
    api_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of Airflow's API server.")
    ] = 8793,
    web_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Default: KENTONGAN_WEB_PORT.")
    ] = None,
) -> None:
    """Run everything live on this machine, supervised."""
    from orchestration.airflow.supervised import run_up

    settings = open_settings()
    port = web_port or settings.web_port
    raise typer.Exit(run_up(settings, api_port=api_port, web_port=port, say=say))
