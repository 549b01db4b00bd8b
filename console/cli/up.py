"""`kentongan up`: everything live on this machine, supervised."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import open_settings, say

Port = Annotated[int, typer.Option(min=1, max=65535)]


def up(api_port: Port = 8793, web_port: Port = 8080) -> None:
    """Run everything live on this machine, supervised."""
    from orchestration.airflow.supervised import run_up

    raise typer.Exit(run_up(open_settings(), api_port=api_port, web_port=web_port, say=say))
