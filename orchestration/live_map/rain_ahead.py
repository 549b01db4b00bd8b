"""The nowcast of rain for villages, as the newest field of rain holds it.

A field holds its levels at some leads (`hazard_level_by_lead`); an instant between two of them
takes the worse one, and one beyond the last is not known.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import KentonganError
from kentongan.hazard import LEVEL_UNKNOWN
from kentongan.store import Store
from kentongan.types import HazardId, Level
from orchestration.live_map.events import NOT_KNOWN_SHARE, Known

if TYPE_CHECKING:
    import xarray as xr

    from risk.layers.layerset import LayerSet

log = logging.getLogger(__name__)

FIELD = "field.nc"
LEADS = "hazard_level_by_lead"
OLDEST = timedelta(minutes=60)
"""A field whose frame is older says nothing of what is ahead (frames come each 10 minutes; a
nowcast is made from those up to 40 minutes old)."""
_PERCENT = 100 * NOT_KNOWN_SHARE


@dataclass(frozen=True, eq=False)
class RainAhead:
    """Levels of villages by lead."""

    event_id: str
    folder: str
    issued: datetime
    """Time of the newest frame that it rests on."""
    minutes: tuple[int, ...]
    """Leads, ascending."""
    codes: tuple[str, ...]
    """Villages with rain, or of which nothing is known, at any lead."""
    levels: NDArray[np.int8]
    """Shape (leads, villages); -1: not known."""

    def villages_at(self, at: datetime) -> tuple[tuple[str, ...], NDArray[np.int8]] | None:
        """Codes and levels at an instant, those with level 0 left out; None: beyond the leads."""
        between = self._between(at)
        if between is None:
            return None
        worst = worse(self.levels[between[0]], self.levels[between[1]])
        shown = np.flatnonzero(worst != 0)
        return tuple(self.codes[i] for i in shown), worst[shown]

    def _between(self, at: datetime) -> tuple[int, int] | None:
        lead = (at - self.issued) / timedelta(minutes=1)
        after = [i for i, minutes in enumerate(self.minutes) if minutes >= lead]
        before = [i for i, minutes in enumerate(self.minutes) if minutes <= lead]
        return (before[-1], after[0]) if before and after else None

    def leads_at(self, at: datetime) -> tuple[int, int] | None:
        """The two leads (minutes) that an instant lies between."""
        between = self._between(at)
        return (self.minutes[between[0]], self.minutes[between[1]]) if between else None


def worse(a: NDArray[np.int8], b: NDArray[np.int8]) -> NDArray[np.int8]:
    """The higher level; where one is not known and the other is no warning: not known."""
    highest = np.maximum(a, b)
    unknown = ((a == LEVEL_UNKNOWN) | (b == LEVEL_UNKNOWN)) & (highest < Level.WASPADA)
    return np.where(unknown, np.int8(LEVEL_UNKNOWN), highest).astype(np.int8)


def newest_field(known: list[Known], now: datetime) -> Known | None:
    """The field of rain of the nation that is newest and not too old."""
    fields = [
        one
        for one in known
        if one.event.hazard_id is HazardId.RAIN
        and not one.event.province_codes
        and one.event.onset >= now - OLDEST
    ]
    return max(fields, key=lambda one: (one.event.onset, one.version), default=None)


def rain_ahead(runs: Store, layers: LayerSet, found: Known | None) -> RainAhead | None:
    """What a field holds of the hours ahead; None: it holds nothing, or cannot be read."""
    if found is None or not found.impact_path:
        return None
    return _read(runs.root, found.folder, found.event.event_id, found.event.onset, _Layers(layers))


class _Layers:
    """A layer set as part of a key."""

    def __init__(self, layers: LayerSet) -> None:
        self.layers = layers

    def __hash__(self) -> int:
        return hash(self.layers.version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Layers) and other.layers.version == self.layers.version


@lru_cache(maxsize=2)
def _read(
    root: str, folder: str, event_id: str, issued: datetime, key: _Layers
) -> RainAhead | None:
    import xarray as xr

    try:
        data = Store(root).read(f"{folder}/{FIELD}")
        with xr.open_dataset(io.BytesIO(data), engine="scipy") as field:
            if LEADS not in field or field[LEADS].sizes.get("lead_time", 0) < 2:
                return None
            minutes = tuple(int(lead) for lead in _minutes(field))
            rows = [_villages(field, number, key.layers) for number in range(len(minutes))]
    except (OSError, ValueError, KeyError, TypeError, KentonganError) as error:
        log.warning("nowcast of %s cannot be read: %s", folder, error)
        return None
    levels = np.stack(rows)
    some = np.flatnonzero((levels != 0).any(axis=0))
    codes = key.layers.villages["adm4_code"].to_numpy()
    return RainAhead(
        event_id=event_id,
        folder=folder,
        issued=issued,
        minutes=minutes,
        codes=tuple(str(code) for code in codes[some]),
        levels=levels[:, some],
    )


def _minutes(field: xr.Dataset) -> NDArray[np.float64]:
    leads = field["lead_time"].to_numpy()
    if np.issubdtype(leads.dtype, np.timedelta64):
        leads = leads / np.timedelta64(1, "m")
    return leads.astype(np.float64)


def _villages(field: xr.Dataset, number: int, layers: LayerSet) -> NDArray[np.int8]:
    """Level of each village of the set at one lead, by the rule of shares."""
    from risk.operator import UNKNOWN
    from risk.raster_share import level_of, raster_parts

    one = field[[LEADS]].isel(lead_time=number, drop=True).rename({LEADS: "hazard_level"})
    one.attrs["outside"] = field.attrs.get("outside", "unknown")
    rows, parts, _ = raster_parts(one, layers)
    level = level_of(parts, _PERCENT)
    doubtful = parts[:, UNKNOWN] * 100 >= _PERCENT * parts.sum(axis=1)
    out = np.zeros(len(layers.villages), dtype=np.int8)
    out[rows] = np.where(doubtful & (level < Level.WASPADA), LEVEL_UNKNOWN, level)
    return out
