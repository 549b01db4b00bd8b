"""BMKG's Himawari-9 band 13 as NetCDF: `H08_B13_Indonesia_YYYYMMDDHHMM.nc`.

Page: docs/sources. Not public; known from scripts of BMKG's stations, no file is on record.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingest.frames import open_frame
from ingest.frames.reading import grid_reading, scans_due
from ingest.source import Link, ReadContext, Reading, SourceInfo

LATENCY = timedelta(minutes=20)
"""From a scan's nominal time to its file: the picture on record came 14 minutes after
(unconfirmed)."""
_NAME = re.compile(r"(?:^|/)e?H\d\d_B13_Indonesia_(\d{8})(?:\.Z)?(\d{4})\.nc$")


class HimawariB13:
    info = SourceInfo(
        source_id="himawari-b13",
        title="Himawari-9 band 13 (BMKG)",
        provider="BMKG",
        licence="not public: to be agreed with BMKG; name BMKG as the source",
        documentation="docs/sources/himawari-b13.md",
        base="himawari_b13_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=45),
        history=False,
        periodic=True,
        tier="support",
        needs="himawari_b13_url",
        folder_pattern="*B13_Indonesia_*.nc",
        max_bytes=60_000_000,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [f"/H08_B13_Indonesia_{scan:%Y%m%d%H%M}.nc" for scan in scans_due(at, LATENCY)]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        frame = open_frame(
            payload, "himawari-b13", valid_time=_named_time(context.path), where=context.path
        )
        return grid_reading(frame, context)


def _named_time(path: str) -> datetime | None:
    """Both forms of name, `202611200710` and `20261120.Z0710`; None for another name."""
    found = _NAME.search(path.partition("?")[0])
    if found is None:
        return None
    try:
        return datetime.strptime("".join(found.groups()) + "+0000", "%Y%m%d%H%M%z").astimezone(UTC)
    except ValueError:
        return None
