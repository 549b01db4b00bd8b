"""What happens to an event's warning now: who is told, and when it ends. Pure.

Up at once; down only by `risk.decision.hysteresis` or at an end. Only the authority's end, the
warning's own expiry or a successor in force ends it; a missing run or a blind feed never does, and
a tsunami warning is not ended by silence at all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kentongan.decision import Action, Decision, History, Standing, Surroundings
from kentongan.times import iso
from kentongan.types import HazardId, Level, WarningState
from risk.decision.evidence import is_hourly_rain
from risk.decision.hysteresis import falls

if TYPE_CHECKING:
    from kentongan.decision_policy import DecisionPolicy
    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy

_OVER = frozenset({WarningState.ENDED, WarningState.CANCELLED, WarningState.EXPIRED})
_UNRELEASED = frozenset({WarningState.DRAFT, WarningState.APPROVED})
_WORD_VALID = timedelta(hours=1)
"""A word that a village is no longer covered goes out within this time, or not at all."""
_ALONE = Surroundings()
_NO_HISTORY = History()


def decide(
    event: HazardEvent,
    found: Mapping[str, int],
    standing: Standing | None,
    *,
    at: datetime,
    policy: LevelPolicy,
    rules: DecisionPolicy,
    history: History = _NO_HISTORY,
    around: Surroundings = _ALONE,
) -> Decision:
    """What happens to an event's warning at `at`.

    Args:
        event: the newest knowledge of the event.
        found: adm4_code -> level (>= 2) that this run gives (`warned_levels`); empty where it saw
            nothing.
        standing: the event's newest warning version, None before the first one.
        history: earlier runs, for levels that may fall.
        around: what other events mean for this one.

    Returns:
        A decision whose `levels` lie below the standing ones only by the rules of the hold or at
        an end, and whose `expires` is later than `at` whenever a new version is made.
    """
    if standing is None or _is_over(event, standing):
        return _begin(event, found, standing, at, around, rules)
    if event.official_end:
        return _all_clear(event, standing, at, policy)
    if _has_run_out(event, standing, at):
        reason = f"own end {iso(standing.expires)} has passed"
        return _decision(event, Action.EXPIRE, {}, (), standing.expires, reason)
    if around.successor is not None:
        return _give_way(event, standing, at, around)
    lower = falls(event, standing.levels, history, at=at, rules=rules.hold)
    return _hold(event, found, standing, at, policy, lower=lower, around=around, rules=rules)


def _begin(
    event: HazardEvent,
    found: Mapping[str, int],
    standing: Standing | None,
    at: datetime,
    around: Surroundings,
    rules: DecisionPolicy,
) -> Decision:
    obstacle = _why_not_begin(event, found, standing, at) or _silent(
        event, found, standing, at, rules
    )
    if around.successor is not None:
        obstacle = f"{around.successor} has taken its place"
    if obstacle:
        return _decision(event, Action.NONE, {}, (), event.valid_to, obstacle)
    found = dict(sorted(found.items()))
    reason = f"{_count(len(found))} warned, highest level {max(found.values())}"
    if standing is not None:
        reason = f"newer document after the end of version {standing.version}: {reason}"
    told, elsewhere = _apart(found, found, around)
    return _decision(event, Action.ALERT, found, told, event.valid_to, reason, elsewhere)


def _apart(
    levels: Mapping[str, int], codes: Iterable[str], around: Surroundings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Who gets a message, and whom a warning in force told as much already."""
    elsewhere = tuple(c for c in codes if levels.get(c, 0) and around.told.get(c, 0) >= levels[c])
    known = set(elsewhere)
    return tuple(c for c in codes if c not in known), elsewhere


def _why_not_begin(
    event: HazardEvent, found: Mapping[str, int], standing: Standing | None, at: datetime
) -> str:
    if event.official_end:
        return "the authority has ended it; no warning is in force"
    if at >= event.valid_to:
        return f"already past its end {iso(event.valid_to)}"
    if not found:
        return "no village at level 2 or above"
    if standing is not None and not _is_newer(event, standing):
        return f"version {standing.version} is {standing.state}, and no newer document is known"
    return ""


