"""What a person does to a warning: approve, break the glass, review, cancel, end.

Each act: is it what they read, who is it and may they (`kentongan.accounts`), then the act, then
the rest of the way at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from kentongan.accounts import Act, Actor, admit
from kentongan.audit.heads import sign_and_keep
from kentongan.errors import RuleViolation
from kentongan.lock import StillRunning, exclusive
from kentongan.policy import ReleasePolicy, load_policy
from kentongan.release_policy import needs_code
from kentongan.sealing import secrets_key
from kentongan.settings import Settings, data_dir
from orchestration import stages
from orchestration.context import CycleContext
from orchestration.releasing import clear_ended, release_end

if TYPE_CHECKING:
    import pandas as pd

    from notify.release.desk import Desk
    from notify.versions import Version

log = logging.getLogger(__name__)


def approve(
    context: CycleContext, warning_id: str, *, actor: Actor, content: str, at: datetime
) -> dict[str, Any]:
    """One person's yes to the newest version, named by the first digits of its binding.

    Raises:
        RuleViolation: who it is, no such warning, no draft any more, or something changed.
    """
    from notify.release import approval

    def act(name: str) -> None:
        approval.approve(
            context.engine,
            _newest(context, warning_id).ref,
            actor=name,
            binding=content,
            at=at,
            desk=desk_of(context),
        )

    return _do(context, _Deed(Act.APPROVE, warning_id, actor, at, content), act)


def break_glass(
    context: CycleContext,
    warning_id: str,
    *,
    actor: Actor,
    content: str,
    reason: str,
    at: datetime,
) -> dict[str, Any]:
    """One person releases it at once; a second one must review it within minutes.

    Raises:
        RuleViolation: as `approve`; not allowed for this warning.
    """
    deed = _Deed(Act.BREAK_GLASS, warning_id, actor, at, content)
    return _do(context, deed, lambda name: _break(context, deed, name, content, reason))


def cancel(
    context: CycleContext,
    warning_id: str,
    *,
    actor: Actor,
    reason: str,
    at: datetime,
    at_once: bool = False,
) -> dict[str, Any]:
    """Take a warning back: to everybody whom it reached.

    Args:
        at_once: break the glass: the correction goes out on this person's word alone.

    Raises:
        RuleViolation: who it is, no such warning, or it is closed already.
    """
    from notify import ending

    act = Act.BREAK_GLASS if at_once else Act.CANCEL
    return _end(context, _Deed(act, warning_id, actor, at), ending.cancel, reason)


def all_clear(
    context: CycleContext, warning_id: str, *, actor: Actor, reason: str, at: datetime
) -> dict[str, Any]:
    """End one of our own estimates before its time.

    Raises:
        RuleViolation: who it is; BMKG's own warnings end by BMKG alone.
    """
    from notify import ending

    return _end(context, _Deed(Act.ALL_CLEAR, warning_id, actor, at), ending.allclear, reason)


def review(
    context: CycleContext, warning_id: str, *, actor: Actor, remark: str, at: datetime
) -> dict[str, Any]:
    """The second look at what one person released alone.

    Raises:
        RuleViolation: who it is, nothing waits for a review, or the same person.
    """
    from notify.release.review import review as look

    def act(name: str) -> None:
        look(context.engine, warning_id, actor=name, at=at, note_text=remark)

    return _do(context, _Deed(Act.REVIEW, warning_id, actor, at), act)


def desk_of(context: CycleContext) -> Desk:
    return _desk(context.settings, context.release, context.layers.coordinators)


def reading_desk(settings: Settings) -> Desk:
    """The same without a cycle's context: only the policy and the coordinators are read.

    Raises:
        SettingsError: the policy is wrong.
        LayerError: the layer set is missing or damaged.
    """
    from risk.layers import files

    folder = Path(settings.layers) if settings.layers else data_dir() / "layers" / "embedded"
    release = load_policy(settings.resolved_policy, ReleasePolicy)
    return _desk(settings, release, files.read_table(folder / "coordinators.parquet"))


def _desk(settings: Settings, release: ReleasePolicy, coordinators: pd.DataFrame) -> Desk:
    from notify.cap.publisher import Publisher
    from notify.release.desk import Desk
    from notify.release.run import regencies_of

    return Desk(
        release, settings.mode, Publisher.from_settings(settings), regencies_of(coordinators)
    )


@dataclass(frozen=True)
class _Deed:
    """Who wants to do what, and what they read."""

    act: Act
    warning_id: str
    actor: Actor
    at: datetime
    content: str | None = None


def _do(context: CycleContext, deed: _Deed, act: Callable[[str], Any]) -> dict[str, Any]:
    """The check, the deed, the rest of the way; the head of the audit is signed at the end.

    The deed takes no lock of the home, and a correction leaves before anything waits for it.
    """
    at = deed.at
    act(_admitted(context, deed))
    ends = deed.act is not Act.REVIEW
    released = release_end(context, deed.warning_id, at) if ends else []
    messages = _correct(context, deed.warning_id, at) if released else None
    try:
        with exclusive(context.settings.home):
            released = [*released, *stages.release_all(context, at)]
            sent = _send_and_plan(context, at)
            messages = stages.added(messages, sent) if messages else sent
            sign_and_keep(context.engine, context.settings, at)
    except StillRunning:
        if messages is None:
            raise
        log.warning("the correction is out; the cycle that is running does the rest")
    return {
        "released": released,
        "messages": messages,
        "waits_for": _waits_for(context, deed.warning_id, at),
    }


def _correct(context: CycleContext, warning_id: str, at: datetime) -> dict[str, Any]:
    """The correction first, then what waits of the warning is taken out."""
    messages = stages.send(context, at, urgent=True)
    clear_ended(context, warning_id)
    return messages


def _send_and_plan(context: CycleContext, at: datetime) -> dict[str, Any]:
    first = stages.send(context, at)
    stages.plan_all(context, at)
    return stages.added(first, stages.send(context, at))


def _admitted(context: CycleContext, deed: _Deed) -> str:
    """The name for the audit. What was read is looked at first: a slip costs no code."""
    version = _newest(context, deed.warning_id)
    if deed.content is not None:
        _same_content(context, version, deed)
    return identify(
        context.engine, context.settings, context.release, deed.actor, deed.act,
        at=deed.at, areas=areas_of(version),
    )  # fmt: skip


def identify(
    engine: Engine,
    settings: Settings,
    release: ReleasePolicy,
    actor: Actor,
    act: Act,
    *,
    at: datetime,
    areas: Sequence[str] = (),
) -> str:
    """The name for the audit, when the person may do this here; a code is used up.

    Raises:
        RuleViolation: see `kentongan.accounts.admit`.
    """
    code_needed = needs_code(release, settings.mode)
    key = secrets_key(settings) if code_needed else None
    return admit(engine, actor, act, at=at, key=key, areas=areas, code_needed=code_needed)


def _same_content(context: CycleContext, version: Version, deed: _Deed) -> None:
    from notify.release.approval import look_again

    with context.engine.connect() as connection:
        look_again(connection, version.ref, deed.content or "", deed.at, desk_of(context))


def areas_of(version: Version) -> list[str]:
    """Every village that the version warns, tells, or ever told."""
    body = version.body
    return sorted({*body.levels, *body.told, *body.ever_warned})


def _newest(context: CycleContext, warning_id: str) -> Version:
    from notify import versions

    with context.engine.connect() as connection:
        newest = versions.newest(connection, warning_id)
    if newest is None:
        raise RuleViolation(f"warning {warning_id}: none of that name; see: warning list")
    return newest


def _end(
    context: CycleContext, deed: _Deed, act: Callable[..., Any], reason: str
) -> dict[str, Any]:
    def end(name: str) -> None:
        ref = act(
            context.engine,
            deed.warning_id,
            context.layers.villages,
            actor=name,
            at=deed.at,
            reason=reason,
            mode=context.settings.mode,
            live=context.live,
        )
        if deed.act is Act.BREAK_GLASS and ref is not None:
            _break(context, deed, name, _binding_now(context, deed), reason)

    return _do(context, deed, end)


def _binding_now(context: CycleContext, deed: _Deed) -> str:
    """Of what the same person has just written."""
    version = _newest(context, deed.warning_id)
    with context.engine.connect() as connection:
        return desk_of(context).bind(connection, version, deed.at).binding.digest


def _break(context: CycleContext, deed: _Deed, name: str, content: str, reason: str) -> None:
    from notify.release import approval

    approval.break_glass(
        context.engine,
        _newest(context, deed.warning_id).ref,
        actor=name,
        binding=content,
        reason=reason,
        at=deed.at,
        desk=desk_of(context),
    )


def _waits_for(context: CycleContext, warning_id: str, at: datetime) -> str:
    """What is still missing before it goes out; empty: nothing."""
    from notify.release.waiting import waiting

    with context.engine.connect() as connection:
        lines = waiting(connection, desk_of(context), at)
    return next((line.waits_for for line in lines if line.warning_id == warning_id), "")
