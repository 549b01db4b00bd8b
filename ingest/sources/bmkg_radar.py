"""BMKG's radar archive: which pictures there are, of when. The pictures are not fetched.

Page: docs/sources. Needs a key that BMKG issues; it travels in a header only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from ingest.keep.drift import field_names
from ingest.read.payload import one_line, parse_json
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.errors import (
    DataError,
    NotPublishedYet,
    SourceBlocked,
    SourceChanged,
    SourceDown,
)
from kentongan.records import RadarScan
from kentongan.times import compact, iso

PRODUCT = "CMAX"
"""Largest reflectivity of each column."""
WINDOW = timedelta(hours=1)
"""The longest that the client on record asks for."""
MAX_SCANS = 200
"""In one answer: an hour of a radar that scans every 8 minutes has 8."""
FIELDS = frozenset({"listURL", "listTime", "status", "message"})
NOTHING = "no data"
_AHEAD = timedelta(minutes=10)
_STAMP = re.compile(r"/([A-Z]{3,4})-(\d{8})-(\d{4})\.png$")
_ASKED = re.compile(r"[?&]radar=([A-Z]{3,4})(?:&|$)")


class BmkgRadar:
    info = SourceInfo(
        source_id="bmkg-radar",
        title="Radar archive",
        provider="BMKG",
        licence="by agreement with BMKG (key); name BMKG as the source",
        documentation="docs/sources/bmkg-radar.md",
        base="bmkg_api_url",
        cadence=timedelta(minutes=10),
        late_after=timedelta(minutes=30),
        history=False,
        periodic=True,
        tier="support",
        needs="bmkg_radar_key",
        key_setting="bmkg_radar_key",
        key_header="x-api-key",
        wanted_setting="bmkg_radars",
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:
        span = {"startTime": f"{at - WINDOW:%Y%m%d%H%M}", "endTime": f"{at:%Y%m%d%H%M}"}
        return [
            f"/radar/v1/arsip?{urlencode({**span, 'radar': radar, 'product': PRODUCT})}"
            for radar in wanted
        ]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        document = parse_json(payload, context.path)
        if not isinstance(document, dict):
            raise SourceChanged(f"{context.path}: expected an object with listURL and listTime")
        _require_answer(document, context.path)
        asked = _ASKED.search(context.path)
        if asked is None:
            raise SourceChanged(f"{context.path}: names no radar")
        urls, times = (_texts(document, name, context.path) for name in ("listURL", "listTime"))
        known, unknown = field_names(document, FIELDS)
        if len(urls) != len(times):
            reason = (
                f"{asked[1]}: {len(urls)} pictures and {len(times)} times: which belongs to which "
                "is not known"
            )
            return Reading(rejected=(reason,), fields=known, unknown_fields=unknown)
        records, rejected = _scans(urls, times, asked[1], context)
        if not records and not rejected:
            raise NotPublishedYet(
                f"{context.path}: radar {asked[1]} has no scan in this hour; it may be off"
            )
        return Reading(
            tuple(records),
            tuple(rejected),
            document_time=max((record.scan_time for record in records), default=None),
            fields=known,
            unknown_fields=unknown,
        )


def _require_answer(document: dict[str, Any], path: str) -> None:
    """Raises:
    SourceError: a refusal in the body, whatever the HTTP status was.
    """
    if "listURL" in document or "status" not in document:
        return
    status = document["status"]
    said = f"{path}: status {one_line(status, 20)} ({one_line(document.get('message', ''), 60)})"
    if str(status) in ("401", "403"):
        raise SourceBlocked(f"{said}; see that KENTONGAN_BMKG_RADAR_KEY is valid, or ask BMKG")
    if str(status) == "429" or str(status).startswith("5"):
        raise SourceDown(f"{said}; the server cannot answer now")
    raise SourceChanged(f"{said}; expected listURL and listTime")


def _texts(document: dict[str, Any], name: str, path: str) -> list[str]:
    value = document.get(name)
    if not isinstance(value, list) or len(value) > MAX_SCANS:
        raise SourceChanged(
            f"{path}: {name}: expected a list of at most {MAX_SCANS} texts, found "
            f"{one_line(value, 60)}"
        )
    return [one if isinstance(one, str) else "" for one in value]


def _scans(
    urls: Sequence[str], times: Sequence[str], radar: str, context: ReadContext
) -> tuple[list[RadarScan], list[str]]:
    records: dict[str, RadarScan] = {}
    rejected = []
    for url, time in zip(urls, times, strict=True):
        if time.strip().lower() == NOTHING:
            continue
        try:
            record = _scan(url, time, radar, context)
        except DataError as error:
            rejected.append(str(error))
        else:
            records[record.key] = record
    return list(records.values()), rejected


def _scan(url: str, text: str, radar: str, context: ReadContext) -> RadarScan:
    time = _time(text)
    if time - context.last_seen > _AHEAD:
        raise DataError(f"{radar}: scan of {iso(time)}, after it was received")
    _check_url(url, radar, time)
    return RadarScan(
        source_id=context.source_id,
        key=f"{radar}-{PRODUCT}-{compact(time)}",
        sha256=context.sha256,
        document_time=time,
        re_creation=context.re_creation,
        radar=radar,
        product=PRODUCT,
        scan_time=time,
        image_url=url,
    )


def _time(text: str) -> datetime:
    try:
        plain = text.strip().removesuffix("UTC").strip() if text.strip().endswith("UTC") else ""
        return datetime.strptime(plain + "+0000", "%Y-%m-%d %H:%M%z").astimezone(UTC)
    except ValueError as error:
        raise DataError(
            f"time {one_line(text, 40)!r}: expected the form 2026-09-30 06:01 UTC"
        ) from error


def _check_url(url: str, radar: str, time: datetime) -> None:
    """Raises:
    DataError: not BMKG's, or of another radar or time than the list says.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    plain = parts.scheme == "https" and url.isprintable() and " " not in url and len(url) <= 300
    if not (plain and (host == "bmkg.go.id" or host.endswith(".bmkg.go.id"))):
        raise DataError(f"{radar}: picture {one_line(url, 80)!r} is not at an address of BMKG's")
    stamp = _STAMP.search(parts.path)
    if stamp and stamp.groups() != (radar, f"{time:%Y%m%d}", f"{time:%H%M}"):
        raise DataError(f"{radar}: listed for {iso(time)}, but the picture is {stamp[0][1:]}")
