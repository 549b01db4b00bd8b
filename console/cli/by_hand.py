"""`kentongan warning approve / cancel / allclear`: a person's word, bound to what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.common import AsJson, now, open_settings, print_json

Warning_ = Annotated[str, typer.Argument(metavar="WARNING", help="As 'warning list' prints it.")]
By = Annotated[str, typer.Option("--by", help="Your name, as it shall stand in the audit.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line.")]


def approve(
    warning_id: Warning_,
    by: By,
    content: Annotated[
        str, typer.Option("--content", help="First 12 digits of what 'warning show' prints.")
    ],
    json: AsJson = False,
) -> None:
    """Approve exactly the content that you read; sent when enough people have."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.approve(context, warning_id, actor=by, content=content, at=at),
        as_json=json,
    )


def cancel(warning_id: Warning_, by: By, reason: Reason, json: AsJson = False) -> None:
    """Take a warning back: a correction to everybody whom it reached."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.cancel(context, warning_id, actor=by, reason=reason, at=at),
        as_json=json,
    )


def allclear(warning_id: Warning_, by: By, reason: Reason, json: AsJson = False) -> None:
    """End one of our own estimates; BMKG's warnings end by BMKG alone."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.all_clear(context, warning_id, actor=by, reason=reason, at=at),
        as_json=json,
    )


def _do(act: Callable[[Any, Any], dict[str, Any]], *, as_json: bool) -> None:
    from orchestration.context import open_context

    at = now()
    with open_context(open_settings(), live=True) as context:
        document = act(context, at)
    if as_json:
        print_json(document)
        return
    for entry in document["released"]:
        print(f"{entry['warning_id']} v{entry['version']}: {entry['refused'] or 'released'}")
    if not document["released"]:
        print("noted; nothing is released yet (more people must approve, see 'warning show')")
    print(f"messages: {document['messages']}")
