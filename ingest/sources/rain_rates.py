"""Ready rain rates: NOAA's Enterprise Rain Rate (10 minutes) and JAXA's GSMaP (hourly means).

Pages: docs/sources.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingest.frames import open_frame
from ingest.frames.reading import grid_reading, scans_due
from ingest.source import Link, ReadContext, Reading, SourceInfo

ERR_LATENCY = timedelta(minutes=22)
"""Until all satellites are in a scan; its first parts appear after some 13 minutes (as clients that
read the bucket say)."""
_ERR_NAME = re.compile(r"RRQPE-INST-GLB-\d_(?:\w+_)?s(\d{12})\d*(?:_e\d+_c\d+)?\.nc$")
_GSMAP_NAME = re.compile(r"gsmap_\w+[._](\d{8})[._]?(\d{4})\b.*\.nc$")


class NoaaErr:
    info = SourceInfo(
        source_id="noaa-err",
        title="Enterprise Rain Rate (NOAA)",
        provider="NOAA",
        licence="open data of NOAA, no restriction known (unconfirmed); name NOAA as the source",
        documentation="docs/sources/noaa-err.md",
        base="rain_rate_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=60),
        history=False,
        periodic=True,
        tier="support",
        needs="rain_rate_url",
        folder_pattern="RRQPE-INST-GLB-*.nc",
        max_bytes=60_000_000,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        """NOAA's names carry the second of making, so an address is a mirror that leaves it out."""
        return [f"/RRQPE-INST-GLB-5_s{scan:%Y%m%d%H%M}.nc" for scan in scans_due(at, ERR_LATENCY)]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        name = _ERR_NAME.search(context.path.partition("?")[0])
        time = _instant(name[1]) if name else None
        frame = open_frame(payload, "noaa-err", valid_time=time, where=context.path)
        return grid_reading(frame, context)


class JaxaGsmap:
    info = SourceInfo(
        source_id="jaxa-gsmap",
        title="GSMaP hourly rain rate (JAXA)",
        provider="JAXA",
        licence="GSMaP terms of use (registration); name JAXA GSMaP as the source",
        documentation="docs/sources/jaxa-gsmap.md",
        base="gsmap_url",
        cadence=timedelta(minutes=30),
        late_after=timedelta(hours=6),
        history=False,
        periodic=True,
        tier="support",
        needs="gsmap_url",
        folder_pattern="gsmap_*.nc",
        max_bytes=60_000_000,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        half = at - timedelta(hours=1)
        start = half.replace(minute=half.minute - half.minute % 30, second=0, microsecond=0)
        return [f"/now/netcdf/{start:%Y/%m/%d}/gsmap_now.{start:%Y%m%d.%H%M}.nc"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        name = _GSMAP_NAME.search(context.path.partition("?")[0])
        start = _instant("".join(name.groups())) if name else None
        # The name says when the hour begins whose mean it is.
        middle = None if start is None else start + timedelta(minutes=30)
        frame = open_frame(payload, "jaxa-gsmap", valid_time=middle, where=context.path)
        return grid_reading(frame, context)


def _instant(digits: str) -> datetime | None:
    """`YYYYMMDDHHMM` in UTC; None for digits that are no time."""
    try:
        return datetime.strptime(digits + "+0000", "%Y%m%d%H%M%z").astimezone(UTC)
    except ValueError:
        return None
