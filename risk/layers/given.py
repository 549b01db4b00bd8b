"""What a deployment gives to `layers build`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from risk.layers.people import NEAREST_KM
from risk.layers.people_raster import PeopleKind

RASTERS: dict[str, str] = {
    "elevation": "bilinear",
    "friction": "bilinear",
    "susceptibility": "nearest",
    "liquefaction": "nearest",
}
"""Rasters that a set may hold, and how one in another coordinate system is warped to degrees."""


@dataclass(frozen=True)
class Given:
    """Files of one layer set; formats in docs/layers.md.

    Attributes:
        areas: village polygons with Kemendagri codes.
        area_id, name: columns of codes and names; found by themselves if not given.
        people: at most one raster and one table a level of codes.
        people_kind: what the values of the raster count; found by its sum if not given.
        nearest_km: people of the raster in no village, this near to one, are that village's.
    """

    areas: Path
    area_id: str | None = None
    name: str | None = None
    people: tuple[Path, ...] = ()
    people_kind: PeopleKind | None = None
    nearest_km: float = NEAREST_KM
    posts: Path | None = None
    members: Path | None = None
    shelters: Path | None = None
    roads: Path | None = None
    friction: Path | None = None
    elevation: Path | None = None
    susceptibility: Path | None = None
    liquefaction: Path | None = None
    rivers: Path | None = None

    def files(self) -> Iterator[tuple[str, Path]]:
        """Role and path of every file given."""
        yield "areas", self.areas
        yield from (("people", path) for path in self.people)
        for role in ("posts", "members", "shelters", "roads", "rivers", *RASTERS):
            path = getattr(self, role)
            if path is not None:
                yield role, path

    def rasters(self) -> Iterator[tuple[str, Path]]:
        for role in RASTERS:
            path = getattr(self, role)
            if path is not None:
                yield role, path
