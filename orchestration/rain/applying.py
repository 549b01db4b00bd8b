"""Curves on frames: calibrated rates into the history, bands into the field, what they are said.

A frame that no curve made says so; nothing here makes an uncalibrated rate look like another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.grid import Grid
from kentongan.times import iso
from kentongan.types import Quality
from orchestration.rain.history import FrameNote, RainHistory
from processing.rain.calibrate_bands import banded
from processing.rain.calibrate_curves import (
    Amounts,
    Calibration,
    Lookup,
    calibrated,
    lookup,
    scope_words,
)
from processing.rain.calibrate_samples import CalibrationRules, Regions, regions_of
from processing.rain.retrieve import METHOD as RETRIEVAL
from processing.rain.sums import opened
from processing.rasters import QUALITIES

if TYPE_CHECKING:
    import xarray as xr

    from processing.rain.policy import RainPolicy

Grid2 = npt.NDArray[np.float32]
Evidence = dict[str, str | float | int | bool | None]

BANDS_H = (1, 3)
"""Windows with p10 and p90: retrievals are kept for some hours only."""


def apply_curves(
    history: RainHistory,
    time: datetime,
    note: FrameNote,
    calibration: Calibration | None,
    policy: RainPolicy,
    grid: Grid,
) -> None:
    """Put the frame whose retrieval is kept into the history, by the curves in force."""
    raw = history.retrieved(time)
    if raw is None:
        raise ValueError(f"frame of {iso(time)}: its retrieval is gone")
    if calibration is None or not serves(calibration):
        history.put(time, opened(raw), note)
        return
    by = curves_at(calibration, time, policy, grid)
    made = replace(
        note,
        method=f"{RETRIEVAL}+{calibration.id}",
        calibrated=True,
        curve=calibration.id,
        pooled=scope_words(raw, by),
    )
    history.put(time, opened(calibrated(raw, by)), made)


def serves(calibration: Calibration) -> bool:
    """Whether these curves were fitted for the retrieval of today."""
    return calibration.retrieval == RETRIEVAL


def curves_at(calibration: Calibration, time: datetime, policy: RainPolicy, grid: Grid) -> Lookup:
    """Of each cell of a grid, at the local hour of a time."""
    regions = _regions(grid, policy.calibration.model_dump_json())
    return lookup(calibration, time, regions, grid.longitude, policy.calibration)


@lru_cache(maxsize=4)
def _regions(grid: Grid, rules: str) -> Regions:
    return regions_of(grid.latitude, grid.longitude, CalibrationRules.model_validate_json(rules))


def recalibrate(
    history: RainHistory,
    calibration: Calibration | None,
    *,
    at: datetime,
    since: timedelta,
    policy: RainPolicy,
    grid: Grid,
) -> list[datetime]:
    """Frames of ours made by other curves are made again from their retrieval.

    After the messages of a cycle: the next frame then follows on frames that were made alike, and
    a change of curves is no growth of the rain. Returns their times.
    """
    wanted = calibration.id if calibration is not None and serves(calibration) else ""
    done = []
    for time in history.retrieved_times(since=at - since, until=at):
        note = history.note(time)
        ours = note is not None and note.method.partition("+")[0] == RETRIEVAL
        if note is None or not ours or note.curve == wanted:
            continue
        plain = replace(note, method=RETRIEVAL, calibrated=False, curve="", pooled="")
        apply_curves(history, time, plain, calibration, policy, grid)
        done.append(time)
    if done:
        history.sums(at)  # built anew now, and not before the next warning
    return done


def with_bands(
    raster: xr.Dataset,
    history: RainHistory,
    time: datetime,
    calibration: Calibration | None,
    policy: RainPolicy,
    grid: Grid,
) -> xr.Dataset:
    """The field with p10 and p90 of the sums whose every frame was made by these curves.

    Where rain lay beyond the samples of its curve, `calibration_beyond` is 1 and the quality of a
    level there is *degraded*.
    """
    if calibration is None or not serves(calibration):
        return raster
    wanted = [h for h in BANDS_H if f"rain_{h}h" in raster]
    found = banded(_frames(history, time, calibration, policy, grid), wanted)
    for hours, band in found.items():
        central = raster[f"rain_{hours}h"].to_numpy()
        low, high = np.minimum(band.low, central), np.maximum(band.high, central)
        for name, values in (("p10", low), ("p90", high)):
            raster[f"rain_{hours}h_{name}"] = (
                ("latitude", "longitude"), values,
                {"long_name": f"{name} of the rain of the last {hours} h", "units": "mm",
                 "comment": "as if all frames erred alike: the widest band"},
            )  # fmt: skip
    if not found:
        return raster
    return _marked(raster, found[max(found)].beyond)


def _marked(raster: xr.Dataset, beyond: npt.NDArray[np.bool_]) -> xr.Dataset:
    raster["calibration_beyond"] = (
        ("latitude", "longitude"), beyond.astype(np.int8),
        {"long_name": "rain beyond the samples of its curve", "flag_meanings": "no yes",
         "flag_values": np.array([0, 1], dtype=np.int8)},
    )  # fmt: skip
    quality = raster["quality"].to_numpy()
    doubtful = beyond & (quality == QUALITIES.index(Quality.OK))
    raster["quality"] = raster["quality"].copy(
        data=np.where(doubtful, np.int8(QUALITIES.index(Quality.DEGRADED)), quality)
    )
    return raster


def _frames(
    history: RainHistory,
    time: datetime,
    calibration: Calibration,
    policy: RainPolicy,
    grid: Grid,
) -> Iterator[tuple[datetime, Amounts, Lookup]]:
    """Retrievals up to a time, newest first, as far back as these curves made each frame."""
    # The frame that stands on the beginning of the window is one end of its first trapezoid.
    start = time - timedelta(hours=max(BANDS_H), microseconds=1)
    for one in reversed(history.times(since=start, until=time)):
        note, raw = history.note(one), history.retrieved(one)
        if note is None or raw is None or note.curve != calibration.id:
            return
        yield one, raw, curves_at(calibration, one, policy, grid)


def evidence_of_curves(
    raster: xr.Dataset, note: FrameNote | None, calibration: Calibration | None, why_not: str
) -> Evidence:
    """What a duty officer must know of the millimetres."""
    if note is None or not note.calibrated:
        ready = note is not None and note.method.partition("+")[0] != RETRIEVAL
        why = "a ready rain rate, put as it is" if ready else f"none: {why_not}"
        return {"calibrated": False, "calibration": why}
    said: Evidence = {"calibrated": True, "calibration": note.curve, "calibration_by": note.pooled}
    if calibration is not None and calibration.id == note.curve:
        said["calibration_samples"] = sum(
            c.samples for name, c in calibration.counts.items() if name == "nation"
        )
        said["calibration_period"] = f"{iso(calibration.first)}/{iso(calibration.last)}"
        said["calibration_against"] = calibration.reference
    for name in ("p10", "p90"):
        if f"rain_1h_{name}" in raster:
            said[f"most_mm_1h_{name}"] = _most(raster[f"rain_1h_{name}"].to_numpy())
    if "calibration_beyond" in raster:
        share = float(raster["calibration_beyond"].to_numpy().mean())
        said["calibration_beyond_share"] = round(share, 5)
    return said


def _most(amount: Grid2) -> float | None:
    return round(float(np.nanmax(amount)), 1) if np.isfinite(amount).any() else None
