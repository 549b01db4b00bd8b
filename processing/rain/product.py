"""From the last hours and the next three to a level of rain: observed, carried on, and how sure.

The level of a moment is the worst over 1, 3, 6 and 24 hours that end then: what fell, and what the
nowcast still brings. Skill falls off with the lead, and the output shows it: a level is forecast
only where enough members of the ensemble reach it, and `quality` is *extrapolated* beyond now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from kentongan.grid import BASE_GRID, Grid
from kentongan.types import Level, Quality
from processing.rain.advect import extrapolate, growth
from processing.rain.amount_levels import level_of, look_ahead
from processing.rain.ensemble import Ensemble, ensemble
from processing.rain.motion import Motion, mean_motion, motion
from processing.rain.policy import Edges, Nowcast, RainPolicy
from processing.rain.rates import rates
from processing.rain.reliability import probability
from processing.rasters import QUALITIES, grid_coordinates, level_attributes, quality_attributes

if TYPE_CHECKING:
    import xarray as xr

Grid2 = npt.NDArray[np.float32]
Levels = npt.NDArray[np.int8]

METHOD = "kentongan-rain/1"
LEADS_MIN = (0, 30, 60, 120, 180)


@dataclass(frozen=True)
class Observed:
    """The last hours on one grid."""

    time: datetime
    """Of the newest frame."""
    rates: tuple[Grid2, ...]
    """mm/h, the newest two or three frames, oldest first, one step apart; NaN: not known."""
    sums_mm: Mapping[int, Grid2]
    """Hours -> rain up to `time`, mm; NaN where too little of it is known."""


@dataclass(frozen=True)
class Outlook:
    """The next hours."""

    rates: npt.NDArray[np.float32]
    """mm/h, shape (steps, rows, columns); NaN: not known."""
    members: Ensemble
    motion: Motion


def outlook(seen: Observed, rules: Nowcast, *, seed: int) -> Outlook | None:
    """The nowcast; None with fewer than two frames: motion is not known then."""
    if len(seen.rates) < 2:
        return None
    pairs = zip(seen.rates[:-1], seen.rates[1:], strict=True)
    found = mean_motion([motion(a, b) for a, b in pairs])
    trend = growth(seen.rates[-2], seen.rates[-1], found, fade_steps=rules.trend_fade_steps)
    now = seen.rates[-1]
    ahead = extrapolate(now, found, rules.steps, trend)
    # What grew tenfold in an hour no longer is rain: the cap of the retrieval holds ahead too.
    np.minimum(ahead, np.float32(rates().limits.cap_mm_h), out=ahead)
    return Outlook(
        rates=ahead,
        members=ensemble(
            now,
            found,
            steps=rules.steps,
            minutes=rules.step_minutes,
            seed=seed,
            trend=trend,
            rules=rules.ensemble,
        ),
        motion=found,
    )


def levels(
    seen: Observed, ahead: Outlook | None, policy: RainPolicy
) -> tuple[dict[int, Levels], Grid2 | None]:
    """Level at each lead (minutes), and the probability of level 2 within the nowcast.

    Whether to act on a probability (the share of members, corrected by
    `processing.rain.reliability`) is a decision, and not made here: a level ahead is left out only
    below `levels.least_probability`, under which no rule acts. The probability is NaN, not known,
    where level 2 is observed already or is ahead where the ensemble knows nothing: neither is to
    be read as unlikely.
    """
    edges = policy.levels.rain_mm
    now = level_of(seen.sums_mm, edges)
    if ahead is None:
        return {0: now}, None
    found = {0: now}
    chance = np.full(now.shape, np.nan, dtype=np.float32)
    no_chance = now >= Level.WASPADA
    leads = [(lead, round(lead / policy.nowcast.step_minutes)) for lead in LEADS_MIN[1:]]
    within = [(lead, steps) for lead, steps in leads if steps <= policy.nowcast.steps]
    stack = _forecast_levels(seen, ahead, [steps for _, steps in within], policy)
    for (lead, steps), reached in zip(within, stack, strict=True):
        share = _chances(ahead.members, steps, edges, now.shape)
        unlikely = (share < policy.levels.least_probability) & (reached > 0)
        found[lead] = np.where(unlikely, np.int8(0), reached)
        no_chance |= np.isnan(share) & (found[lead] >= Level.WASPADA)
        chance = np.fmax(chance, share)
    chance[no_chance] = np.nan
    return found, chance


def _forecast_levels(
    seen: Observed, ahead: Outlook, leads: Sequence[int], policy: RainPolicy
) -> Levels:
    """Of the windows that end after so many steps: the observed part stands, what is ahead comes.

    The observed part of a window of D hours is taken as its share of the last D hours' rain: what
    falls out of the window at its start is not told apart.
    """
    minutes, hours = policy.nowcast.step_minutes, sorted(seen.sums_mm)
    whole = [round(h * 60 / minutes) for h in hours]
    left = [[max(0.0, 1 - steps * minutes / (h * 60)) for h in hours] for steps in leads]
    out = np.empty((len(leads), *ahead.rates.shape[1:]), dtype=np.int8)
    given: tuple[Any, ...] = (
        ahead.rates,
        np.stack([seen.sums_mm[h] for h in hours]),
        np.array(leads, dtype=np.int64),
        np.array([[min(steps, most) for most in whole] for steps in leads], dtype=np.int64),
        np.array(left, dtype=np.float32),
        np.float32(minutes / 60),
        np.array([policy.levels.rain_mm[h] for h in hours], dtype=np.float32),
        out,
    )
    if leads:
        look_ahead(*given)
    return out


def _chances(
    members: Ensemble, steps: int, edges: Mapping[int, Edges], shape: tuple[int, ...]
) -> Grid2:
    """Probability that the hour before that moment reaches level 2, on the fine grid."""
    hour = min(steps, round(60 / members.minutes))
    amount = members.rates[:, steps - hour : steps].sum(axis=1) * np.float32(members.minutes / 60)
    reached = amount >= np.float32(edges[1][1] * hour * members.minutes / 60)
    share = reached.mean(axis=0, dtype=np.float32)
    share = np.where(np.isfinite(amount).all(axis=0), share, np.float32(np.nan))
    share = probability(share, round(steps * members.minutes), edges[1][1])
    return fine(share, shape)


def fine(coarse: Grid2, shape: tuple[int, ...]) -> Grid2:
    """Each coarse value over its cells; what stands over at the rim is not known."""
    cells = shape[0] // coarse.shape[0]
    wide = np.repeat(np.repeat(coarse, cells, axis=0), cells, axis=1)
    out = np.full(shape, np.nan, dtype=np.float32)
    out[: wide.shape[0], : wide.shape[1]] = wide[: shape[0], : shape[1]]
    return out


def dataset(
    seen: Observed,
    found: Mapping[int, Levels],
    chance: Grid2 | None,
    policy: RainPolicy,
    *,
    grid: Grid = BASE_GRID,
) -> xr.Dataset:
    """Hand-over 2: `hazard_level` is the worst over the leads, at most what an estimate may say.

    Raises:
        GridMismatch: the frames are not on `grid`.
    """
    import xarray as xr

    from kentongan.errors import GridMismatch

    stack = np.stack([found[lead] for lead in sorted(found)])
    if stack.shape[1:] != (grid.rows, grid.columns):
        raise GridMismatch(f"frames of {stack.shape[1:]}, expected {(grid.rows, grid.columns)}")
    capped = np.minimum(stack, policy.levels.estimate_at_most).astype(np.int8)
    worst = capped.max(axis=0)
    # -1 only where now is not known and nothing ahead is either.
    made = xr.Dataset(
        {
            "hazard_level": (("latitude", "longitude"), worst, level_attributes("rain")),
            "hazard_level_by_lead": (
                ("lead_time", "latitude", "longitude"), capped, level_attributes("rain"),
            ),
            "quality": (("latitude", "longitude"), _quality(capped), quality_attributes()),
            **{
                f"rain_{hours}h": (
                    ("latitude", "longitude"), amount,
                    {"long_name": f"rain of the last {hours} h", "units": "mm"},
                )
                for hours, amount in sorted(seen.sums_mm.items())
            },
        },
        coords={
            **grid_coordinates(grid.latitude, grid.longitude),
            "lead_time": ("lead_time", sorted(found), {"units": "minutes"}),
        },
    )  # fmt: skip
    if chance is not None:
        made["probability"] = (
            ("latitude", "longitude"), chance.astype(np.float32),
            {"long_name": "probability of level 2 within three hours", "units": "1",
             "comment": "NaN: level 2 is observed already, or the ensemble knows nothing there"},
        )  # fmt: skip
    return made.assign_attrs(value_variable="rain_1h", outside="unknown", method=METHOD)


def _quality(capped: npt.NDArray[np.int8]) -> Levels:
    """Extrapolated where only what is ahead gives the level."""
    ahead = capped.max(axis=0) > capped[0]
    return np.where(
        ahead, QUALITIES.index(Quality.EXTRAPOLATED), QUALITIES.index(Quality.OK)
    ).astype(np.int8)


def on_grid(
    values: Grid2,
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    grid: Grid = BASE_GRID,
) -> Grid2:
    """A field on the analysis grid, bilinear; NaN outside and beside what is not known.

    Raises:
        ValueError: axes that are no regular ascending grid of at least two cells a side, a field
            that is not of their shape, or larger than can be read.
    """
    _require_regular(values, latitude, longitude)
    step_y = (latitude[-1] - latitude[0]) / (len(latitude) - 1)
    step_x = (longitude[-1] - longitude[0]) / (len(longitude) - 1)
    y = _within(grid.latitude - latitude[0], step_y, len(latitude))
    x = _within(grid.longitude - longitude[0], step_x, len(longitude))
    rows, columns = np.meshgrid(y, x, indexing="ij")
    field: Grid2 = cv2.remap(
        values.astype(np.float32), columns, rows, cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT, borderValue=float("nan"),
    )  # fmt: skip
    return field


LARGEST_SIDE = 32_766
"""Cells: more OpenCV cannot read; a degree of the nation's box would have 700."""


def _require_regular(
    values: Grid2, latitude: npt.NDArray[np.float64], longitude: npt.NDArray[np.float64]
) -> None:
    if values.shape != (latitude.size, longitude.size) or max(values.shape) > LARGEST_SIDE:
        raise ValueError(
            f"field of {values.shape} on {latitude.size} by {longitude.size} centres: expected one "
            f"shape, at most {LARGEST_SIDE} a side"
        )
    for name, axis in (("latitude", latitude), ("longitude", longitude)):
        steps = np.diff(axis)
        if not steps.size or not (steps > 0).all() or np.ptp(steps) > 0.1 * steps.mean():
            raise ValueError(
                f"{name}: expected at least two ascending centres at even steps, found "
                f"{axis.size} from {axis[0] if axis.size else 'none'}"
            )


def _within(away: npt.NDArray[np.float64], step: float, count: int) -> npt.NDArray[np.float32]:
    """Places along an axis; up to half a cell over the rim is still the rim's cell."""
    place = away / step
    inside = (place >= -0.5) & (place <= count - 0.5)
    # OpenCV reads in steps of a 32nd; at the very last cell it would mix in what lies beyond.
    return np.where(inside, np.clip(place, 0, count - 1 - 1 / 16), place).astype(np.float32)
