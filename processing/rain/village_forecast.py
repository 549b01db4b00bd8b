"""BMKG's village forecast as a field of villages by time, with its age, joined to the nowcast.

BMKG forecasts in steps of three hours for three days, and a minute allows only some of the 83,762
villages: a village that was not asked takes the forecast of its district, marked so. What is not
known stays not known. `tp` is taken as the rain of the three hours that end at the slot, which BMKG
does not say (unconfirmed): it is shown, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kentongan.records import Forecast
from kentongan.times import require_aware

if TYPE_CHECKING:
    import xarray as xr

SLOT = timedelta(hours=3)
DAYS = 3
OLDEST = timedelta(hours=24)
"""BMKG renews twice a day; an older forecast is not shown."""
_DISTRICT = 8  # characters of an adm3 code
SEAM_HOURS = 3.0
"""The nowcast ends here; there its last hour and the forecast weigh alike."""


class Source(IntEnum):
    NONE = 0
    NOWCAST = 1
    """Our own nowcast of the first hours."""
    OWN = 2
    """BMKG's forecast for this very village."""
    DISTRICT = 3
    """BMKG's forecast for another village of the district."""
    JOINED = 4
    """Of both sides of the seam."""


def village_forecast(
    forecasts: Sequence[Forecast],
    codes: Sequence[str],
    *,
    at: datetime,
    asked_as: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """What BMKG says of each village from `at` on.

    Args:
        forecasts: known ones in any order; of a village the newest analysis counts.
        codes: villages, adm4, ascending.
        asked_as: code of today -> the older code that BMKG knows it by.

    Returns:
        Dims (village, valid_time), steps of three hours over three days: `rain` (mm in three
        hours), `weather` (BMKG's code, 0 not known), `source` (`Source`); by village
        `age_hours` of the analysis (NaN: none). Attributes `coverage_own` and
        `coverage_district`: shares of the villages.
    """
    import xarray as xr

    at = require_aware(at)
    times = _slots(at)
    newest = _newest(forecasts, at)
    by_district = _by_district(newest)
    shape = (len(codes), len(times))
    rain = np.full(shape, np.nan, dtype=np.float32)
    weather = np.zeros(shape, dtype=np.int16)
    source = np.zeros(shape, dtype=np.int8)
    age = np.full(len(codes), np.nan, dtype=np.float32)
    place = {time: k for k, time in enumerate(times)}
    for row, code in enumerate(codes):
        own = newest.get((asked_as or {}).get(code, code)) or newest.get(code)
        found = own or by_district.get(code[:_DISTRICT])
        if found is None:
            continue
        age[row] = (at - found.analysis_time).total_seconds() / 3600
        _fill(found, Source.OWN if own else Source.DISTRICT, place, rain[row], weather[row],
              source[row])  # fmt: skip
    kinds = source.max(axis=1, initial=0)
    return xr.Dataset(
        {
            "rain": (("village", "valid_time"), rain, {"units": "mm", "comment": "of 3 hours"}),
            "weather": (("village", "valid_time"), weather),
            "source": (("village", "valid_time"), source),
            "age_hours": ("village", age, {"units": "hours"}),
        },
        coords={
            "village": list(codes),
            "valid_time": np.array([_plain(t) for t in times], dtype="datetime64[ns]"),
        },
        attrs={
            "coverage_own": float(np.mean(kinds == Source.OWN)) if codes else 0.0,
            "coverage_district": float(np.mean(kinds == Source.DISTRICT)) if codes else 0.0,
            "credit": "BMKG",
        },
    )


def _slots(at: datetime) -> list[datetime]:
    """Ends of the three-hour steps after `at`, at 00, 03, 06 … UTC as BMKG gives them."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight + (int((at - midnight) / SLOT) + 1) * SLOT
    return [first + k * SLOT for k in range(DAYS * 8)]


def _newest(forecasts: Sequence[Forecast], at: datetime) -> dict[str, Forecast]:
    newest: dict[str, Forecast] = {}
    for one in forecasts:
        if not at - OLDEST < one.analysis_time <= at:
            continue
        known = newest.get(one.adm4_code)
        if known is None or (one.analysis_time, one.sha256) > (known.analysis_time, known.sha256):
            newest[one.adm4_code] = one
    return newest


def _by_district(newest: Mapping[str, Forecast]) -> dict[str, Forecast]:
    """The newest of each district; of alike ones that of the lowest code."""
    found: dict[str, Forecast] = {}
    for code in sorted(newest):
        known = found.get(code[:_DISTRICT])
        if known is None or newest[code].analysis_time > known.analysis_time:
            found[code[:_DISTRICT]] = newest[code]
    return found


def _fill(
    forecast: Forecast,
    kind: Source,
    place: Mapping[datetime, int],
    rain: npt.NDArray[np.float32],
    weather: npt.NDArray[np.int16],
    source: npt.NDArray[np.int8],
) -> None:
    for slot in forecast.slots:
        column = place.get(slot.valid_time)
        if column is None:
            continue
        rain[column] = np.nan if slot.precipitation_mm is None else slot.precipitation_mm
        weather[column] = slot.weather
        source[column] = kind


def join(
    forecast: xr.Dataset,
    ahead_mm: npt.NDArray[np.float32],
    *,
    at: datetime,
    hours: float = SEAM_HOURS,
) -> xr.Dataset:
    """The forecast with our nowcast in front of it.

    A step that ends within the nowcast is the nowcast's alone, one that it reaches into is the
    mean of both by the share of the step that each knows, and a later one is BMKG's.

    Args:
        ahead_mm: rain of the next `hours` by village, mm; NaN: the nowcast does not know.
    """
    rain = forecast["rain"].to_numpy().copy()
    source = forecast["source"].to_numpy().copy()
    ends = [_aware(t) for t in forecast["valid_time"].to_numpy()]
    reach = at + timedelta(hours=hours)
    for column, end in enumerate(ends):
        start = max(end - SLOT, at)
        share = max(0.0, (min(reach, end) - start) / SLOT)
        if share <= 0:
            break
        known = np.isfinite(ahead_mm)
        ours = ahead_mm * np.float32(share * 3.0 / hours)
        whole = end <= reach
        rest = np.where(np.isfinite(rain[:, column]), rain[:, column], np.float32(np.nan))
        both = ours + rest * np.float32(1 - share)
        rain[:, column] = np.where(known, ours if whole else both, rest)
        kind = np.where(source[:, column] > 0, Source.JOINED, Source.NOWCAST)
        told = np.full(len(known), Source.NOWCAST) if whole else kind
        source[:, column] = np.where(known, told, source[:, column])
    return forecast.assign(
        rain=(("village", "valid_time"), rain, forecast["rain"].attrs),
        source=(("village", "valid_time"), source),
    )


def _plain(moment: datetime) -> datetime:
    """UTC without a zone, as numpy keeps times."""
    return moment.replace(tzinfo=None)


def _aware(moment: np.datetime64) -> datetime:
    from datetime import UTC

    seconds = moment.astype("datetime64[s]").astype(np.int64)
    return datetime.fromtimestamp(int(seconds), tz=UTC)