def _silent(
    event: HazardEvent,
    found: Mapping[str, int],
    standing: Standing | None,
    at: datetime,
    rules: DecisionPolicy,
) -> str:
    """Why an estimate that a person took back does not begin again with the next run.

    BMKG's own warnings are never silenced, and a danger that has risen is not the one that
    was taken back.
    """
    if standing is None or standing.taken_back_at is None or event.official:
        return ""
    until = standing.taken_back_at + timedelta(minutes=rules.hold.taken_back_minutes)
    if at >= until or max(found.values(), default=0) > standing.taken_back_level:
        return ""
    return f"a person took it back at {iso(standing.taken_back_at)}; silent until {iso(until)}"


def _is_newer(event: HazardEvent, standing: Standing) -> bool:
    """Whether an ended warning may begin again.

    A late or repeated PD-3 after PD-4 is not newer. Where the time of the document that
    ended it is not known, only a document later than the last version's end counts.
    """
    if is_hourly_rain(event):
        return False
    return event.valid_from > (standing.valid_from or standing.expires)


def _is_over(event: HazardEvent, standing: Standing) -> bool:
    if event.hazard_id is HazardId.TSUNAMI and standing.state == WarningState.EXPIRED:
        return False
    return standing.state in _OVER


def _has_run_out(event: HazardEvent, standing: Standing, at: datetime) -> bool:
    if event.hazard_id is HazardId.TSUNAMI or at < standing.expires:
        return False
    return not (event.official and event.valid_to > at)


def _all_clear(
    event: HazardEvent, standing: Standing, at: datetime, policy: LevelPolicy
) -> Decision:
    told = tuple(sorted(set(standing.ever_warned)))
    expires = at + timedelta(hours=policy.tsunami.valid_hours)
    reason = f"ended by the authority; all clear to {_count(len(told))}"
    return _decision(event, Action.ALL_CLEAR, {}, told, expires, reason)


def _give_way(
    event: HazardEvent, standing: Standing, at: datetime, around: Surroundings
) -> Decision:
    """To the successor, which tells whatever is new.

    A newer nowcast speaks for its province at once. An estimate waits until the other one holds
    every village of it, at its level or above.
    """
    in_force = standing.levels if standing.released_levels is None else standing.released_levels
    open_still = sum(around.covered.get(code, 0) < level for code, level in in_force.items())
    if open_still and not event.official and _went_out(standing):
        reason = f"becomes part of {around.successor}, which does not hold {_count(open_still)} yet"
        return _decision(event, Action.NONE, standing.levels, (), standing.expires, reason)
    lost = (c for c in in_force if c in set(standing.ever_warned) and c not in around.covered)
    told = tuple(sorted(lost)) if _went_out(standing) else ()
    reason = f"{around.successor} has taken its place; {_count(len(told))} no longer covered"
    expires = max(standing.expires, at + _WORD_VALID)
    return _decision(event, Action.HAND_OVER, {}, told, expires, reason)


def _went_out(standing: Standing) -> bool:
    return standing.state not in _UNRELEASED or standing.released_levels is not None


def _hold(
    event: HazardEvent,
    found: Mapping[str, int],
    standing: Standing,
    at: datetime,
    policy: LevelPolicy,
    *,
    lower: Mapping[str, int],
    around: Surroundings,
    rules: DecisionPolicy,
) -> Decision:
    held = dict(sorted(standing.levels.items()))
    if is_hourly_rain(event):
        reason = "one draft per province and hour; the next hour's event takes new villages"
        return _decision(event, Action.NONE, held, (), standing.expires, reason)
    merged = merge_levels({**held, **lower}, found)
    gone = {
        c for c, n in merged.items() if n < Level.WASPADA or (c in around.taken and c not in found)
    }
    merged = {code: level for code, level in merged.items() if code not in gone}
    left_alone = set(standing.told_elsewhere) & around.taken_back & merged.keys()
    out = _newly_cleared(standing, merged, around, at, rules)
    if merged != held or left_alone or out:
        reason = _what_changed(held, merged) if merged != held or left_alone else _count_out(out)
        end = _end(event, standing, at, policy)
        new = {*_told(standing, merged, around.taken), *left_alone, *out}
        told, elsewhere = _apart(merged, sorted(new), around)
        return _decision(event, Action.UPDATE, merged, told, end, reason, elsewhere)
    if _needs_renewal(event, standing, at, policy):
        end = _end(event, standing, at, policy)
        reason = f"unchanged and not ended; holds until {iso(end)}"
        unsaid = standing.told_elsewhere if standing.state in _UNRELEASED else ()
        return _decision(event, Action.RENEW, held, (), end, reason, unsaid)
    return _decision(event, Action.NONE, held, (), standing.expires, "unchanged")


