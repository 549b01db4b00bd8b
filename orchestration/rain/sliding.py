"""Landslide in a cycle: seven days of rain, what the place is used to, and ground that slides.

Percentiles are those of the same rain at the same place once the history is long enough; until
then configured figures stand in, and every event says so.
"""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.hazard import AreaRule, HazardEvent, HazardField, attributes
from kentongan.store import Store
from kentongan.times import iso
from kentongan.types import HazardId, Level, Quality
from orchestration.rain.estimates import (
    days_before,
    estimate_event,
    estimate_raster,
    most,
    window,
)
from orchestration.rain.history import KEPT_DAYS
from orchestration.rain.land import Slopes, slopes_of
from orchestration.rain.live import history_of
from orchestration.rain.reasons import NO_RAIN, NO_RASTER

if TYPE_CHECKING:
    import xarray as xr

    from orchestration.context import CycleContext
    from orchestration.rain.history import RainHistory
    from processing.rain.policy import RainPolicy

Grid2 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
METHOD = "kentongan-lhasa-1.1/1"
PRONE = 3
"""Class from which ground slides at all, by the tree: other places need no percentiles."""
_PERCENTILES = "rain/percentiles"
_DAY_SECONDS = 86_400.0


def landslide_field(
    context: CycleContext, rain: HazardField, at: datetime, policy: RainPolicy
) -> tuple[HazardField | None, str]:
    """The field of landslides, and what of it could not be assessed.

    Raises:
        LayerError, ValueError: the map of susceptibility cannot be used.
    """
    from processing.landslide import DAYS, landslide_estimate, least_index, windows
    from processing.water.estimate import Onto

    slopes = slopes_of(context, policy.landslide)
    if slopes is None or rain.raster is None:
        return None, NO_RASTER[HazardId.LANDSLIDE] if slopes is None else NO_RAIN
    raster, time = rain.raster, rain.event.onset
    have = raster["latitude"].to_numpy(), raster["longitude"].to_numpy()
    want = slopes.latitude, slopes.longitude
    cut = window(have[0], want[0]), window(have[1], want[1])
    before = days_before(
        history_of(str(context.settings.home.resolve())),
        time, DAYS, cut, raster["hazard_level"].shape,
    )  # fmt: skip
    spans = windows(_last_day(raster, cut), before, _passed(time))
    index, complete = least_index(spans)
    p95, p99, whose = _percentiles(context, cut, raster["hazard_level"].shape, policy)
    onto = Onto.of((have[0][cut[0]], have[1][cut[1]]), want)
    laid_index = onto.laid(index.astype(np.float32))
    level = landslide_estimate(
        laid_index.astype(float),
        onto.laid(complete.astype(np.float32)) > 0,
        onto.laid(p95).astype(float),
        onto.laid(p99).astype(float),
        slopes.classes,
        _shaken(context, at, want),
        at_most=policy.levels.estimate_at_most,
    )
    known = [bool(np.isfinite(day).any()) for day in spans]
    event = _event(rain.event, level, laid_index, known, whose, slopes, policy)
    made = _raster(slopes, level, laid_index, complete=all(known)).assign_attrs(attributes(event))
    field = HazardField(event=event, rule=AreaRule.SHARE_OF_PEOPLE, raster=made)
    if all(known):
        return field, ""
    return field, (
        f"rain of {known.count(False)} of the last {DAYS} days is not known: only what the others "
        "give is assessed"
    )


def _passed(time: datetime) -> float:
    """Share of the day (UTC) that has passed."""
    now = time.astimezone(UTC)
    start = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return (now - start).total_seconds() / _DAY_SECONDS


def _last_day(raster: xr.Dataset, cut: tuple[slice, slice]) -> Grid2:
    shape = raster["hazard_level"].to_numpy()[cut].shape
    if "rain_24h" not in raster:
        return np.full(shape, np.nan, dtype=np.float32)
    found: Grid2 = raster["rain_24h"].to_numpy()[cut].astype(np.float32)
    return found


def _shaken(
    context: CycleContext, at: datetime, want: tuple[Floats, Floats]
) -> npt.NDArray[np.bool_]:
    """Cells that a quake of the last days shook hard enough to loosen slopes."""
    from orchestration.secondary import shaken_mask
    from processing.water.estimate import Onto

    grid = context.layers.operator.grid
    mask = shaken_mask(context, at).astype(np.float32)
    found: npt.NDArray[np.bool_] = Onto.of((grid.latitude, grid.longitude), want).laid(mask) > 0
    return found


def _event(
    rain: HazardEvent,
    level: npt.NDArray[np.int8],
    index: Grid2,
    known: list[bool],
    whose: str,
    slopes: Slopes,
    policy: RainPolicy,
) -> HazardEvent:
    warned = level >= Level.WASPADA
    evidence: dict[str, str | float | int | bool | None] = {
        "frame_time": iso(rain.onset),
        "rain_method": rain.method,
        "percentiles": whose,
        "p95_mm": policy.landslide.p95_mm if whose.startswith("configured") else None,
        "p99_mm": policy.landslide.p99_mm if whose.startswith("configured") else None,
        "days_known": known.count(True),
        "susceptibility": slopes.kind,
        "ground_cell_m": round(slopes.cell_m, 1),
        "most_index_mm": most(index[warned]),
        "limits": "estimate from cloud tops and a map; no soil depth, no road cuts, no lahar",
    }
    return estimate_event(
        rain,
        HazardId.LANDSLIDE,
        level=int(level.max()),
        hours=policy.landslide.valid_hours,
        title="Perkiraan longsor dari hujan tujuh hari dan kerentanan lereng",
        method=METHOD,
        degraded=not all(known) or whose.startswith("configured"),
        evidence=evidence,
    )


