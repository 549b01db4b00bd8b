"""The life of a warning, by the table of `kentongan.life_cycle`.

Versions and states are only ever added. What goes out is bound: policy or people release
exactly the content that was drafted, once, and an alert's bytes never change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from kentongan import life_cycle
from kentongan.decision import Action, Decision, InForce, Standing
from kentongan.hazard import HazardEvent
from kentongan.life_cycle import Trigger
from kentongan.reach import Help, Reach
from kentongan.times import parse_instant
from kentongan.transactions import writing
from kentongan.types import Mode, WarningState
from notify import versions
from notify.area.villages import Geometry
from notify.compose import compose
from notify.firewall.apart import keep_apart, said
from notify.firewall.gate import CapStatus, cap_status, document_status
from notify.versions import Version, note
from notify.warning import (
    WarningBody,
    WarningRef,
    hash_of_content,
    warning_id_of,
)

if TYPE_CHECKING:
    import pandas as pd

SYSTEM = "kentongan"
PENDING = tuple(sorted(life_cycle.PENDING))
END_SET_ASIDE = "something new came before its approval; read it, and ask again if it still holds"
_RUNS_OUT_SOON = timedelta(minutes=10)
"""Time for a last renewal to reach everybody; as long as an approval counts."""
CLOSED = (WarningState.ENDED, WarningState.EXPIRED, WarningState.CANCELLED)


def draft(
    engine: Engine,
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    geometry: Geometry | None = None,
    unresolved: Sequence[str] = (),
    reach: Reach | None = None,
) -> WarningRef | None:
    """Write what the decision asks for as a new version, in state draft.

    The same content twice is one version. EXPIRE adds a state and no version; an all-clear, or
    a hand-over, before any release withdraws the draft, and so does a hand-over of which nobody
    has to be told end the warning. None where nothing new is to go out, or where an end that a
    person asked for waits and nothing got worse.

    Args:
        reach: what may be said of help; see `notify.compose.compose`.

    Raises:
        RuleViolation: a test or exercise document in actual mode, or a version that would
            mix exercise and reality in one warning; nothing is written.
    """
    ready = prepare(
        engine, decision, event, impact, areas, at=at, mode=mode, live=live, geometry=geometry,
        unresolved=unresolved, reach=reach,
    )  # fmt: skip
    if ready is None:
        return None
    with writing(engine) as connection:
        return ready.write(connection)


@dataclass(frozen=True)
class Ready:
    """What a decision will write, composed before the one writer is asked for."""

    decision: Decision
    warning_id: str
    status: CapStatus
    at: datetime
    compose: Callable[[WarningBody | None], WarningBody]
    """The version's content, by the released version that it follows."""
    follows: WarningRef | None
    body: WarningBody | None
    """Composed against `follows`; None where nothing was to be composed then."""

    def write(self, connection: Connection) -> WarningRef | None:
        """The version, its state and its line of the audit; composed anew where the warning has
        changed since.

        Raises:
            RuleViolation: see `draft`.
        """
        versions.lock(connection, self.warning_id)
        keep_apart(connection, self.warning_id, self.status, self.decision.action)
        before = versions.newest_released(connection, self.warning_id)
        if ends_silently(self.decision, before is not None):
            expires = self.decision.action is Action.EXPIRE
            trigger = Trigger.EXPIRE if expires else Trigger.END
            close(connection, self.warning_id, trigger, at=self.at, reason=self.decision.reason)
            return None
        if before is not None and _an_end_waits(connection, before, self.decision, self.at):
            return None
        follows = before.ref if before else None
        body = self.body if self.body and follows == self.follows else None
        body = body or self.compose(before.body if before else None)
        return add_draft(connection, self.warning_id, body, at=self.at, actor=SYSTEM)


def prepare(
    engine: Engine,
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    geometry: Geometry | None = None,
    unresolved: Sequence[str] = (),
    reach: Reach | None = None,
) -> Ready | None:
    """`draft` without its writing: nothing is changed. None where nothing is to go out.

    Raises:
        RuleViolation: see `draft`.
    """
    if decision.action is Action.NONE:
        return None
    status = cap_status(
        mode,
        live=live,
        status=document_status(event.status, *said(event)),
        re_creation=event.re_creation,
    )
    content = partial(
        _content, decision, event, impact, areas, at=at, status=status, geometry=geometry,
        unresolved=unresolved, reach=reach,
    )  # fmt: skip
    warning_id = warning_id_of(event.event_id)
    with engine.connect() as connection:
        keep_apart(connection, warning_id, status, decision.action)
        before = versions.newest_released(connection, warning_id)
    body = None
    if not ends_silently(decision, before is not None):
        body = content(before.body if before else None)
    follows = before.ref if before else None
    return Ready(decision, warning_id, status, at, content, follows, body)


def _content(
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    before: WarningBody | None,
    **how: Any,
) -> WarningBody:
    return compose(decision, event, impact, areas, before=before, **how)


def add_draft(
    connection: Connection, warning_id: str, body: WarningBody, *, at: datetime, actor: str
) -> WarningRef:
    newest = versions.newest(connection, warning_id)
    content = body.model_dump(mode="json")
    digest = hash_of_content(content)
    if newest and newest.state in PENDING:
        if newest.content_hash == digest:
            return newest.ref
        set_aside = versions.waits_as_end(newest) and not body.by_hand
        reason = END_SET_ASIDE if set_aside else ""
        versions.advance(connection, newest.ref, Trigger.REPLACE, at=at, actor=actor, reason=reason)
        if set_aside:
            note(connection, "warning.end-set-aside", newest.ref, at=at, actor=actor, reason=reason)
    version = newest.version + 1 if newest else 1
    ref = WarningRef(warning_id, version, digest, body.action)
    versions.insert(connection, ref, body, at=at, content=content)
    versions.advance(connection, ref, Trigger.DRAFT, at=at, actor=actor, reason=body.reason)
    note(connection, "warning.draft", ref, at=at, actor=actor, reason=body.reason)
    return ref


