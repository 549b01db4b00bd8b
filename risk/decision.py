"""Which villages are warned now, who is told, and when a warning ends. Pure.

Hysteresis: up at once, and never down while the event lasts. Only the authority's end or
the warning's own expiry ends it; a missing run or a blind feed never does, and a tsunami
warning is not ended by silence at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from kentongan.decision import Action, Decision, Standing
from kentongan.errors import DataError
from kentongan.impact import UNASSIGNED
from kentongan.times import iso
from kentongan.types import HazardId, Level, WarningState

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.hazard import HazardEvent
    from kentongan.policy import LevelPolicy

_OVER = frozenset({WarningState.ENDED, WarningState.CANCELLED, WarningState.EXPIRED})
_UNRELEASED = frozenset({WarningState.DRAFT, WarningState.APPROVED})


def decide(
    event: HazardEvent,
    impact: pd.DataFrame,
    standing: Standing | None,
    *,
    at: datetime,
    policy: LevelPolicy,
) -> Decision:
    """What happens to an event's warning at `at`.

    Args:
        event: the newest knowledge of the event.
        impact: its impact table; no rows where this run saw nothing.
        standing: the event's newest warning version, None before the first one.

    Returns:
        A decision whose `levels` never lie below the standing ones except at an end, and
        whose `expires` is later than `at` whenever a new version is made.

    Raises:
        DataError: the impact table has rows but no `adm4_code` or `level`.
    """
    found = warned_levels(event, impact)
    if standing is None or _is_over(event, standing):
        return _begin(event, found, standing, at)
    if event.official_end:
        return _all_clear(event, standing, at, policy)
    if _has_run_out(event, standing, at):
        reason = f"own end {iso(standing.expires)} has passed"
        return _decision(event, Action.EXPIRE, {}, (), standing.expires, reason)
    return _hold(event, found, standing, at, policy)


def warned_levels(event: HazardEvent, impact: pd.DataFrame) -> dict[str, int]:
    """adm4_code -> level of the villages at level 2 or above, in code order.

    The rain image alone never gives more than level 2.
    """
    if len(impact) == 0:
        return {}
    missing = {"adm4_code", "level"} - set(impact.columns)
    if missing:
        raise DataError(
            f"impact table of {event.event_id}: no column {', '.join(sorted(missing))}; "
            "expected the columns of kentongan.impact"
        )
    rows = impact[(impact["level"] >= Level.WASPADA) & (impact["adm4_code"] != UNASSIGNED)]
    cap = Level.WASPADA if _is_rain_image(event) else Level.AWAS
    levels: dict[str, int] = {}
    for code, level in zip(rows["adm4_code"].tolist(), rows["level"].tolist(), strict=True):
        levels[code] = max(levels.get(code, 0), min(int(level), cap))
    return dict(sorted(levels.items()))


def _begin(
    event: HazardEvent, found: Mapping[str, int], standing: Standing | None, at: datetime
) -> Decision:
    obstacle = _why_not_begin(event, found, standing, at)
    if obstacle:
        return _decision(event, Action.NONE, {}, (), event.valid_to, obstacle)
    reason = f"{_count(len(found))} warned, highest level {max(found.values())}"
    if standing is not None:
        reason = f"newer document after the end of version {standing.version}: {reason}"
    return _decision(event, Action.ALERT, found, tuple(found), event.valid_to, reason)


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


def _is_newer(event: HazardEvent, standing: Standing) -> bool:
    """Whether an ended warning may begin again.

    A late or repeated PD-3 after PD-4 is not newer. Where the time of the document that
    ended it is not known, only a document later than the last version's end counts.
    """
    if _is_rain_image(event):
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


def _hold(
    event: HazardEvent,
    found: Mapping[str, int],
    standing: Standing,
    at: datetime,
    policy: LevelPolicy,
) -> Decision:
    held = dict(sorted(standing.levels.items()))
    if _is_rain_image(event):
        reason = "one draft per province and hour; the next hour's event takes new villages"
        return _decision(event, Action.NONE, held, (), standing.expires, reason)
    merged = merge_levels(held, found)
    if merged != held:
        reason = _what_changed(held, merged)
        end = _end(event, standing, at, policy)
        return _decision(event, Action.UPDATE, merged, _told(standing, merged), end, reason)
    if _needs_renewal(event, standing, at, policy):
        end = _end(event, standing, at, policy)
        reason = f"unchanged and not ended; holds until {iso(end)}"
        return _decision(event, Action.RENEW, held, (), end, reason)
    return _decision(event, Action.NONE, held, (), standing.expires, "unchanged")


def merge_levels(held: Mapping[str, int], found: Mapping[str, int]) -> dict[str, int]:
    """The higher level of each village, in code order."""
    codes = sorted(held.keys() | found.keys())
    return {code: max(held.get(code, 0), found.get(code, 0)) for code in codes}


def _told(standing: Standing, merged: Mapping[str, int]) -> tuple[str, ...]:
    """Villages that are new or rose. All of them where the last version never went out."""
    if standing.state in _UNRELEASED:
        return tuple(merged)
    reached = set(standing.ever_warned)
    return tuple(
        code
        for code, level in merged.items()
        if level > standing.levels.get(code, 0) or code not in reached
    )


def _what_changed(held: Mapping[str, int], merged: Mapping[str, int]) -> str:
    new = sum(code not in held for code in merged)
    risen = sum(level > held[code] for code, level in merged.items() if code in held)
    highest = max(merged.values())
    return f"{_count(new)} new, {risen} raised, highest level {highest}"


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


def _is_rain_image(event: HazardEvent) -> bool:
    return event.hazard_id is HazardId.RAIN and not event.official


def _count(villages: int) -> str:
    return f"{villages} village" if villages == 1 else f"{villages} villages"


def _decision(
    event: HazardEvent,
    action: Action,
    levels: Mapping[str, int],
    told: tuple[str, ...],
    expires: datetime,
    reason: str,
) -> Decision:
    return Decision(
        event_id=event.event_id,
        action=action,
        levels=dict(levels),
        told=told,
        expires=expires,
        reason=f"{action}: {reason}",
    )
