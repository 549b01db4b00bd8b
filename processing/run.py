"""The step: records known at an instant → hazard fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from kentongan.hazard import HazardEvent, HazardField, attributes
from kentongan.policy import LevelPolicy
from kentongan.records import Record
from kentongan.times import require_aware
from kentongan.types import HazardId
from processing.gazetteer import Gazetteer
from processing.nowcast import nowcast_fields
from processing.quakes import NO_PAST, Past, quake_groups
from processing.rain_image import rain_fields
from processing.shaking import NOTHING_MORE, ShakingInputs, shaking_fields
from processing.shaking import PREFIX as SHAKING
from processing.tsunami import PREFIX as TSUNAMI
from processing.tsunami import tsunami_fields, tsunami_groups

GRACE = timedelta(minutes=15)
"""An expired event stays in sight this long, so that its end is seen by a cycle."""
END_IN_SIGHT = timedelta(hours=24)
"""An official end stays in sight this long: a centre that was down must still pass it on."""
SILENCE = timedelta(hours=48)
"""A tsunami without PD-4 stays in sight this long after its last bulletin; the longest waves on
record have died down by then, and older entries of a history feed start nothing."""


def hazard_fields(
    records: Sequence[Record],
    *,
    at: datetime,
    policy: LevelPolicy,
    gazetteer: Gazetteer,
    read: Callable[[Record], bytes],
    past: Past = NO_PAST,
    shaking: ShakingInputs = NOTHING_MORE,
) -> list[HazardField]:
    """Every hazard that matters at `at`, in order of hazard and event id.

    The same records in any order give the same fields.

    Args:
        records: known observations; those dated after `at` are not yet known.
        at: the cycle's instant, aware.
        policy: reviewed thresholds.
        gazetteer: BMKG's names → codes.
        read: archived bytes of a record.
        past: event ids and times of reading from earlier cycles; with them an event keeps its
            id when a solution with an earlier date turns up late.
        shaking: ground, places, ruptures and BMKG's grids, for the intensity of quakes.

    Raises:
        NaiveTime: `at` has no zone.
    """
    at = require_aware(at)
    known = [record for record in records if record.document_time <= at]
    fields = [
        *nowcast_fields(known, at=at, gazetteer=gazetteer),
        *_linked(known, at=at, policy=policy, gazetteer=gazetteer, past=past, inputs=shaking),
        *rain_fields(known, at=at, policy=policy, read=read),
    ]
    matter = [field for field in fields if matters(field.event, at)]
    return sorted(matter, key=lambda field: (field.event.hazard_id, field.event.event_id))


def matters(event: HazardEvent, at: datetime) -> bool:
    """Whether a cycle at `at` still has to look at this event."""
    if event.official_end:
        return event.valid_from > at - END_IN_SIGHT
    if event.hazard_id is HazardId.TSUNAMI:
        return event.valid_from > at - SILENCE
    return event.valid_to > at - GRACE


def _linked(
    records: Sequence[Record],
    *,
    at: datetime,
    policy: LevelPolicy,
    gazetteer: Gazetteer,
    past: Past,
    inputs: ShakingInputs,
) -> list[HazardField]:
    """Shaking and tsunami, each pointing at the other one of the same quake."""
    shaking = shaking_fields(
        records, policy=policy, since=at - GRACE, past=past, at=at, inputs=inputs
    )
    tsunami = tsunami_fields(records, at=at, policy=policy, gazetteer=gazetteer, past=past)
    there = {field.event.event_id for field in (*shaking, *tsunami)}
    pairs = [
        (one, other) for one, other in _pairs(records, past) if one in there and other in there
    ]
    links = dict([*pairs, *((other, one) for one, other in pairs)])
    return [_with_link(field, links.get(field.event.event_id)) for field in (*shaking, *tsunami)]


def _pairs(records: Sequence[Record], past: Past) -> list[tuple[str, str]]:
    quakes = {
        (member.source_id, member.key): f"{SHAKING}{group.event_key}"
        for group in quake_groups(records, past=past, prefix=SHAKING)
        for member in group.solutions
    }
    return [
        (quakes[member.source_id, member.key], f"{TSUNAMI}{group.event_key}")
        for group in tsunami_groups(records, past=past)
        for member in group.solutions
    ]


def _with_link(field: HazardField, linked_event_id: str | None) -> HazardField:
    if linked_event_id is None:
        return field
    event = field.event.model_copy(update={"linked_event_id": linked_event_id})
    if field.raster is None:
        return replace(field, event=event)
    return replace(field, event=event, raster=field.raster.assign_attrs(attributes(event)))
