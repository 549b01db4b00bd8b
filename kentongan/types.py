"""The few words that all stages share. Frozen, no behaviour to speak of."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Level(IntEnum):
    """Ours. BMKG's own words are other types (`TsunamiStatus`) and never mixed with it."""

    NONE = 0
    WATCH = 1
    """Watched, no public word."""
    WASPADA = 2
    SIAGA = 3
    AWAS = 4


class TsunamiStatus(StrEnum):
    """InaTEWS' own levels, as published."""

    WASPADA = "WASPADA"
    SIAGA = "SIAGA"
    AWAS = "AWAS"


class HazardId(StrEnum):
    THUNDERSTORM = "thunderstorm"
    RAIN = "rain"
    FLOOD = "flood"
    LANDSLIDE = "landslide"
    SHAKING = "shaking"
    TSUNAMI = "tsunami"


class Mode(StrEnum):
    EXERCISE = "exercise"
    TEST = "test"
    ACTUAL = "actual"


class DocumentStatus(StrEnum):
    """What a document says of itself (CAP `status`). InaTEWS' `TES` is `Test`."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"


class Outcome(StrEnum):
    """How one poll of one address ended."""

    NEW = "new"
    UNCHANGED = "unchanged"
    EMPTY = "empty"
    BLOCKED = "blocked"
    MALFORMED = "malformed"
    QUARANTINED = "quarantined"
    DOWN = "down"


class FeedState(StrEnum):
    """What a source is worth now."""

    FRESH = "fresh"
    EMPTY = "empty"
    LATE = "late"
    FROZEN = "frozen"
    BLOCKED = "blocked"
    MALFORMED = "malformed"
    DOWN = "down"


class Quality(StrEnum):
    OK = "ok"
    DEGRADED = "degraded"
    EXTRAPOLATED = "extrapolated"
    STALE = "stale"


class DataQuality(StrEnum):
    """Where a village's shape and people come from."""

    MEASURED = "measured"
    MODELLED = "modelled"
    POINTS_ONLY = "points-only"
    FLAGGED = "flagged"
    """A check of the deployment's files doubts it; the layer set's manifest says why."""


class WarningState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    RELEASED = "released"
    SUPERSEDED = "superseded"
    ENDED = "ended"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class MsgType(StrEnum):
    ALERT = "Alert"
    UPDATE = "Update"
    CANCEL = "Cancel"


class TaskKind(StrEnum):
    EVACUATE = "evacuate"
    RECEIVE = "receive"
    ASSESS = "assess"


class OutboxState(IntEnum):
    """Numbers are stored; never renumber."""

    READY = 0
    LEASED = 1
    ON_WIRE = 2
    ACCEPTED = 3
    DELIVERED = 4
    FAILED = 5
    UNKNOWN = 6
    EXPIRED = 7
    SUPPRESSED = 8
