"""Bytes of one frame, or of the segments of one scan, to a dataset that was judged."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.frames import hsd
from ingest.frames.judge import judged
from ingest.frames.judge_rain import judged_rain, rain_time
from ingest.frames.raw import About, RawWindow
from ingest.frames.worker import read_window
from ingest.read.payload import one_line, refuse_html
from kentongan.errors import SourceChanged
from kentongan.times import iso, parse_instant, require_aware

if TYPE_CHECKING:
    import xarray as xr

FORMS = {
    "himawari-b13": "bmkg",
    "himawari-ptree": "ptree",
    "himawari-hsd": "hsd",
    "noaa-err": "err",
    "jaxa-gsmap": "gsmap",
}
"""Source → layout of its files."""
MAX_BYTES = 100_000_000
"""A P-Tree file at 0.02 degrees with all bands has 80 MB."""
_SIGNATURES = (b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x02", b"CDF\x05")
_SCAN = timedelta(minutes=10)


def open_frame(
    payloads: bytes | Path | Sequence[bytes | Path],
    product: str,
    *,
    valid_time: datetime | None = None,
    where: str = "",
) -> xr.Dataset:
    """Brightness temperature of band 13, or a ready rain rate, over Indonesia.

    Args:
        payloads: bytes or path of a NetCDF file, or of the segments of one scan, in any order.
        product: `himawari-b13` (BMKG), `himawari-ptree` (JAXA) or `himawari-hsd`; `noaa-err` or
            `jaxa-gsmap` for rain.
        valid_time: scan time by the file's name or record, for files that do not state one.
        where: what to call it in an error.

    Returns:
        `brightness_temperature` (K, float32, NaN = not known) and `quality` (int8) on the file's
        own regular grid (standard data: 0.02 degrees), dims (latitude, longitude), both
        ascending, within 94.5-141.5 E and 11.5 S-6.5 N; scalar `time` (UTC). Attributes: see
        `ingest.frames.judge.judged`. Of rain: `rain_rate` (mm/h) in its place, see
        `ingest.frames.judge_rain.judged_rain`.

    Raises:
        SourceChanged: damaged, hostile, another unit or layout, or no time to be told.
        SourceBlocked: a web page.
        SourceDown: the library satpy is not installed.
    """
    if product not in FORMS:
        raise SourceChanged(f"product {product!r}: expected one of {', '.join(FORMS)}")
    given = [payloads] if isinstance(payloads, bytes | Path) else list(payloads)
    documents = [_bytes(one, where or product) for one in given]
    where = where or product
    if FORMS[product] == "hsd":
        return _scan(documents, product, where)
    if len(documents) != 1:
        raise SourceChanged(f"{where}: {len(documents)} files, a frame is one")
    raw = _netcdf(documents[0], FORMS[product], where)
    if FORMS[product] in ("err", "gsmap"):
        return judged_rain(
            raw, where=where, source_id=product, valid_time=rain_time(raw.about, valid_time, where)
        ).assign_attrs(_variables(raw.about))
    time = scan_time(raw.about, valid_time, where)
    return judged(
        raw, where=where, source_id=product, satellite=raw.about.satellite, valid_time=time
    ).assign_attrs(_variables(raw.about))


def _bytes(one: bytes | Path, where: str) -> bytes:
    if isinstance(one, bytes):
        return one
    if one.stat().st_size > MAX_BYTES:
        raise SourceChanged(f"{where}: more than {MAX_BYTES} bytes; not read")
    return one.read_bytes()


def _variables(about: About) -> dict[str, str]:
    return {"known_variables": " ".join(about.known), "other_variables": " ".join(about.unknown)}


def _netcdf(payload: bytes, form: str, where: str) -> RawWindow:
    refuse_html(payload, where)
    if not payload.startswith(_SIGNATURES):
        raise SourceChanged(
            f"{where}: expected NetCDF, found {one_line(payload[:12], 60)}; see the archive"
        )
    return read_window(form, [("frame.nc", payload)], where)


def scan_time(about: About, stated: datetime | None, where: str) -> datetime:
    """Time of the scan: by the name if the file agrees within ten minutes, else by the file,
    rounded to ten minutes.

    Raises:
        SourceChanged: none, or two that contradict each other.
    """
    inside = _nearest_scan(parse_instant(about.times[0])) if about.times else None
    if stated is None and inside is None:
        raise SourceChanged(f"{where}: neither its name nor its content tells the scan's time")
    if stated is None or inside is None:
        return require_aware(stated or inside)  # type: ignore[arg-type]
    if abs(inside - stated) > _SCAN:
        raise SourceChanged(
            f"{where}: named {iso(stated)}, but its content says {iso(inside)}; not believed"
        )
    return require_aware(stated)


def _nearest_scan(time: datetime) -> datetime:
    past = timedelta(minutes=time.minute % 10, seconds=time.second, microseconds=time.microsecond)
    floor = time - past
    return floor + _SCAN if past >= _SCAN / 2 else floor


def _scan(documents: Sequence[bytes], product: str, where: str) -> xr.Dataset:
    """Segments of one scan, assembled; what no segment covers is not known."""
    data = [hsd.unpacked(document, where) for document in documents]
    segments = [hsd.segment_of(one, where) for one in data]
    scans = {(one.satellite, one.valid_time, one.total) for one in segments}
    if len(scans) != 1 or len({one.number for one in segments}) != len(segments):
        names = ", ".join(sorted(one.file_name for one in segments))
        raise SourceChanged(f"{where}: not the segments of one scan: {names[:200]}")
    files = [(one.file_name, body) for one, body in zip(segments, data, strict=True)]
    raw = read_window("hsd", files, where)
    first = segments[0]
    whole = {5, 6, 7} <= {one.number for one in segments} or first.total != 10
    dataset = judged(
        raw,
        where=where,
        source_id=product,
        satellite=first.satellite,
        valid_time=first.valid_time,
        is_part=not whole,
    )
    parts = " ".join(
        f"{one.number}/{one.total}" for one in sorted(segments, key=lambda s: s.number)
    )
    return dataset.assign_attrs(_variables(raw.about), segments=parts)