def _newly_cleared(
    standing: Standing,
    merged: Mapping[str, int],
    around: Surroundings,
    at: datetime,
    rules: DecisionPolicy,
) -> set[str]:
    """Villages to be told that they are evacuated and must stay away; together, not one by one."""
    pause = timedelta(minutes=rules.hold.cleared_minutes)
    if not _went_out(standing) or (standing.made_at is not None and at - standing.made_at < pause):
        return set()
    return {code for code in around.cleared - standing.cleared if code in merged}


def _count_out(villages: Collection[str]) -> str:
    return f"{_count(len(villages))} evacuated, their text changes and no level"


def merge_levels(held: Mapping[str, int], found: Mapping[str, int]) -> dict[str, int]:
    """The higher level of each village, in code order."""
    codes = sorted(held.keys() | found.keys())
    return {code: max(held.get(code, 0), found.get(code, 0)) for code in codes}


def _told(standing: Standing, merged: Mapping[str, int], taken: Collection[str]) -> tuple[str, ...]:
    """Villages for which something is new against what last went out: their level, or that they
    are no longer covered. What was drafted and never went out, nobody knows."""
    reached = set(standing.ever_warned)
    last = standing.released_levels
    if last is None:
        last = {} if standing.state in _UNRELEASED else standing.levels
    new = {c for c, level in merged.items() if level != last.get(c, 0) or c not in reached}
    left = {c for c in last if c not in merged and c in reached and c not in taken}
    return tuple(sorted(new | left))


def _what_changed(held: Mapping[str, int], merged: Mapping[str, int]) -> str:
    new = sum(code not in held for code in merged)
    risen = sum(level > held[code] for code, level in merged.items() if code in held)
    fallen = sum(level < held[code] for code, level in merged.items() if code in held)
    left = sum(code not in merged for code in held)
    words = [f"{_count(new)} new", f"{risen} raised"]
    words += [f"{fallen} lowered"] * bool(fallen) + [f"{left} no longer covered"] * bool(left)
    return f"{', '.join(words)}, highest level {max(merged.values(), default=0)}"


def _needs_renewal(
    event: HazardEvent, standing: Standing, at: datetime, policy: LevelPolicy
) -> bool:
    if standing.expires - at > timedelta(minutes=policy.tsunami.renew_before_minutes):
        return False
    if event.hazard_id is HazardId.TSUNAMI:
        return True
    return event.official and event.valid_to > standing.expires


def _end(event: HazardEvent, standing: Standing, at: datetime, policy: LevelPolicy) -> datetime:
    end = max(event.valid_to, standing.expires)
    near = end - at <= timedelta(minutes=policy.tsunami.renew_before_minutes)
    if event.hazard_id is HazardId.TSUNAMI and near:
        return at + timedelta(hours=policy.tsunami.valid_hours)
    return end


def _count(villages: int) -> str:
    return f"{villages} village" if villages == 1 else f"{villages} villages"


def _decision(
    event: HazardEvent,
    action: Action,
    levels: Mapping[str, int],
    told: tuple[str, ...],
    expires: datetime,
    reason: str,
    told_elsewhere: tuple[str, ...] = (),
) -> Decision:
    return Decision(
        event_id=event.event_id,
        action=action,
        levels=dict(levels),
        told=told,
        expires=expires,
        reason=f"{action}: {reason}",
        told_elsewhere=told_elsewhere,
    )
