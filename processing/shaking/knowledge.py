"""What was known of a quake at each moment: solution, felt reports, rupture, BMKG's own grid.

Pure and without order: the states follow from the records and from when each was first read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kentongan.records import Felt, Quake, ShakeGrid
from processing.quakes import KnownGrid, QuakeGroup, Solution, best_of, can_shake
from processing.shaking.fault import Fault
from processing.shaking.inputs import KnownFault

GRID_MAGNITUDE = 0.2
"""A grid speaks for a solution that was said after it, if their magnitudes differ by no more."""
MOST_STATES = 12
"""Different states within the hold that are computed, those of the greatest magnitudes: five feeds
seldom make more than five."""


@dataclass(frozen=True, eq=False)
class Knowledge:
    """One state; two with the same `basis` give the same field."""

    quake: Quake
    felt: tuple[Felt, ...] = ()
    grid: ShakeGrid | None = None
    passed_over: ShakeGrid | None = None
    """A grid of another magnitude than the newest solution's; not used."""
    fault: Fault | None = None

    @property
    def basis(self) -> tuple[object, ...]:
        quake = self.quake
        return (
            (quake.magnitude, quake.depth_km, quake.latitude, quake.longitude),
            self.felt,
            self.grid.sha256 if self.grid else "",
            self.fault.sha256 if self.fault else "",
        )


def knowledge(group: QuakeGroup, fault: KnownFault | None) -> Knowledge | None:
    """All that is known now; None where no solution has figures that a quake can have."""
    return _until(group, fault, None)


def held_states(
    group: QuakeGroup, fault: KnownFault | None, *, at: datetime, hold: timedelta
) -> tuple[Knowledge, ...]:
    """Earlier states whose levels still hold at `at`: none once the hold is over.

    The hold begins with the first solution that could be used.
    """
    usable = [one.known for one in group.solutions if can_shake(one.quake)]
    if not usable or at >= min(usable) + hold:
        return ()
    times = {one.known for one in group.solutions} | {one.known for one in group.grids}
    times |= {fault.known} if fault else set()
    found: dict[tuple[object, ...], Knowledge] = {}
    for time in sorted(t for t in times if t <= at):
        state = _until(group, fault, time)
        if state is not None:
            found.setdefault(state.basis, state)
    strongest = sorted(found.values(), key=lambda one: one.quake.magnitude or 0.0)
    return tuple(strongest[-MOST_STATES:])


def _until(group: QuakeGroup, fault: KnownFault | None, time: datetime | None) -> Knowledge | None:
    said = [one for one in group.solutions if time is None or one.known <= time]
    best = best_of(said)
    if best is None:
        return None
    grids = [one for one in group.grids if time is None or one.known <= time]
    newest = max(grids, key=_version).grid if grids else None
    fits = newest is not None and _speaks_for(newest, best)
    return Knowledge(
        quake=best.quake,
        felt=newest_felt(said),
        grid=newest if fits else None,
        passed_over=None if fits else newest,
        fault=fault.fault if fault and (time is None or fault.known <= time) else None,
    )


def _version(known: KnownGrid) -> tuple[datetime, str, str]:
    return known.grid.processed_at, known.grid.version.zfill(10), known.grid.sha256


def _speaks_for(grid: ShakeGrid, best: Solution) -> bool:
    magnitude = best.quake.magnitude or 0.0
    return (
        grid.processed_at >= best.issued or abs(grid.magnitude - magnitude) <= GRID_MAGNITUDE + 1e-9
    )


def newest_felt(solutions: Sequence[Solution]) -> tuple[Felt, ...]:
    """The newest report of each place, by name."""
    found: dict[str, Felt] = {}
    for one in solutions:
        found.update({" ".join(felt.place.upper().split()): felt for felt in one.quake.felt})
    return tuple(found[name] for name in sorted(found))
