"""`kentongan warning approve / break-glass / review / cancel / allclear`: a person's word, bound to
what it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from console.cli.common import AsJson, now, open_settings, print_json

Warning_ = Annotated[str, typer.Argument(metavar="WARNING", help="As 'warning list' prints it.")]
As = Annotated[
    str, typer.Option("--as", "--by", "--actor", metavar="NAME", help="Your account's name.")
]
Code = Annotated[str, typer.Option("--code", help="Six digits of your one-time code.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in one line.")]
Content = Annotated[
    str,
    typer.Option(
        "--content", metavar="BINDING", help="First 12 digits of the binding in 'warning show'."
    ),
]


def approve(
    warning_id: Warning_, by: As, content: Content, code: Code = "", json: AsJson = False
) -> None:
    """Approve exactly what would go out now; sent when enough people have."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.approve(
            context, warning_id, actor=_actor(by, code), content=content, at=at
        ),
        as_json=json,
    )


def break_glass(
    warning_id: Warning_,
    by: As,
    content: Content,
    reason: Reason,
    code: Code = "",
    json: AsJson = False,
) -> None:
    """Release it at once, alone, because danger is near; somebody must review it in minutes."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.break_glass(
            context, warning_id, actor=_actor(by, code), content=content, reason=reason, at=at
        ),
        as_json=json,
    )


def review(
    warning_id: Warning_,
    by: As,
    code: Code = "",
    remark: Annotated[str, typer.Option("--remark", help="What you found.")] = "",
    json: AsJson = False,
) -> None:
    """The second look at what one person released alone. Wrong? Then: warning cancel."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.review(
            context, warning_id, actor=_actor(by, code), remark=remark, at=at
        ),
        as_json=json,
    )


def cancel(
    warning_id: Warning_,
    by: As,
    reason: Reason,
    code: Code = "",
    at_once: Annotated[
        bool, typer.Option("--break-glass", help="On your word alone, reviewed afterwards.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Take a warning back: a correction to everybody whom it reached."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.cancel(
            context, warning_id, actor=_actor(by, code), reason=reason, at=at, at_once=at_once
        ),
        as_json=json,
    )


def allclear(
    warning_id: Warning_, by: As, reason: Reason, code: Code = "", json: AsJson = False
) -> None:
    """End one of our own estimates; BMKG's warnings end by BMKG alone."""
    from orchestration import by_hand

    _do(
        lambda context, at: by_hand.all_clear(
            context, warning_id, actor=_actor(by, code), reason=reason, at=at
        ),
        as_json=json,
    )


def _actor(name: str, code: str) -> Any:
    from kentongan.accounts import Actor

    return Actor(name, code.replace(" ", ""))


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
    if document["waits_for"]:
        print(f"noted; it still waits for {document['waits_for']}")
    elif not document["released"]:
        print("noted")
    print(f"messages: {document['messages']}")
