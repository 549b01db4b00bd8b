"""What is to come in villages: our nowcast, then BMKG's forecast."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.grid import BASE_GRID
from kentongan.records import Forecast
from kentongan.times import iso
from orchestration.rain.history import RainHistory
from orchestration.rain.live import history_of
from orchestration.rain.step import observed
from processing.rain import product
from processing.rain.policy import RainPolicy, rain_policy
from processing.rain.village_forecast import OLDEST, join, village_forecast

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from orchestration.context import CycleContext


def outlook_of(context: CycleContext, codes: Sequence[str], at: datetime) -> xr.Dataset:
    """Three days of villages, in steps of three hours; see `processing.rain.village_forecast`.

    Args:
        codes: adm4, of the layer set.

    Raises:
        DataError: a code is not in the layer set.
    """
    from ingest.forecast_plan.aliases import load_aliases
    from ingest.known import known
    from notify.area.villages import rows_of

    wanted = sorted(codes)
    places = rows_of(context.layers.villages, wanted)
    pairs = load_aliases(context.settings.forecast_aliases).pairs
    found = known(
        context.engine, at, kinds=("forecast",), since=at - 2 * OLDEST, include_history=True
    )
    forecast = village_forecast(
        [r for r in found if isinstance(r, Forecast)],
        wanted,
        at=at,
        asked_as={pair.adm4_code: pair.older_code for pair in pairs},
    )
    policy = rain_policy()
    history = history_of(str(context.settings.home.resolve()))
    hours = policy.nowcast.steps * policy.nowcast.step_minutes / 60
    return join(forecast, _ahead(history, places, at, policy), at=at, hours=hours)


def _ahead(
    history: RainHistory, places: pd.DataFrame, at: datetime, policy: RainPolicy
) -> npt.NDArray[np.float32]:
    """Rain that the nowcast brings to each place, mm; NaN without one."""
    seen = observed(history, at, policy)
    made = (
        product.outlook(seen, policy.nowcast, seed=zlib.crc32(iso(seen.time).encode()))
        if seen
        else None
    )
    if made is None:
        return np.full(len(places), np.nan, dtype=np.float32)
    total = made.rates.sum(axis=0) * np.float32(policy.nowcast.step_minutes / 60)
    row = (places["latitude"].to_numpy() - BASE_GRID.south) / BASE_GRID.step
    column = (places["longitude"].to_numpy() - BASE_GRID.west) / BASE_GRID.step
    near: npt.NDArray[np.float32] = total[row.astype(int), column.astype(int)]
    return near
