"""One call for the cycle: draft, release, fill the outbox."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from kentongan import audit
from kentongan.decision import Action, Decision
from kentongan.errors import RuleViolation
from kentongan.hazard import HazardEvent
from kentongan.policy import ReleasePolicy
from kentongan.store import Store
from kentongan.transactions import writing
from kentongan.types import Mode
from notify import versions
from notify.area.villages import Geometry
from notify.cap.publisher import Publisher
from notify.firewall.gate import routes_for
from notify.life import draft
from notify.release.approval import release
from notify.sending.outbox import fill_outbox
from notify.sending.recipients import ensure_coordinators, ensure_synthetic
from notify.warning import ReleasedAlert, WarningBody, WarningRef

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """How far a decision came."""

    ref: WarningRef | None = None
    """The version; None where the decision made none."""
    alert: ReleasedAlert | None = None
    """None while people must still approve."""
    messages: int = 0
    """New rows in the outbox."""
    refused: str = ""
    """The rule that stopped it."""


def publish(
    engine: Engine,
    store: Store,
    decision: Decision,
    event: HazardEvent,
    impact: pd.DataFrame,
    areas: pd.DataFrame,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    policy: ReleasePolicy,
    coordinators: pd.DataFrame | None = None,
    geometry: Geometry | None = None,
    unresolved: Sequence[str] = (),
    publisher: Publisher | None = None,
    synthetic_residents: bool = True,
) -> Published:
    """Draft → release by policy → outbox. A broken rule stops this event, not the cycle.

    Args:
        coordinators: columns of `kentongan.areas.COORDINATORS`.
        synthetic_residents: put two made-up residents into each village that is told.
    """
    if decision.action is Action.NONE:
        return Published()
    ref: WarningRef | None = None
    try:
        ref = draft(
            engine, decision, event, impact, areas, at=at, mode=mode, live=live,
            geometry=geometry, unresolved=unresolved,
        )  # fmt: skip
        if ref is None:
            return Published()
        return release_and_fill(
            engine, store, ref, at=at, mode=mode, live=live, policy=policy,
            coordinators=coordinators, publisher=publisher,
            synthetic_residents=synthetic_residents,
        )  # fmt: skip
    except RuleViolation as error:
        _refused(engine, event.event_id, str(error), at)
        return Published(ref=ref, refused=str(error))


def release_and_fill(
    engine: Engine,
    store: Store,
    ref: WarningRef,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    policy: ReleasePolicy,
    coordinators: pd.DataFrame | None = None,
    publisher: Publisher | None = None,
    synthetic_residents: bool = True,
    urgent: bool = False,
) -> Published:
    """The second half; also what an approval calls for a waiting draft.

    Args:
        urgent: see `notify.sending.outbox.fill_outbox`.

    Raises:
        RuleViolation: see `notify.release.approval.release`.
    """
    publisher = publisher or Publisher()
    with engine.connect() as connection:
        body = versions.get(connection, ref.warning_id, ref.version).body
    # Before the release: how many are told is part of what it is bound to.
    ensure_recipients(engine, body, coordinators, synthetic_residents=synthetic_residents)
    regencies = regencies_of(coordinators)
    alert = release(
        engine, store, ref, at=at, policy=policy, mode=mode, live=live, publisher=publisher,
        coordinators=regencies,
    )  # fmt: skip
    if alert is None:
        return Published(ref=ref)
    new = fill_outbox(
        engine,
        ref,
        at=at,
        routes=routes_for(
            mode,
            live=live,
            status=body.status,
            test_numbers=publisher.test_numbers,
            test_blinds=publisher.test_blinds,
        ),
        coordinators=regencies,
        publisher=publisher,
        urgent=urgent,
    )
    return Published(ref=ref, alert=alert, messages=new)


def resume(
    engine: Engine,
    store: Store,
    *,
    at: datetime,
    mode: Mode,
    live: bool,
    policy: ReleasePolicy,
    coordinators: pd.DataFrame | None = None,
    publisher: Publisher | None = None,
    synthetic_residents: bool = True,
) -> list[Published]:
    """Finish what a crash or a missing approval left: drafts that may go, outboxes not filled.

    Costs two queries when nothing waits. What still may not go out is not in the answer. A version
    on which the release fails is in it as refused; it is tried again with the next cycle.
    """
    with engine.connect() as connection:
        waiting = versions.unfinished(connection)
    done = []
    for ref in waiting:
        try:
            one = release_and_fill(
                engine, store, ref, at=at, mode=mode, live=live, policy=policy,
                coordinators=coordinators, publisher=publisher,
                synthetic_residents=synthetic_residents,
            )  # fmt: skip
        except RuleViolation as error:
            one = Published(ref=ref, refused=str(error))
        except Exception as error:  # one broken warning keeps no other from going out
            log.exception("release of %s v%d failed", ref.warning_id, ref.version)
            one = Published(ref=ref, refused=f"fault: {type(error).__name__}: {error}")
        if one.alert is not None or one.refused:
            done.append(one)
    return done


def ensure_recipients(
    engine: Engine,
    body: WarningBody,
    coordinators: pd.DataFrame | None,
    *,
    synthetic_residents: bool,
) -> None:
    """The made-up residents of the villages that are told, and the layer set's coordinators."""
    if synthetic_residents:
        ensure_synthetic(engine, {*body.levels, *body.told})
    if coordinators is not None:
        ensure_coordinators(engine, coordinators)


def regencies_of(coordinators: pd.DataFrame | None) -> dict[str, str]:
    """coordinator_id -> adm2_code."""
    if coordinators is None:
        return {}
    return dict(
        zip(
            coordinators["coordinator_id"].tolist(), coordinators["adm2_code"].tolist(), strict=True
        )
    )


def _refused(engine: Engine, event_id: str, reason: str, at: datetime) -> None:
    with writing(engine) as connection:
        audit.append(
            connection,
            at=at,
            actor="kentongan",
            action="warning.refused",
            body={"event_id": event_id, "reason": reason},
        )
