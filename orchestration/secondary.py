"""What a quake sets off, kept beside its impact table: for the centre, and for the steps after it.

Nothing of it enters the event, its evidence, or a text: CAP publishes evidence. Written once a
version of the event, after the messages are sent; what is already there is not made again.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kentongan.errors import DataError
from kentongan.types import HazardId
from orchestration import event_store

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

    from kentongan.hazard import HazardEvent
    from kentongan.store import Store
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent
    from processing.secondary.pre_alert import PreAlert
    from risk.prone_ground import ProneVillages

FILE = "secondary.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Ground(_Frozen):
    """Villages on ground that slides or turns liquid."""

    villages: tuple[str, ...]
    """Prone by the map."""
    not_known: tuple[str, ...]
    """Shaken, and the map says nothing, or there is no map: not known is never safe."""
    assessed: bool
    """Whether a map is loaded."""

    @property
    def all(self) -> tuple[str, ...]:
        return tuple(sorted({*self.villages, *self.not_known}))


class Watch(_Frozen):
    """`processing.secondary.pre_alert.PreAlert`, as it is kept."""

    until: AwareDatetime
    reason: str
    words: str


class Secondary(_Frozen):
    event_id: str
    origin: AwareDatetime
    landslide: Ground
    landslide_until: AwareDatetime
    """Until then slopes slide with less rain than before."""
    liquefaction: Ground
    watch: Watch | None
    """Level 1, before InaTEWS has spoken; see `watches`."""


def note_secondary(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[str]:
    """Make what is missing beside the shaking events of now; paths of what was written."""
    from orchestration.stages import guarded

    troubles = [] if troubles is None else troubles
    written = [
        guarded(f"secondary hazards of {s.event.event_id}", troubles, partial(_note, context, s))
        for s in event_store.recent(context.engine, at)
        if s.event.hazard_id is HazardId.SHAKING
    ]
    return [path for path in written if path]


def _note(context: CycleContext, stored: StoredEvent) -> str | None:
    path = f"{_folder(stored)}/{FILE}"
    if context.runs.exists(path):
        return None
    body = secondary_of(context, stored.event, read_field(context.runs, stored))
    context.runs.write(path, body.model_dump_json(indent=1).encode())
    return path


def secondary_of(context: CycleContext, event: HazardEvent, field: xr.Dataset) -> Secondary:
    """Computed from a stored field; nothing is read or written besides the layer set."""
    from processing.secondary.shaken_ground import ground_classes, raised_until
    from risk.prone_ground import prone_villages

    rules = context.levels.secondary

    def ground(name: str, at_least: int) -> Ground:
        found = prone_villages(
            field,
            context.layers,
            name,
            lambda mmi, index, prone_from: ground_classes(
                mmi, index, at_least=at_least, prone_from=prone_from
            ),
            rules,
        )
        return _ground(found)

    return Secondary(
        event_id=event.event_id,
        origin=event.onset,
        landslide=ground("susceptibility", rules.landslide_mmi),
        landslide_until=raised_until(event.onset, rules.landslide_days),
        liquefaction=ground("liquefaction", rules.liquefaction_mmi),
        watch=_watch(_pre_alert(context, event)),
    )


def _ground(found: ProneVillages) -> Ground:
    return Ground(villages=found.villages, not_known=found.not_known, assessed=found.assessed)


def _watch(found: PreAlert | None) -> Watch | None:
    return None if found is None else Watch(
        until=found.until, reason=found.reason, words=found.words
    )  # fmt: skip


def _pre_alert(context: CycleContext, event: HazardEvent) -> PreAlert | None:
    from processing.secondary.pre_alert import pre_alert
    from risk.coast.shore import coast_of, km_from_sea

    said = event.evidence
    longitude, latitude = _number(said.get("longitude")), _number(said.get("latitude"))
    coast_km = None
    if longitude is not None and latitude is not None:
        coast_km = km_from_sea(longitude, latitude, coast_of(context.layers))
    depth = None if said.get("depth_assumed") else _number(said.get("depth_km"))
    return pre_alert(
        magnitude=_number(said.get("magnitude")),
        depth_km=depth,
        coast_km=coast_km,
        origin=event.onset,
        rules=context.levels.tsunami.pre_alert,
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


# --- reading ---------------------------------------------------------------------------


def read_secondary(store: Store, stored: StoredEvent) -> Secondary | None:
    """What was noted for this version of the event; None where it was not yet."""
    path = f"{_folder(stored)}/{FILE}"
    return Secondary.model_validate_json(store.read(path)) if store.exists(path) else None


def read_field(store: Store, stored: StoredEvent) -> xr.Dataset:
    """The raster of an event.

    Raises:
        DataError: it is not there any more, or the event has zones.
    """
    import xarray as xr

    path = f"{_folder(stored)}/field.nc"
    if not store.exists(path):
        raise DataError(f"event {stored.event.event_id}: no raster at {path}; play or run it again")
    with xr.open_dataset(io.BytesIO(store.read(path)), engine="scipy") as field:
        return field.load()


def watches(context: CycleContext, at: datetime) -> list[tuple[StoredEvent, Watch]]:
    """Quakes at the coast for which InaTEWS has not spoken yet: level 1, for the centre alone."""
    from processing.secondary.pre_alert import PreAlert, stands

    found = []
    for stored, noted in _noted(context, at):
        watch = noted.watch
        if watch is None or at < noted.origin:
            continue
        kept = PreAlert(until=watch.until, reason=watch.reason)
        if stands(kept, at, inatews_spoke=inatews_spoke(stored.event)):
            found.append((stored, watch))
    return found


def inatews_spoke(event: HazardEvent) -> bool:
    """Whether a bulletin of this quake is known, or BMKG's notices all deny a tsunami."""
    from risk.coast_hold import EVIDENCE, tsunami_possible

    if event.linked_event_id is not None:
        return True
    said = str(event.evidence.get(EVIDENCE) or "")
    return "tsunami" in said.lower() and not tsunami_possible(event.evidence)


