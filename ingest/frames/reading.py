"""A judged frame as the record that says it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ingest.frames.judge import HARMLESS, bounds_of, step_of
from ingest.source import ReadContext, Reading
from kentongan.records import SatelliteGrid
from kentongan.times import compact, iso, parse_instant
from kentongan.types import Quality

if TYPE_CHECKING:
    import xarray as xr

SCANS_ASKED = 2
"""Newest scans asked for at an address with the time in its name: one may have been late."""
_SCAN = timedelta(minutes=10)
_AHEAD = timedelta(minutes=10)


def scans_due(at: datetime, latency: timedelta) -> list[datetime]:
    """Nominal times of the newest scans that should be published, newest first."""
    last = at - latency
    newest = last.replace(minute=last.minute - last.minute % 10, second=0, microsecond=0)
    return [newest - number * _SCAN for number in range(SCANS_ASKED)]


def grid_reading(
    frame: xr.Dataset, context: ReadContext, *, part: tuple[int, int] | None = None
) -> Reading:
    """The record of a frame that `open_frame` gave, and what is odd about it."""
    product = frame.attrs["product"]
    valid_time = parse_instant(frame.attrs["valid_time"])
    flags = tuple(frame.attrs["flags"].split())
    place = f"-S{part[0]:02}{part[1]:02}" if part else ""
    record = SatelliteGrid(
        source_id=context.source_id,
        key=f"{product}-{compact(valid_time)}{place}-{context.sha256[:16]}",
        sha256=context.sha256,
        document_time=valid_time,
        re_creation=context.re_creation,
        product=product,
        variable=frame.attrs.get("variable", "brightness_temperature"),
        valid_time=valid_time,
        satellite=frame.attrs["platform"],
        shape=(frame.sizes["latitude"], frame.sizes["longitude"]),
        bounds=bounds_of(frame),
        step=round(step_of(frame["latitude"].to_numpy()), 5),
        known_fraction=frame.attrs["known_fraction"],
        quality=Quality(frame.attrs["quality"]),
        flags=flags,
        part=part,
    )
    return Reading(
        (record,),
        notes=_notes(frame, flags, valid_time, context),
        document_time=valid_time,
        fields=tuple(frame.attrs["known_variables"].split()),
        unknown_fields=tuple(frame.attrs["other_variables"].split()),
    )


def _notes(
    frame: xr.Dataset, flags: tuple[str, ...], valid_time: datetime, context: ReadContext
) -> tuple[str, ...]:
    notes = []
    doubts = [flag for flag in flags if flag not in HARMLESS]
    if doubts:
        notes.append(
            f"doubtful ({', '.join(doubts)}): {frame.attrs['implausible_cells']} impossible cells, "
            f"{frame.attrs['stripe_cells']} in broken lines, known over "
            f"{frame.attrs['known_fraction']:.0%} of Indonesia; quality degraded"
        )
    if valid_time - context.last_seen > _AHEAD:
        notes.append(f"scan of {iso(valid_time)}, after it was received")
    return tuple(notes)
