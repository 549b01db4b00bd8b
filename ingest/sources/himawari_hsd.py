"""Himawari standard data, band 13 of the full disk, as JMA gives it and NOAA mirrors it.

Page: docs/sources. A scan is ten files; Indonesia lies in the fifth to seventh. Each file is a
record of its own; `ingest.frames.open_frame` assembles those of one scan.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest.frames import hsd, open_frame
from ingest.frames.reading import grid_reading, scans_due
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import SourceChanged

LATENCY = timedelta(minutes=20)
"""From a scan's nominal time to its files: the scan takes 10 minutes (unconfirmed)."""
SEGMENTS = (5, 6, 7)
"""Of ten: lines 2201 to 3850 of 5500; 6.5 N is line 2393 and 11.5 S line 3379."""
_NAME = re.compile(r"_(\d{8}_\d{4})_B13_FLDK_R20_S(\d\d)(\d\d)\.DAT")


class HimawariHsd:
    info = SourceInfo(
        source_id="himawari-hsd",
        title="Himawari-9 band 13 (standard data)",
        provider="JMA",
        licence="free of charge (NOAA open data dissemination); name JMA as the source",
        documentation="docs/sources/himawari-hsd.md",
        base="himawari_hsd_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=50),
        history=False,
        periodic=True,
        tier="support",
        needs="himawari_hsd_url",
        folder_pattern="HS_H*_B13_FLDK_R20_S0[567]10.DAT*|HS_H*_B13_FLDK_R20_S0101.DAT*",
        max_bytes=hsd.MAX_BYTES,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [
            f"/AHI-L1b-FLDK/{scan:%Y/%m/%d/%H%M}/HS_H09_{scan:%Y%m%d_%H%M}_B13_FLDK_R20_"
            f"S{segment:02}10.DAT.bz2"
            for scan in scans_due(at, LATENCY)
            for segment in SEGMENTS
        ]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        data = hsd.unpacked(payload, context.path)
        segment = hsd.segment_of(data, context.path)
        _check_name(segment, context.path)
        frame = open_frame(data, "himawari-hsd", where=context.path)
        return grid_reading(frame, context, part=(segment.number, segment.total))


def _check_name(segment: hsd.Segment, path: str) -> None:
    """Raises:
    SourceChanged: the file is named as another segment or scan than it is.
    """
    found = _NAME.search(path)
    if found and found.group(0) not in f"_{segment.file_name}":
        raise SourceChanged(
            f"{path}: the content is {segment.file_name}; named wrongly on the way, not believed"
        )