def _raster(
    slopes: Slopes, level: npt.NDArray[np.int8], index: Grid2, *, complete: bool
) -> xr.Dataset:
    from processing.rasters import QUALITIES

    quality = QUALITIES.index(Quality.OK if complete else Quality.DEGRADED)
    return estimate_raster(
        HazardId.LANDSLIDE,
        slopes.latitude,
        slopes.longitude,
        level,
        np.full(level.shape, quality, dtype=np.int8),
        value=("antecedent_index", index, "mm, weighted mean of seven days"),
        more={},
        method=METHOD,
    )


# --- percentiles of the place ------------------------------------------------------------


def _percentiles(
    context: CycleContext, cut: tuple[slice, slice], shape: tuple[int, ...], policy: RainPolicy
) -> tuple[Grid2, Grid2, str]:
    """Of the place where they are known, else the configured ones; and whose they are."""
    rules, size = policy.landslide, np.empty(shape, dtype=np.bool_)[cut].shape
    general = [np.full(size, mm, np.float32) for mm in (rules.p95_mm, rules.p99_mm)]
    path = _newest(context.runs)
    kept = None if path is None else _read(context.runs.root, path)
    if kept is None or kept.shape[1:] != shape:
        return general[0], general[1], "configured, unconfirmed"
    local = kept[:, cut[0], cut[1]]
    known = np.isfinite(local).all(axis=0)
    p95, p99 = (np.where(known, one, other) for one, other in zip(local, general, strict=True))
    whose = "of the place, from the same rain" if known.any() else "configured, unconfirmed"
    return p95.astype(np.float32), p99.astype(np.float32), whose


def _newest(store: Store) -> str | None:
    return max(store.paths(f"{_PERCENTILES}/"), default=None)


@lru_cache(maxsize=1)
def _read(root: str, path: str) -> Grid2 | None:
    """Shape (2, rows, columns), mm; None if it is damaged: it is counted anew in time."""
    try:
        with np.load(io.BytesIO(Store(root).read(path)), allow_pickle=False) as kept:
            out = np.full((2, *kept["shape"]), np.nan, dtype=np.float32)
            out.reshape(2, -1)[:, kept["cells"]] = kept["mm"]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return None
    return out


def renew_percentiles(context: CycleContext, at: datetime, policy: RainPolicy) -> str | None:
    """Count the percentiles of the place anew where those that are kept are old.

    Only of cells with ground that slides. Returns where they are, None where nothing was due: no
    map, no more than `least_days` of history, or younger than `renew_days`.
    """
    rules, store = policy.landslide, context.runs
    history = history_of(str(context.settings.home.resolve()))
    days = [day for day in history.known_days() if day < at.astimezone(UTC).date()][-KEPT_DAYS:]
    if len(days) < rules.least_days or not _due(_newest(store), days[-1], rules.renew_days):
        return None
    slopes = slopes_of(context, rules)
    if slopes is None:
        return None
    grid = context.layers.operator.grid
    cells = _sliding_cells(slopes, (grid.latitude, grid.longitude))
    p95, p99 = _counted(history, days, cells, (grid.rows, grid.columns), rules.least_days)
    buffer = io.BytesIO()
    shape = np.array([grid.rows, grid.columns])
    np.savez(buffer, shape=shape, cells=cells, mm=np.stack([p95, p99]).astype(np.float32))
    for old in list(store.paths(f"{_PERCENTILES}/")):
        store.remove(old)
    path = f"{_PERCENTILES}/{days[-1]:%Y%m%d}.npz"
    store.write(path, buffer.getvalue())
    return path


def _due(newest: str | None, last: date, renew_days: int) -> bool:
    if newest is None:
        return True
    try:
        kept = datetime.strptime(newest.rsplit("/", 1)[-1], "%Y%m%d.npz").replace(tzinfo=UTC).date()
    except ValueError:
        return True
    # A clock that was ahead has left a day of the future: it is counted anew.
    return not last - timedelta(days=renew_days) < kept <= last


def _sliding_cells(slopes: Slopes, have: tuple[Floats, Floats]) -> npt.NDArray[np.int64]:
    """Cells of the rain's grid with any ground that slides."""
    from processing.water.estimate import Onto

    onto = Onto.of(have, (slopes.latitude, slopes.longitude))
    row, column = np.nonzero(slopes.classes >= PRONE)
    rows, columns = onto.rows[row], onto.columns[column]
    inside = (rows >= 0) & (columns >= 0)
    return np.unique(rows[inside] * have[1].size + columns[inside])


def _counted(
    history: RainHistory,
    days: list[date],
    cells: npt.NDArray[np.int64],
    shape: tuple[int, int],
    least_days: int,
) -> tuple[Floats, Floats]:
    from processing.landslide import NOT_KNOWN, TENTHS, percentiles_of_place

    span = (days[-1] - days[0]).days + 1
    rain = np.full((span, cells.size), NOT_KNOWN, dtype=np.uint16)
    for day in days:
        (total,) = history.days(day, 1)
        if total is None or total.shape != shape:
            continue
        mm = total.ravel()[cells]
        tenths = np.clip(np.nan_to_num(mm) * TENTHS + 0.5, 0, NOT_KNOWN - 1)
        rain[(day - days[0]).days] = np.where(np.isfinite(mm), tenths, NOT_KNOWN)
    return percentiles_of_place(rain, least_days=least_days)
