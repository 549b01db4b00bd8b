"""InaTEWS: the newest event (JSON), the last tsunami bulletins (XML). Page: docs/sources."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ingest.read.inatews import read_document
from ingest.source import Link, ReadContext, Reading, SourceInfo


class BmkgInatews:
    info = SourceInfo(
        source_id="bmkg-inatews",
        title="InaTEWS bulletins",
        provider="BMKG",
        licence="undocumented bucket of BMKG's; agree its use; name BMKG as the source",
        documentation="docs/sources/bmkg-inatews.md",
        base="bmkg_inatews_url",
        cadence=timedelta(days=1),
        late_after=timedelta(days=7),
        history=True,
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/datagempa.json", "/last30tsunamievent.xml"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        return read_document(payload, context)