def _an_end_waits(
    connection: Connection, before: Version, decision: Decision, at: datetime
) -> bool:
    """Whether people are about to end the warning, and nobody is in more danger than they know.

    What waits for a second person must not be replaced by the next cycle. New or higher danger,
    the authority's end, and a renewal without which the warning would run out, come before it.
    """
    newest = versions.newest(connection, before.warning_id)
    if newest is None or not versions.waits_as_end(newest):
        return False
    if decision.action is Action.RENEW:
        return before.body.expires - at > _RUNS_OUT_SOON
    known = before.body.levels
    worse = any(level > known.get(code, 0) for code, level in decision.levels.items())
    return decision.action in (Action.UPDATE, Action.HAND_OVER) and not worse


def ends_silently(decision: Decision, was_released: bool) -> bool:
    """Whether a decision closes the warning without a word: nobody knows of it, or nobody has to
    be told."""
    if decision.action is Action.EXPIRE:
        return True
    if decision.action is Action.HAND_OVER:
        return not (was_released and decision.told)
    if decision.action is Action.ALL_CLEAR or not decision.levels:
        return not was_released
    return False


def close(
    connection: Connection, warning_id: str, trigger: Trigger, *, at: datetime, reason: str
) -> None:
    """End what is open of a warning: its newest version, and the released one below it."""
    newest = versions.newest(connection, warning_id)
    released = versions.newest_released(connection, warning_id)
    found = {v.version: v for v in (released, newest) if v and v.state not in life_cycle.CLOSED}
    for version in found.values():
        taken = versions.advance(
            connection, version.ref, trigger, at=at, actor=SYSTEM, reason=reason
        )
        note(connection, f"warning.{taken.state}", version.ref, at=at, actor=SYSTEM, reason=reason)


def standing(engine: Engine, event_id: str) -> Standing | None:
    """The newest version of an event's warning, with everybody whom a release reached."""
    with engine.connect() as connection:
        newest = versions.current(connection, warning_id_of(event_id))
        if newest is None:
            return None
        released = versions.newest_released(connection, newest.warning_id)
        taken_back = _taken_back(connection, newest)
    return Standing(
        warning_id=newest.warning_id,
        version=newest.version,
        state=newest.state,
        levels=newest.body.levels,
        ever_warned=released.body.ever_warned if released else (),
        expires=newest.body.expires,
        observations=newest.body.observations,
        valid_from=newest.body.valid_from,
        released_levels=_released_levels(newest, released),
        told_elsewhere=newest.body.told_elsewhere,
        cleared=frozenset(_cleared(newest.body)),
        made_at=parse_instant(newest.created_at),
        taken_back_at=taken_back,
        taken_back_level=max(newest.body.level, newest.body.previous_level) if taken_back else 0,
    )


def _cleared(body: WarningBody) -> Iterator[str]:
    for group in body.groups:
        for wording in group.wordings:
            if wording.help == Help.CLEARED:
                yield from wording.villages


def _taken_back(connection: Connection, newest: Version) -> datetime | None:
    """When a person ended the warning, or its draft; None: nobody did."""
    if newest.state not in (WarningState.CANCELLED, WarningState.ENDED):
        return None
    at, actor = versions.last_change(connection, newest.ref)
    return at if newest.body.by_hand or actor != SYSTEM else None


def in_force(engine: Engine, event_id: str, at: datetime) -> InForce | None:
    """What went out before `at` and held then; None: nothing."""
    with engine.connect() as connection:
        found = versions.in_force_before(connection, warning_id_of(event_id), at)
    if found is None:
        return None
    body = found.body
    told = frozenset(body.ever_warned) - set(body.told_elsewhere)
    return InForce(levels=body.levels, expires=body.expires, told=told)


def taken_back(engine: Engine, standing: Standing, hazard_id: str, at: datetime) -> frozenset[str]:
    """Villages that this warning left to another one, which has told them since that it is over."""
    if not standing.told_elsewhere:
        return frozenset()
    with engine.connect() as connection:
        made = versions.get(connection, standing.warning_id, standing.version).created_at
        told = versions.told_of_an_end(connection, hazard_id, since=made, before=at)
    return frozenset(standing.told_elsewhere) & told


def _released_levels(newest: Version, released: Version | None) -> dict[str, int] | None:
    if released is None or released.version == newest.version:
        return None
    return released.body.levels


def raised_at(
    engine: Engine, warning_id: str, version: int, codes: Collection[str]
) -> dict[str, datetime]:
    """When the level of each village came to be what it is in a version."""
    if not codes:
        return {}
    with engine.connect() as connection:
        past = versions.levels_over_time(connection, warning_id, version)
    made, levels = past[0]
    found = {code: made for code in codes if code in levels}
    open_codes = set(found)
    for when, earlier in past[1:]:
        open_codes = {code for code in open_codes if earlier.get(code, 0) == levels[code]}
        found.update(dict.fromkeys(open_codes, when))
    return found


def active_warnings(engine: Engine, at: datetime) -> list[Version]:
    """The released versions in force at `at`: neither ended nor past their end."""
    with engine.connect() as connection:
        found = versions.in_state(connection, WarningState.RELEASED)
    return [version for version in found if version.body.expires > at]
