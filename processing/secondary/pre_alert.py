"""The minutes between a quake at the coast and InaTEWS' first word: watch, level 1, no more.

Whether a tsunami comes is InaTEWS' to say. This only keeps the centre from waiting idly, and says
what everybody by the sea learns: strong or long shaking is the warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kentongan.policy import PreAlertRules
from kentongan.times import require_aware
from kentongan.types import Level

WORDS = "tunggu InaTEWS; guncangan kuat atau lama: jauhi pantai"
"""For the centre and its coordinators; the public hears InaTEWS alone."""


@dataclass(frozen=True)
class PreAlert:
    """A watch; its level is 1 by construction, and it holds no village."""

    until: datetime
    reason: str

    @property
    def level(self) -> Level:
        return Level.WATCH

    @property
    def words(self) -> str:
        return WORDS


def pre_alert(
    *,
    magnitude: float | None,
    depth_km: float | None,
    coast_km: float | None,
    origin: datetime,
    rules: PreAlertRules,
) -> PreAlert | None:
    """Whether a quake can have moved the sea; what is not known speaks for it.

    Args:
        magnitude, depth_km: None: not known.
        coast_km: of the epicentre from the sea, 0 offshore; None: not known.
        origin: of the quake; the watch ends `valid_minutes` after it, or when InaTEWS speaks.
    """
    checks = (
        _reason("M", magnitude, magnitude is None or magnitude >= rules.min_magnitude),
        _reason("depth km", depth_km, depth_km is None or depth_km <= rules.max_depth_km),
        _reason("km from the sea", coast_km, coast_km is None or coast_km <= rules.coast_km),
    )
    if not all(met for met, _ in checks):
        return None
    end = require_aware(origin) + timedelta(minutes=rules.valid_minutes)
    return PreAlert(until=end, reason="; ".join(words for _, words in checks))


def _reason(name: str, value: float | None, met: bool) -> tuple[bool, str]:
    return met, f"{name} {'not known' if value is None else f'{value:g}'}"


def stands(found: PreAlert, at: datetime, *, inatews_spoke: bool) -> bool:
    """Whether the watch is still on.

    Args:
        inatews_spoke: a bulletin of this quake is out, or BMKG's notice denies a tsunami.
    """
    return not inatews_spoke and require_aware(at) < found.until
