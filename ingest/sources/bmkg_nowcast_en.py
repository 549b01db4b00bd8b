"""BMKG nowcast in English, the other language of `bmkg_nowcast`. Page: docs/sources.

The code in the link and `sent` say which warning it is. `ingest/known.py` leaves it out where the
Indonesian one is known, so it never doubles a warning; where that one cannot be had, it stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest.source import Link, ReadContext, Reading, SourceInfo
from ingest.sources.bmkg_nowcast import cap_links, read_nowcast

RSS = "/alerts/nowcast/en"


class BmkgNowcastEn:
    info = SourceInfo(
        source_id="bmkg-nowcast-en",
        title="BMKG nowcast warnings in English",
        provider="BMKG",
        licence="BMKG open data; name BMKG as the source",
        documentation="docs/sources/bmkg-nowcast.md",
        base="bmkg_www_url",
        cadence=timedelta(minutes=10),
        # As for the Indonesian list.
        late_after=timedelta(hours=3),
        history=False,
        periodic=True,
        # A list that is not there in English says nothing about warnings.
        absent_is_empty=True,
        tier="support",
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return [RSS]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:
        return cap_links(payload, path)

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        return read_nowcast(payload, context)
