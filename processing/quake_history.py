"""Every solution of one quake, from every feed, in the order in which it was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from kentongan.records import Bulletin, CatalogueQuake, Detection, Quake, ShakeGrid

Found = Detection | CatalogueQuake | ShakeGrid
"""What BMKG found, computed or catalogued: it joins an announced quake, and never makes one."""


Announced = Quake | Bulletin


@dataclass(frozen=True)
class Statement:
    """One solution: who said it, when, and its figures."""

    kind: Literal["quake", "bulletin", "detection", "catalogue_quake", "shake_grid"]
    source_id: str
    key: str
    sha256: str
    issued: datetime | None
    """The document's own time of it; None where it has none (the quake lists)."""
    received: datetime | None
    """When it was read first; None: not on record."""
    origin_time: datetime
    latitude: float
    longitude: float
    magnitude: float | None
    depth_km: float | None
    label: str
    """`PD-2`; `confirmed` or `automatic` of a detection; version of a ShakeMap; else empty."""

    @property
    def said(self) -> datetime:
        """The best that is known of when it was said."""
        return self.issued or self.received or self.origin_time


def statement(record: Announced | Found, received: datetime | None) -> Statement:
    """What a record says of its quake. `received` is when it was read first."""
    quake = record.quake if isinstance(record, Bulletin) else record
    timed = record.document_time != quake.origin_time
    return Statement(
        kind=record.kind,
        source_id=record.source_id,
        key=record.key,
        sha256=record.sha256,
        issued=record.document_time if timed else None,
        received=received,
        origin_time=quake.origin_time,
        latitude=quake.latitude,
        longitude=quake.longitude,
        magnitude=quake.magnitude,
        depth_km=quake.depth_km,
        label=_label(record),
    )


def _label(record: Announced | Found) -> str:
    if isinstance(record, Bulletin):
        return record.label
    if isinstance(record, ShakeGrid):
        return record.version
    return record.review if isinstance(record, Detection) else ""


def in_order(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """By the time at which each was said; each once."""
    return tuple(sorted(set(statements), key=lambda s: (s.said, s.source_id, s.key, s.sha256)))
