"""JAXA's P-Tree: Himawari-9 gridded data as NetCDF, `NC_H09_YYYYMMDD_HHMM_R21_FLDK.*.nc`.

Page: docs/sources. Served by FTP after registration, so usually a mirrored folder.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ingest.frames import open_frame
from ingest.frames.reading import grid_reading, scans_due
from ingest.source import Link, ReadContext, Reading, SourceInfo

LATENCY = timedelta(minutes=30)
"""From a scan's nominal time to its file (unconfirmed)."""
_NAME = re.compile(r"(?:^|/)NC_H(\d\d)_(\d{8})_(\d{4})_\w+_FLDK\.[\w.]+\.nc$")


class HimawariPtree:
    info = SourceInfo(
        source_id="himawari-ptree",
        title="Himawari-9 band 13 (JAXA P-Tree)",
        provider="JAXA",
        licence="P-Tree terms of use (registration); name JAXA P-Tree and JMA as the source",
        documentation="docs/sources/himawari-ptree.md",
        base="himawari_ptree_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=60),
        history=False,
        periodic=True,
        tier="support",
        needs="himawari_ptree_url",
        folder_pattern="NC_H*_FLDK.*.nc",
        max_bytes=100_000_000,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [
            f"/jma/netcdf/{scan:%Y%m/%d}/NC_H09_{scan:%Y%m%d_%H%M}_R21_FLDK.02401_02401.nc"
            for scan in scans_due(at, LATENCY)
        ]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        satellite, time = _named(context.path)
        frame = open_frame(payload, "himawari-ptree", valid_time=time, where=context.path)
        frame.attrs["platform"] = frame.attrs["platform"] or satellite
        return grid_reading(frame, context)


def _named(path: str) -> tuple[str, datetime | None]:
    """Satellite and scan time by the file's name; empty and None for another name."""
    found = _NAME.search(path.partition("?")[0])
    if found is None:
        return "", None
    number, day, clock = found.groups()
    try:
        time = datetime.strptime(f"{day}{clock}+0000", "%Y%m%d%H%M%z").astimezone(UTC)
    except ValueError:
        return "", None
    return f"Himawari-{int(number)}", time
