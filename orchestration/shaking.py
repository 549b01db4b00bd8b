"""The shaking line in the cycle: what it takes from outside, and people by intensity with doubt."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from kentongan.hazard import HazardEvent, HazardField
from kentongan.records import Record, ShakeGrid
from kentongan.types import HazardId

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kentongan.shakegrid import ShakeArrays
    from kentongan.store import Store
    from orchestration.context import CycleContext
    from orchestration.event_store import StoredEvent
    from processing.gmm.bmkg import QuakeFacts, Sites
    from processing.shaking import ShakingInputs

log = logging.getLogger(__name__)
FILE = "people_by_mmi.json"
FIRST_MMI, LAST_MMI = 4, 10
"""Below IV nobody counts; BMKG's chain ends at X."""
_grids: dict[str, ShakeArrays] = {}
_GRIDS_KEPT = 4
_BOTH = "bmkg-shakemap/1+"
"""Method of a level that the second opinion may have raised."""


def shaking_inputs(context: CycleContext, at: datetime, records: Sequence[Record]) -> ShakingInputs:
    """Ground, places, ruptures and grids; nothing is loaded where no quake is known."""
    from orchestration import faults
    from orchestration.ground import ground_of
    from orchestration.places import places_of
    from processing.shaking import NOTHING_MORE, ShakingInputs

    if not any(r.kind in ("quake", "bulletin") for r in records):
        return NOTHING_MORE
    troubles: list[str] = []
    known = faults.given(context.runs, at, troubles)
    for trouble in troubles:
        log.error("%s", trouble)
    return ShakingInputs(
        ground=ground_of(context),
        locate=places_of(context.layers),
        grid=lambda record: grid_cells(context, record),
        faults=known,
    )


def grid_cells(context: CycleContext, record: ShakeGrid) -> ShakeArrays:
    """The cells of one of BMKG's grids, from the archive; the last few are kept decoded.

    Raises:
        KentonganError: not in the archive any more, or no grid.
    """
    from ingest.known import read_payload
    from kentongan.shakegrid import decode_grid

    if record.sha256 not in _grids:
        with context.engine.connect() as connection:
            payload = read_payload(connection, context.archive, record.source_id, record.sha256)
        names = [field.name for field in record.fields]
        arrays = decode_grid(payload, names, rows=record.rows, columns=record.columns)
        while len(_grids) >= _GRIDS_KEPT:
            _grids.pop(next(iter(_grids)))
        _grids[record.sha256] = arrays
    return _grids[record.sha256]


def note_people(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]] | None = None
) -> list[str]:
    """People by intensity beside each shaking event of now that has none yet; paths written.

    After the messages are sent: no warning waits for it.
    """
    from orchestration import event_store
    from orchestration.stages import guarded

    troubles = [] if troubles is None else troubles
    written = [
        guarded(f"people by MMI of {s.event.event_id}", troubles, partial(_note, context, s))
        for s in event_store.recent(context.engine, at)
        if s.event.hazard_id is HazardId.SHAKING
    ]
    return [path for path in written if path]


def _note(context: CycleContext, stored: StoredEvent) -> str | None:
    from orchestration.explaining import load_field

    path = f"{stored.impact_path.rpartition('/')[0]}/{FILE}"
    if context.runs.exists(path):
        return None
    body = people_by_mmi(context, load_field(context.runs, stored))
    context.runs.write(path, json.dumps(body, indent=1, sort_keys=True).encode())
    return path


def read_people(runs: Store, folder: str) -> dict[str, Any] | None:
    """What `note_people` wrote; None where it is gone or was never made."""
    path = f"{folder}/{FILE}"
    if not runs.exists(path):
        return None
    found: dict[str, Any] = json.loads(runs.read(path))
    return found


def people_by_mmi(context: CycleContext, field: HazardField) -> dict[str, Any]:
    """People by whole MMI (rounded half up, as PAGER and InaSAFE do) of each line, with bands.

    p10, p50, p90 over errors of magnitude, depth, place; the chain's also over the quake's own
    strength.

    The draws are a fixed sequence: the same event gives the same bytes. A band is of each class
    alone; those of several classes do not add up. Not drawn: what differs from village to village
    (0.6 to 0.9 MMI). The quake is a point. People in no village are among them.
    """
    from risk.exposure.cell_people import people_on_cells

    raster = field.raster
    if raster is None:
        raise TypeError("people by MMI: expected a raster")
    people = people_on_cells(context.layers.operator)
    lines = {
        name: _of_raster(raster, variable, context, people)
        for name, variable in (
            ("level", "mmi"),
            ("bmkg_chain", "mmi_chain"),
            ("allen_2012", "mmi_allen"),
        )
    }
    return {
        "event_id": field.event.event_id,
        "method": field.event.method,
        "classes": list(range(FIRST_MMI, LAST_MMI + 1)),
        "people": {name: counts for name, counts in lines.items() if counts is not None},
        "bands": _bands(context, field.event, people, raster),
    }


