"""One warning as somebody must see it before they decide: what goes out, what policy asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from console.dispatch_plan import plan_document, routes_of
from console.web.centre import differences
from console.web.centre.differences import Change, Seen, TextChange
from console.web.centre.texts import TextLine, of_draft
from kentongan.db import releases
from kentongan.types import WarningState
from notify import versions
from notify.cap.rules import check
from notify.life import PENDING
from notify.release.quotas import held_for
from notify.release.review import OpenReview, open_reviews
from notify.release.words import Word, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kentongan.release_policy import Requirement
    from notify.release.binding import Bound
    from notify.release.desk import Desk
    from notify.versions import Version

SMS = "sms"


@dataclass(frozen=True)
class Draft:
    version: Version
    pending: bool
    """Whether it waits: for people, or for the next cycle."""
    ran_out: bool
    until: datetime
    """When a draft stops waiting."""
    before: Version | None
    """The newest that was released before it."""
    said: tuple[Word, ...]
    standing: tuple[str, ...]
    """Whose word counts for exactly this, now."""
    review: tuple[OpenReview, ...]
    release: Mapping[str, Any] | None
    changes: tuple[Change, ...] = ()
    text_changes: tuple[TextChange, ...] = ()
    need: Requirement | None = None
    held: str = ""
    bound: Bound | None = None
    """None where it is no draft any more."""
    texts: tuple[TextLine, ...] = ()
    channels: tuple[Mapping[str, Any], ...] = ()
    findings: tuple[Any, ...] = ()
    cost: float | None = None
    no_glass: str = ""
    """Why one person may not release it alone; empty: one may."""

    @property
    def ever_released(self) -> bool:
        return self.before is not None or self.release is not None

    @property
    def in_force(self) -> bool:
        held = self.version if self.version.state == WarningState.RELEASED else self.before
        return held is not None and held.state == WarningState.RELEASED

    @property
    def missing(self) -> int:
        return max(0, self.need.people - len(self.standing)) if self.need else 0

    @property
    def digest(self) -> str:
        return self.bound.binding.digest if self.bound else ""

    @property
    def seen(self) -> Seen | None:
        if self.bound is None:
            return None
        return differences.seen(self.version.version, self.bound.binding)


def draft_of(
    connection: Connection,
    desk: Desk,
    warning_id: str,
    at: datetime,
    *,
    routes: Path | None,
    names: Mapping[str, str],
) -> Draft | None:
    """The newest version of a warning; None: there is no warning of that name."""
    version = versions.newest(connection, warning_id)
    if version is None:
        return None
    before = _before(connection, version)
    words = words_of(connection, version)
    until = desk.runs_out(version)
    waits = version.state in PENDING and until > at
    found = Draft(
        version=version,
        pending=waits,
        ran_out=version.state in PENDING and not waits,
        until=until,
        before=before,
        said=words.said,
        standing=(),
        review=tuple(one for one in open_reviews(connection) if one.warning_id == warning_id),
        release=_release(connection, version),
        changes=tuple(differences.changes(before.body, version.body)) if before else (),
        text_changes=tuple(differences.text_changes(before.body, version.body)) if before else (),
    )
    return _waiting(connection, desk, found, at, routes, names) if waits else found


def _waiting(
    connection: Connection, desk: Desk, found: Draft, at: datetime, routes: Path | None,
    names: Mapping[str, str],
) -> Draft:  # fmt: skip
    from dataclasses import replace

    version = found.version
    bound, held = desk.bind(connection, version, at), held_for(connection, version)
    digest, count = bound.binding.digest, bound.binding.recipients
    price = desk.policy.price_per_sms_rupiah
    ends = version.body.is_end
    return replace(
        found,
        bound=bound,
        held=held,
        need=desk.requirement(version, recipients=count, by_people=bool(held)),
        standing=words_of(connection, version).standing(digest, at=at, valid=desk.oldest_approval),
        texts=tuple(of_draft(bound.messages, names)),
        channels=() if ends else tuple(plan_document(connection, bound, routes_of(routes))),
        findings=tuple(check(bound.cap)),
        cost=None if price is None else price * bound.binding.count(SMS),
        no_glass=desk.may_break_glass(version, at),
    )


def _before(connection: Connection, version: Version) -> Version | None:
    """The newest released version below this one."""
    for alert in reversed(versions.alerts_of(connection, version.warning_id)):
        if alert.version < version.version:
            return versions.get(connection, version.warning_id, alert.version)
    return None


def _release(connection: Connection, version: Version) -> Mapping[str, Any] | None:
    query = select(releases).where(
        releases.c.warning_id == version.warning_id, releases.c.version == version.version
    )
    row = connection.execute(query).mappings().first()
    return dict(row) if row else None
