"""Our estimates beside BMKG's nowcast: where both speak, where only one does.

BMKG's word is authoritative: its event stands by itself, and nothing here lowers or delays it. Ours
may add villages, and says that it is ours; the duty officer sees where the two part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.hazard import HazardEvent
from kentongan.types import HazardId, Level
from orchestration import event_store

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.context import CycleContext

BOTH, OURS_ALONE, BMKG_ALONE = (
    "villages_also_bmkg_nowcast",
    "villages_ours_alone",
    "villages_bmkg_nowcast_alone",
)
"""Keys in the evidence of our events; counts of villages."""
SEEN = "bmkg_nowcast_seen"
"""Likewise: whether the feed of the nowcast could be read then."""
SOURCE = "estimate_by"
OURS = "Kentongan, from data of BMKG and Himawari-9; not a warning of BMKG's"
ESTIMATES = frozenset({HazardId.RAIN, HazardId.FLOOD, HazardId.LANDSLIDE})


@dataclass(frozen=True)
class Beside:
    """Villages at level 2 and more, by who says so."""

    both: int
    ours_alone: int
    bmkg_alone: int
    """In the same provinces."""
    seen: bool = True
    """False: nothing new of BMKG's could be read; what it says now is not known."""

    @property
    def words(self) -> str:
        """For a duty officer."""
        if not self.seen:
            known = (
                f"; by what was known of it: {self._counts}" if self.both + self.bmkg_alone else ""
            )
            return f"BMKG's nowcast cannot be read now, ours is not compared{known}"
        return self._counts

    @property
    def _counts(self) -> str:
        if not self.both + self.bmkg_alone:
            return "BMKG's nowcast warns nobody here: ours alone"
        if not self.both:
            return "no village in common with BMKG's nowcast: ours stands apart from it"
        if not self.ours_alone and not self.bmkg_alone:
            return "the same villages as BMKG's nowcast"
        return (
            f"{self.both} villages as BMKG's nowcast, {self.ours_alone} only ours, "
            f"{self.bmkg_alone} only BMKG's"
        )


def beside(
    ours: Mapping[str, int],
    bmkg: Collection[str],
    provinces: Collection[str],
    *,
    seen: bool = True,
) -> Beside:
    """Compare two sets of villages.

    Args:
        ours: adm4_code -> our level.
        bmkg: codes of villages under a nowcast in force.
        provinces: codes of two digits; what BMKG warns elsewhere is not counted.
    """
    warned = {code for code, level in ours.items() if level >= Level.WASPADA}
    there = {code for code in bmkg if code[:2] in provinces}
    return Beside(len(warned & there), len(warned - there), len(there - warned), seen)


def with_comparison(event: HazardEvent, found: Beside) -> HazardEvent:
    """The event with the comparison in its evidence."""
    said = {
        SOURCE: OURS,
        BOTH: found.both,
        OURS_ALONE: found.ours_alone,
        BMKG_ALONE: found.bmkg_alone,
        SEEN: found.seen,
    }
    return event.model_copy(update={"evidence": {**event.evidence, **said}})


def comparison_of(event: HazardEvent) -> Beside | None:
    """What `with_comparison` wrote; None where it did not."""
    counts = [event.evidence.get(key) for key in (BOTH, OURS_ALONE, BMKG_ALONE)]
    if not all(isinstance(count, int) for count in counts):
        return None
    both, ours, bmkg = (int(str(count)) for count in counts)
    return Beside(both, ours, bmkg, event.evidence.get(SEEN) is not False)


def compared(
    context: CycleContext, parts: Sequence[tuple[HazardEvent, pd.DataFrame]], at: datetime
) -> list[tuple[HazardEvent, pd.DataFrame]]:
    """Our events, each compared with the nowcasts of its provinces."""
    if not parts:
        return []
    from orchestration.deciding import blind_hazards

    theirs = under_nowcast(context, at)
    seen = HazardId.THUNDERSTORM not in blind_hazards(context, at)
    out = []
    for event, rows in parts:
        levels = dict(zip(rows["adm4_code"].tolist(), rows["level"].tolist(), strict=True))
        found = beside(levels, theirs, event.province_codes, seen=seen)
        out.append((with_comparison(event, found), rows))
    return out


def under_nowcast(context: CycleContext, at: datetime) -> frozenset[str]:
    """Villages under a nowcast of BMKG's that is in force at `at`."""
    found: set[str] = set()
    for stored in event_store.active(context.engine):
        event = stored.event
        theirs = event.official and event.hazard_id is HazardId.THUNDERSTORM
        holds = event.valid_from <= at < event.valid_to and not event.official_end
        if theirs and holds and context.runs.exists(stored.impact_path):
            table = event_store.read_impact(context.runs, stored.impact_path)
            found.update(table["adm4_code"][table["level"] >= Level.WASPADA].tolist())
    return frozenset(found)