def _of_raster(
    raster: Any, variable: str, context: CycleContext, people: npt.NDArray[np.float64]
) -> dict[str, int] | None:
    import numpy as np

    from risk.raster_share import to_base_grid

    if variable not in raster or not np.isfinite(raster[variable].to_numpy()).any():
        return None
    chosen = raster[["hazard_level", variable]].assign_attrs(value_variable=variable)
    mmi = to_base_grid(chosen, context.layers.operator.grid)[variable].to_numpy()
    counts = _counts(mmi, people.reshape(mmi.shape))
    return {str(FIRST_MMI + i): round(float(n)) for i, n in enumerate(counts)}


def _counts(
    mmi: npt.NDArray[np.floating], people: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """People by class FIRST_MMI … LAST_MMI, shape (7,); what is not known is in none."""
    import numpy as np

    edges = np.arange(FIRST_MMI, LAST_MMI + 1) - 0.5
    place = np.digitize(np.nan_to_num(mmi, nan=0.0), edges).ravel()
    found = np.bincount(place, weights=people.ravel(), minlength=edges.size + 1)[1:]
    return found.astype(np.float64)


def _bands(
    context: CycleContext, event: HazardEvent, people: npt.NDArray[np.float64], raster: Any
) -> dict[str, Any]:
    """Bands of BMKG's chain and of what the level is taken from, while that is ours."""
    import numpy as np

    from processing.gmm.uncertainty import DEPTH_NOT_KNOWN_KM, Spread, member_fields, members
    from processing.shaking.compute import raised

    rules, grid = context.levels.shaking, context.layers.operator.grid
    quake, site, there = _around(context, event, people, raster)
    depth_km = rules.spread.depth_km if quake.depth_km is not None else DEPTH_NOT_KNOWN_KM
    spread = Spread(rules.spread.magnitude, depth_km, rules.spread.position_km)
    chain, level = [], []
    terms = [
        np.float32(_number(event.evidence.get(f"felt_term_{line}_applied") or 0.0))
        for line in ("chain", "allen")
    ]
    drawn = zip(members(quake, spread), member_fields(quake, site, spread), strict=True)
    for (one, _), (mmi, _) in drawn:
        chain.append(_counts(mmi + terms[0], there))
        if event.method.startswith(_BOTH):
            both = raised(mmi + terms[0], one, site, rules, float(terms[1]))
            level.append(_counts(both, there))
    found = {"bmkg_chain": chain, **({"level": level} if level else {})}
    return {
        "members": len(chain),
        "spread": spread_words(spread),
        "grid_cells": int(there.size),
        "step_deg": grid.step,
        **{name: _quantiles(np.stack(counts)) for name, counts in found.items()},
    }


def _around(
    context: CycleContext, event: HazardEvent, people: npt.NDArray[np.float64], raster: Any
) -> tuple[QuakeFacts, Sites, npt.NDArray[np.float64]]:
    """The quake, the cells of the base grid that its field covers, and the people there."""
    from processing.gmm.bmkg import QuakeFacts
    from processing.shaking.site import site_of

    said, grid = event.evidence, context.layers.operator.grid
    quake = QuakeFacts(
        _number(said["magnitude"]),
        None if said.get("depth_assumed") else _number(said["depth_km"]),
        _number(said["latitude"]),
        _number(said["longitude"]),
    )
    y, x = raster["latitude"].to_numpy(), raster["longitude"].to_numpy()
    rows, columns = grid.window(float(x[0]), float(y[0]), float(x[-1]), float(y[-1]))
    default = context.levels.shaking.default_vs30
    site = site_of(grid.latitude[rows], grid.longitude[columns], _ground(context), default)
    return quake, site.cells, people.reshape(grid.rows, grid.columns)[rows, columns]


def _quantiles(counts: npt.NDArray[np.float64]) -> dict[str, Any]:
    """p10, p50, p90 of people in each class, and at or above it; members along the first axis."""
    import numpy as np

    from processing.gmm.uncertainty import people_band

    whole = np.rint(counts).astype(np.int64)
    running = np.cumsum(whole[:, ::-1], axis=1)[:, ::-1]
    return {"in_class": _named(people_band, whole), "at_least": _named(people_band, running)}


def spread_words(spread: Any) -> str:
    return (
        f"magnitude {spread.magnitude:g}, depth {spread.depth_km:g} km, place "
        f"{spread.position_km:g} km each way (unconfirmed)"
    )


def _named(band: Any, counts: npt.NDArray[np.int64]) -> dict[str, dict[str, int]]:
    return {
        str(FIRST_MMI + i): dict(zip(("p10", "p50", "p90"), band(counts[:, i]), strict=True))
        for i in range(counts.shape[1])
    }


def _ground(context: CycleContext) -> Any:
    from orchestration.ground import ground_of

    return ground_of(context)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
