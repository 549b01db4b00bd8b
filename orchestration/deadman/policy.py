"""Reviewed times after which silence is an alarm: `data/policy/deadman.toml`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import Settings, data_dir

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class BlindMinutes(BaseModel):
    """By tier of a source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    warning: Positive
    support: Positive


class DeadmanPolicy(BaseModel):
    """Keys carry their unit; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str
    date: date
    check_every_seconds: Positive
    repeat_after_minutes: Positive
    recovered_after_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    ping_every_seconds: Positive
    database_silent_seconds: Positive
    outbox_wait_seconds: Positive
    clock_ahead_seconds: Positive
    switch_off_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """How long the kill switch may be off before everybody is told."""
    draft_minutes: Positive
    """How long a warning may wait for its approval."""
    disk_free_mb: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    required_heartbeats: tuple[str, ...]
    heartbeat_max_age_seconds: dict[str, Positive]
    feed_blind_minutes: BlindMinutes
    feed_blind_minutes_of_source: dict[str, Positive] = {}

    def heartbeat_age(self, name: str) -> timedelta | None:
        """How old a beat may be; None for a name that no one watches."""
        seconds = self.heartbeat_max_age_seconds.get(name)
        return timedelta(seconds=seconds) if seconds is not None else None

    def feed_blind(self, source_id: str, tier: str) -> timedelta:
        minutes = self.feed_blind_minutes_of_source.get(
            source_id, getattr(self.feed_blind_minutes, tier)
        )
        return timedelta(minutes=minutes)


def deadman_policy(settings: Settings) -> DeadmanPolicy:
    """The policy of `KENTONGAN_DEADMAN_POLICY`, or the one that comes with Kentongan.

    Raises:
        SettingsError: unreadable, an unknown or a missing key, a wrong value, or a required
            heartbeat without an age.
    """
    from kentongan.errors import SettingsError

    path = settings.deadman_policy or data_dir() / "policy" / "deadman.toml"
    policy = load_policy(path, DeadmanPolicy)
    missing = sorted(set(policy.required_heartbeats) - set(policy.heartbeat_max_age_seconds))
    if missing:
        raise SettingsError(
            f"policy {path}: required_heartbeats names {', '.join(missing)}, which has no entry in "
            "heartbeat_max_age_seconds; add one"
        )
    return policy
