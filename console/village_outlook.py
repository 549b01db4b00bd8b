"""The outlook of villages as a person or a program reads it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kentongan.times import ZONES, iso, local_clock
from processing.rain.village_forecast import Source

if TYPE_CHECKING:
    import xarray as xr

_SOURCES = {
    Source.NOWCAST: "our nowcast",
    Source.OWN: "BMKG",
    Source.DISTRICT: "BMKG, another village of the district",
    Source.JOINED: "nowcast and BMKG",
}


def as_text(found: xr.Dataset, names: Mapping[str, str], zones: Mapping[str, int]) -> str:
    """A table a village; a step of which nothing is known is said to be not known."""
    from console.columns import table

    blocks = []
    for code in found["village"].to_numpy().tolist():
        rows = [
            (_until(step["until"], int(zones[code])), _rain(step["rain_mm"]), step["source"])
            for step in steps(found, code)
        ]
        age = float(found["age_hours"].sel(village=code))
        told = "BMKG has no forecast on record" if age != age else f"BMKG's run is {age:.0f} h old"
        head = f"{names[code]} ({code}): {told}. Source: BMKG"
        blocks.append(f"{head}\n{table(('until', 'rain in 3 h', 'source'), rows, right={1})}")
    return "\n\n".join(blocks)


def as_json(found: xr.Dataset, names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "adm4_code": code,
            "name": names[code],
            "age_hours": _number(float(found["age_hours"].sel(village=code))),
            "steps": [{**step, "until": iso(step["until"])} for step in steps(found, code)],
        }
        for code in found["village"].to_numpy().tolist()
    ]


def steps(found: xr.Dataset, code: str) -> list[dict[str, Any]]:
    """One entry for each three hours: until when, rain (mm, None: not known), source."""
    one = found.sel(village=code)
    made = []
    for position, time in enumerate(one["valid_time"].to_numpy()):
        seconds = int(time.astype("datetime64[s]").astype("int64"))
        kind = Source(int(one["source"].to_numpy()[position]))
        made.append(
            {
                "until": datetime.fromtimestamp(seconds, tz=UTC),
                "rain_mm": _number(float(one["rain"].to_numpy()[position])),
                "source": _SOURCES.get(kind, "not known"),
            }
        )
    return made


def _until(moment: datetime, zone: int) -> str:
    return f"{moment.astimezone(ZONES[zone]):%a %d} {local_clock(moment, zone)}"


def _rain(amount: float | None) -> str:
    return "not known" if amount is None else f"{amount:.1f} mm"


def _number(value: float) -> float | None:
    return None if value != value else round(value, 1)
