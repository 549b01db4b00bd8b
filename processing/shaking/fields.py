"""The step: records of quakes → shaking fields, one a quake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from kentongan.grid import BASE_GRID, Grid
from kentongan.hazard import AreaRule, HazardEvent, HazardField, attributes
from kentongan.policy import LevelPolicy, ShakingRules
from kentongan.records import Quake, Record
from kentongan.types import HazardId, Level, Quality
from processing.gmm.bmkg import FITTED_KM
from processing.quakes import NO_PAST, Past, QuakeGroup, magnitude_words, quake_groups
from processing.rasters import QUALITIES, grid_coordinates, level_attributes, quality_attributes
from processing.shaking.allen import MAX_DISTANCE_KM, MAX_MAGNITUDE, gate_reason, known_figures
from processing.shaking.compute import Axes, Held, Lines, axes_for, compute, hold
from processing.shaking.evidence import evidence, method_of
from processing.shaking.inputs import NOTHING_MORE, ShakingInputs
from processing.shaking.knowledge import Knowledge, held_states, knowledge
from processing.shaking.lines import facts_of
from processing.shaking.site import site_of

if TYPE_CHECKING:
    import xarray as xr

PREFIX = "shaking-"
SITE_KNOWN = 0.5
"""Share of the cells whose ground must be known for a field that is not degraded."""


def shaking_fields(
    records: Sequence[Record],
    *,
    policy: LevelPolicy,
    since: datetime | None = None,
    past: Past = NO_PAST,
    at: datetime | None = None,
    inputs: ShakingInputs = NOTHING_MORE,
) -> list[HazardField]:
    """One field a quake whose shaking reaches level 1 or more on the base grid.

    A quake that had a field keeps one, whatever becomes of its figures. A quake whose warning
    would have ended before `since` is left out. The same records in any order give the same.

    Args:
        records: known observations.
        policy: reviewed thresholds.
        since: see above.
        past: event ids and times of reading from earlier cycles.
        at: the cycle's instant; None: nothing is held up by what was known before.
        inputs: ground, places, ruptures and BMKG's grids.
    """
    term = timedelta(hours=policy.shaking.valid_hours)
    groups = [
        group
        for group in quake_groups(records, past=past, prefix=PREFIX)
        if since is None or group.best.quake.origin_time + term > since
    ]
    fields = [_field(group, policy.shaking, past=past, at=at, inputs=inputs) for group in groups]
    return [field for field in fields if field is not None]


def _field(
    group: QuakeGroup,
    rules: ShakingRules,
    *,
    past: Past,
    at: datetime | None,
    inputs: ShakingInputs,
) -> HazardField | None:
    fault = inputs.faults.get(group.event_key)
    current = knowledge(group, fault)
    if current is None:
        return None
    earlier: tuple[Knowledge, ...] = ()
    if at is not None:
        span = timedelta(minutes=rules.hold_minutes)
        earlier = held_states(group, fault, at=at, hold=span)
    others = tuple(one for one in earlier if one.basis != current.basis)
    where = axes_for(current, others, inputs, rules)
    if where is None:
        return None
    lines, held = _lines(current, others, where, inputs, rules)
    known = f"{PREFIX}{group.event_key}" in past.issued_ids
    if int(held.level.max()) < Level.WATCH and not known:
        return None
    event = _event(group, current, lines, held, rules)
    return HazardField(
        event=event,
        rule=AreaRule.SHARE_OF_PEOPLE,
        raster=_dataset(current.quake, lines, held, rules).assign_attrs(attributes(event)),
    )


def _lines(
    current: Knowledge,
    others: tuple[Knowledge, ...],
    where: Axes,
    inputs: ShakingInputs,
    rules: ShakingRules,
) -> tuple[Lines, Held]:
    site = site_of(where.latitude, where.longitude, inputs.ground, rules.default_vs30)
    lines = compute(current, where, inputs, rules, site)
    return lines, hold(lines, tuple(compute(one, where, inputs, rules, site) for one in others))


def shaking_raster(
    quake: Quake,
    rules: ShakingRules,
    *,
    grid: Grid = BASE_GRID,
    inputs: ShakingInputs = NOTHING_MORE,
) -> xr.Dataset | None:
    """Level, MMI and quality around an epicentre; none if that lies off the grid.

    Returns:
        Dims (latitude, longitude), both ascending, a window of `grid`: `hazard_level` int8
        0..4 (fill -1), `mmi`, `mmi_chain`, `mmi_allen` float32 (1), `quality` int8. Outside the
        window: level 0.
    """
    state = Knowledge(quake)
    where = axes_for(state, (), inputs, rules, grid)
    if where is None:
        return None
    lines, held = _lines(state, (), where, inputs, rules)
    return _dataset(quake, lines, held, rules)


def _dataset(quake: Quake, lines: Lines, held: Held, rules: ShakingRules) -> xr.Dataset:
    import xarray as xr

    dims, unknown = ("latitude", "longitude"), np.full(lines.mmi.shape, np.nan)
    layers = {
        "mmi": (held.mmi, "macroseismic intensity (MMI)"),
        "mmi_chain": (lines.chain, "MMI by BMKG's chain of formulas"),
        "mmi_allen": (lines.allen, "MMI by Allen et al. (2012)"),
    }
    dataset = xr.Dataset(
        {
            "hazard_level": (dims, held.level, level_attributes("shaking")),
            **{
                name: (
                    dims,
                    (unknown if values is None else values).astype(np.float32),
                    {"long_name": words, "units": "1"},
                )
                for name, (values, words) in layers.items()
            },
            "quality": (dims, _cell_quality(quake, lines, rules), quality_attributes()),
        },
        coords=grid_coordinates(lines.latitude, lines.longitude),
    )
    return dataset.assign_attrs(value_variable="mmi", outside="none")


def _cell_quality(quake: Quake, lines: Lines, rules: ShakingRules) -> np.ndarray:
    number = {quality: np.int8(QUALITIES.index(quality)) for quality in Quality}
    reach = FITTED_KM if rules.main == "bmkg-chain" else MAX_DISTANCE_KM
    site = lines.site.default if rules.main == "bmkg-chain" else np.zeros(lines.mmi.shape, bool)
    cell = np.where(site, number[Quality.DEGRADED], number[Quality.OK])
    beyond = (lines.away_km > reach) | extrapolated(quake, rules)
    cell = np.where(beyond, number[Quality.EXTRAPOLATED], cell)
    if lines.grid is not None:
        cell = np.where(np.isfinite(lines.grid), number[Quality.OK], cell)
    return cell.astype(np.int8)


def extrapolated(quake: Quake, rules: ShakingRules) -> bool:
    """Whether the main line was made for other magnitudes or depths."""
    if rules.main == "bmkg-chain":
        return facts_of(quake).extrapolated or known_figures(quake)[1] > rules.deep_focus_km
    return bool(gate_reason(quake, rules)) or known_figures(quake)[0] > MAX_MAGNITUDE


def field_quality(quake: Quake, lines: Lines, rules: ShakingRules) -> Quality:
    """Of the whole field: BMKG's own grid is beyond doubt of this kind."""
    if lines.grid is not None:
        return Quality.OK
    if extrapolated(quake, rules) or lines.chain is None:
        return Quality.EXTRAPOLATED
    poor = rules.main == "bmkg-chain" and lines.site.known < SITE_KNOWN
    return Quality.DEGRADED if poor else Quality.OK


def _event(
    group: QuakeGroup, state: Knowledge, lines: Lines, held: Held, rules: ShakingRules
) -> HazardEvent:
    quake, grid = state.quake, state.grid if lines.grid is not None else None
    documents = {*group.observations, *([grid.sha256] if grid else [])}
    issued = max(group.best.issued, grid.processed_at) if grid else group.best.issued
    return HazardEvent(
        event_id=f"{PREFIX}{group.event_key}",
        hazard_id=HazardId.SHAKING,
        level=Level(int(held.level.max())),
        onset=quake.origin_time,
        valid_from=issued,
        valid_to=quake.origin_time + timedelta(hours=rules.valid_hours),
        official=False,
        status=group.status,
        re_creation=group.re_creation or bool(grid and grid.re_creation),
        title=f"{magnitude_words(quake)}, {quake.place}",
        place=quake.place,
        method=method_of(lines, rules, fault=state.fault is not None),
        quality=field_quality(quake, lines, rules),
        observations=tuple(sorted(documents)),
        evidence=evidence(group, state, lines, held, rules),
    )
