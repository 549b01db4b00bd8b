"""The few words that all stages share. Frozen, no behaviour to speak of."""

from __future__ import annotations

from enum import Enum, IntEnum, StrEnum


class Level(IntEnum):
    """Ours. BMKG's own words are other types (`TsunamiStatus`, `IbfCategory`): neither is ever
    equal to a level, and only `risk` says what they mean to us."""

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


class IbfCategory(Enum):
    """A word of BMKG's impact-based forecast: a cell of its risk matrix, by likelihood and impact.

    No text and no number, so that it equals neither a `Level` nor a `TsunamiStatus` of that name.
    """

    HIJAU = ("ibf", 0)
    WASPADA = ("ibf", 1)
    SIAGA = ("ibf", 2)
    AWAS = ("ibf", 3)

    @classmethod
    def of_score(cls, score: int) -> IbfCategory:
        """From BMKG's score: 0 green, 1 to 5 Waspada, 6 to 9 Siaga, 10 Awas.

        Raises:
            ValueError: a score outside 0..10.
        """
        if not 0 <= score <= 10:
            raise ValueError(f"score of BMKG's impact matrix: expected 0 to 10, found {score}")
        if score == 0:
            return cls.HIJAU
        return cls.WASPADA if score <= 5 else cls.SIAGA if score <= 9 else cls.AWAS


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


class SegmentState(IntEnum):
    """Numbers are stored; never renumber."""

    OPEN = 0
    """Some of its recipients have no row yet."""
    FILLED = 1
    SUPPRESSED = 2
    """Its warning ended before everybody had a row."""
    EXPIRED = 3
