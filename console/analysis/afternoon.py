"""Frames of an analyst's own as if a satellite had sent them: kept, and warned by."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from console.analysis.home import Home, open_home
from console.analysis.playing import exercise_in
from kentongan.times import iso

if TYPE_CHECKING:
    from orchestration.rain.history import RainHistory
    from processing.rain.calibrate import Curve

METHOD = "auto-estimator-weighted/1"


def remember(
    temperature: npt.NDArray[np.float32],
    times: Sequence[datetime],
    latitude: npt.NDArray[np.float64],
    longitude: npt.NDArray[np.float64],
    matched: Curve,
    *,
    home: Path | str | None = None,
) -> RainHistory:
    """Rain of each frame but the first into the rolling store of a home, on the national grid.

    Args:
        temperature: brightness temperature, K, dims (time, latitude, longitude), from the south.
        times: aware, one a frame, ascending.
        matched: what the estimate is held against.
        home: an empty folder; none: one that is deleted when Python ends.
    """
    from orchestration.rain.history import FrameNote
    from orchestration.rain.live import history_of
    from processing.rain.product import on_grid
    from processing.rain.retrieve import moved, retrieve

    kept = history_of(str(exercise_in(home).home.resolve()))
    for k in range(1, len(times)):
        found = retrieve(temperature[k], temperature[k - 1]).rate
        rate = moved(found, temperature[k], latitude, longitude)
        rate = matched.apply(rate.astype(float))[1].astype(np.float32)
        note = FrameNote(iso(times[k]), "made-up", METHOD, "ok", (f"{k:064x}",), True, True)
        kept.put(times[k], on_grid(rate, latitude, longitude), note)
    return kept


def warn_by(kept: RainHistory, at: datetime) -> Home:
    """One cycle at `at` in the home whose history this is, polling nothing; the home, to read."""
    from orchestration.context import open_context
    from orchestration.cycle import run_cycle

    settings = exercise_in(Path(kept.store.root))
    with open_context(settings, live=False, re_creation=True) as context:
        run_cycle(context, at, sources=[])
    return open_home(settings.home)