def landslide_raises(context: CycleContext, at: datetime) -> dict[str, datetime]:
    """Villages whose slopes a quake has loosened, and until when; the latest end of each."""
    raises: dict[str, datetime] = {}
    for _, noted in _noted(context, at):
        if noted.origin <= at < noted.landslide_until:
            for code in noted.landslide.all:
                raises[code] = max(noted.landslide_until, raises.get(code, noted.landslide_until))
    return dict(sorted(raises.items()))


def shaken_mask(context: CycleContext, at: datetime) -> NDArray[np.bool_]:
    """Cells of the analysis grid shaken so hard within the last days that slopes slide.

    What `processing.landslide.landslide_level` takes as `shaken`; a field that is gone shakes
    nothing, and the villages of `landslide_raises` still stand.
    """
    import numpy as np

    from processing.secondary.shaken_ground import shaken_cells
    from risk.raster_share import to_base_grid

    grid, rules = context.layers.operator.grid, context.levels.secondary
    shaken = np.zeros((grid.rows, grid.columns), dtype=np.bool_)
    for stored, noted in _noted(context, at):
        lasts = noted.origin <= at < noted.landslide_until
        if lasts and context.runs.exists(f"{_folder(stored)}/field.nc"):
            field = read_field(context.runs, stored)[["hazard_level", "mmi"]]
            values = to_base_grid(field.assign_attrs(value_variable="mmi"), grid)["mmi"]
            shaken |= shaken_cells(values.to_numpy(), rules.landslide_mmi)
    return shaken


def _noted(context: CycleContext, at: datetime) -> Iterator[tuple[StoredEvent, Secondary]]:
    since = at - timedelta(days=context.levels.secondary.landslide_days)
    for stored in event_store.recent(context.engine, since):
        if stored.event.hazard_id is not HazardId.SHAKING:
            continue
        noted = read_secondary(context.runs, stored)
        if noted is not None:
            yield stored, noted


def _folder(stored: StoredEvent) -> str:
    return stored.impact_path.rsplit("/", 1)[0]
