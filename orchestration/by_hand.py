"""What a person does to a warning: approve, cancel, end. Then the rest of the way at once.

Who `actor` is, is not proven here: the caller vouches for the name.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kentongan.errors import RuleViolation
from kentongan.lock import exclusive
from orchestration import stages
from orchestration.context import CycleContext

HASH_DIGITS = 12
"""Digits of the content hash that an approval must name: enough that none is guessed."""


def approve(
    context: CycleContext, warning_id: str, *, actor: str, content: str, at: datetime
) -> dict[str, Any]:
    """One person's yes to the newest version, named by the first digits of its content hash.

    Raises:
        RuleViolation: no such warning, no draft any more, or another content.
    """
    from notify import approval, versions

    with context.engine.connect() as connection:
        newest = versions.newest(connection, warning_id)
    if newest is None:
        raise RuleViolation(f"warning {warning_id}: none of that name; see: warning list")
    if len(content) < HASH_DIGITS or not newest.content_hash.startswith(content):
        raise RuleViolation(
            f"{warning_id} v{newest.version}: expected the first {HASH_DIGITS} digits or more of "
            f"its content hash, found {content!r}; read it with: warning show {warning_id}"
        )
    return _then_send(
        context,
        at,
        lambda: approval.approve(
            context.engine, newest.ref, actor=actor, at=at, content_hash=newest.content_hash
        ),
    )


def cancel(
    context: CycleContext, warning_id: str, *, actor: str, reason: str, at: datetime
) -> dict[str, Any]:
    """Take a warning back: to everybody whom it reached.

    Raises:
        RuleViolation: no such warning, or it is closed already.
    """
    from notify import ending

    return _then_send(
        context, at, lambda: _end(context, ending.cancel, warning_id, actor, reason, at)
    )


def all_clear(
    context: CycleContext, warning_id: str, *, actor: str, reason: str, at: datetime
) -> dict[str, Any]:
    """End one of our own estimates before its time.

    Raises:
        RuleViolation: BMKG's own warnings end by BMKG alone.
    """
    from notify import ending

    return _then_send(
        context, at, lambda: _end(context, ending.allclear, warning_id, actor, reason, at)
    )


def _end(
    context: CycleContext,
    act: Callable[..., Any],
    warning_id: str,
    actor: str,
    reason: str,
    at: datetime,
) -> None:
    act(
        context.engine,
        warning_id,
        context.layers.villages,
        actor=actor,
        at=at,
        reason=reason,
        mode=context.settings.mode,
        live=context.live,
    )


def _then_send(context: CycleContext, at: datetime, act: Callable[[], Any]) -> dict[str, Any]:
    with exclusive(context.settings.home):
        act()
        released = stages.release_all(context, at)
        first = stages.send(context, at)
        stages.plan_all(context, at)
        return {"released": released, "messages": stages.added(first, stages.send(context, at))}
