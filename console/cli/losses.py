"""`kentongan losses`: what a quake or a tsunami does to people, for those who send help."""

from __future__ import annotations

from typing import Annotated

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json


def losses(
    event: Annotated[
        str, typer.Argument(help="A quake's key or id, or tsunami-…: as 'quakes' prints it.")
    ],
    at: At = None,
    json: AsJson = False,
) -> None:
    """Deaths by orders of magnitude, needs, what a quake sets off, who walks out of a wave."""
    from console.losses_text import coast_json, coast_text, shaking_json, shaking_text
    from orchestration.context import open_context
    from orchestration.losses import ShakingLosses
    from orchestration.losses import losses as reckon

    with open_context(open_settings(), live=False, reading=True) as context:
        found = reckon(context, event, at or now())
    if isinstance(found, ShakingLosses):
        print_json(shaking_json(found)) if json else print(shaking_text(found))
    else:
        print_json(coast_json(found)) if json else print(coast_text(found))
