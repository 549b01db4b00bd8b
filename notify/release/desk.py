"""What a release is judged by in one run: the policy, the mode, who speaks, who is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from kentongan.errors import RuleViolation
from kentongan.policy import ReleasePolicy
from kentongan.release_policy import Requirement, requirement
from kentongan.times import iso, parse_instant
from kentongan.types import Mode
from notify.cap.publisher import Publisher
from notify.release.binding import Bound, bind
from notify.versions import Version


@dataclass(frozen=True)
class Desk:
    policy: ReleasePolicy
    mode: Mode
    publisher: Publisher = field(default_factory=Publisher)
    coordinators: Mapping[str, str] = field(default_factory=dict)
    """coordinator_id -> adm2_code."""

    def requirement(
        self, version: Version, *, recipients: int = 0, by_people: bool = False
    ) -> Requirement:
        body = version.body
        return requirement(
            self.policy,
            self.mode,
            hazard=body.hazard_id,
            official=body.official,
            level=max(body.level, body.previous_level),
            by_people=by_people or body.by_hand,
            recipients=recipients,
        )

    def bind(self, connection: Connection, version: Version, at: datetime) -> Bound:
        return bind(
            connection, version, at=at, publisher=self.publisher, coordinators=self.coordinators
        )

    @property
    def oldest_approval(self) -> timedelta:
        return timedelta(minutes=self.policy.approval.valid_minutes)

    def runs_out(self, version: Version) -> datetime:
        """When a draft stops waiting. An official one waits as long as it is true."""
        if version.body.official and not version.body.by_hand:
            return version.body.expires
        waited = timedelta(minutes=self.policy.approval.draft_minutes)
        return min(version.body.expires, parse_instant(version.created_at) + waited)

    def may_break_glass(self, version: Version, at: datetime) -> str:
        """Why not; empty where one person may release it at once."""
        rules, body = self.policy.break_glass, version.body
        if not rules.allowed:
            return "the policy allows no break-glass"
        if body.is_end:
            return ""
        if body.level < rules.min_level:
            return f"level {body.level}: break-glass is for level {rules.min_level} and above"
        if body.onset - at > timedelta(minutes=rules.within_minutes):
            return f"it arrives at {iso(body.onset)}, in more than {rules.within_minutes:g} minutes"
        return ""


def require_later(version: Version, at: datetime) -> None:
    """A clock that jumped back releases and approves nothing.

    Raises:
        RuleViolation: the version was made after `at`.
    """
    if iso(at) < version.created_at:
        raise RuleViolation(
            f"{version.warning_id} v{version.version} was drafted at {version.created_at}, and the "
            f"clock says {iso(at)}: it jumped back; set it right (timedatectl) and try again"
        )
