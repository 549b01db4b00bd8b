"""What the shaking line takes from outside, beside records and policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kentongan.errors import DataError
from kentongan.records import ShakeGrid
from kentongan.shakegrid import ShakeArrays
from processing.shaking.fault import Fault
from processing.shaking.site import Ground

Locate = Callable[[str, float, float], tuple[float, float] | None]
"""A place's name, and the epicentre (latitude, longitude) → its position, or none."""


@dataclass(frozen=True)
class KnownFault:
    fault: Fault
    known: datetime
    """When it was given."""


def _nowhere(_name: str, _latitude: float, _longitude: float) -> None:
    return None


def _no_grid(grid: ShakeGrid) -> ShakeArrays:
    raise DataError(f"shakemap {grid.event_id}: no archive to read it from")


@dataclass(frozen=True, eq=False)
class ShakingInputs:
    ground: Ground = field(default_factory=Ground)
    locate: Locate = _nowhere
    grid: Callable[[ShakeGrid], ShakeArrays] = _no_grid
    """The cells of one of BMKG's grids; raises KentonganError where they cannot be had."""
    faults: Mapping[str, KnownFault] = field(default_factory=dict)
    """By key of the quake (`20221121T062110Z`)."""


NOTHING_MORE = ShakingInputs()
