"""Header of Himawari standard data: checked here before satpy may read the rest.

Layout: Himawari-8/9 Himawari Standard Data User's Guide (JMA), version 1.3, table 4. satpy takes
place and size of a segment from the file's name and trusts its header, so both are judged first.
"""

from __future__ import annotations

import bz2
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ingest.read.payload import one_line, refuse_html
from kentongan.errors import SourceChanged

COLUMNS = 5500
"""Of the full disk at 2 km."""
MAX_BYTES = 62_000_000
"""The whole disk in one file has 60.5 MB, one of ten segments 6.1 MB."""
FACTOR, OFFSET = 20_466_275, 2750.5
"""CFAC = LFAC and COFF = LOFF of the full disk at 2 km; another projection is not known to us."""
_LONGITUDES = (140.2, 141.2)
"""Under the satellite: 140.7 E, with its drift."""
_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
_SCAN = timedelta(minutes=10)
_BLOCK_1 = struct.Struct("<BHHB16s16s4s2sHdddII")
_BLOCK_2 = struct.Struct("<BHHHHB")
_BLOCK_3 = struct.Struct("<BHdIIff")
_BLOCK_5 = struct.Struct("<BHH")
_BLOCK_7 = struct.Struct("<BHBBH")


@dataclass(frozen=True)
class Segment:
    """One segment of one scan of band 13."""

    satellite: str
    number: int
    total: int
    valid_time: datetime
    """Nominal time of the scan, the same in all its segments."""

    @property
    def file_name(self) -> str:
        """As satpy wants it, made from the header, not from what the file was called."""
        return (
            f"HS_H{int(self.satellite[-1]):02}_{self.valid_time:%Y%m%d_%H%M}_B13_FLDK_R20_"
            f"S{self.number:02}{self.total:02}.DAT"
        )


def unpacked(payload: bytes, where: str) -> bytes:
    """The segment itself, from bz2 or not, no further than there is room for.

    Raises:
        SourceBlocked: HTML.
        SourceChanged: damaged, cut short, or too large.
    """
    refuse_html(payload, where)
    if not payload.startswith(b"BZh"):
        return payload
    unpack = bz2.BZ2Decompressor()
    try:
        data = unpack.decompress(payload, MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise SourceChanged(f"{where}: damaged bz2 ({one_line(error, 60)})") from error
    if len(data) > MAX_BYTES:
        raise SourceChanged(f"{where}: unpacks to more than {MAX_BYTES} bytes; not read")
    if not unpack.eof or unpack.unused_data:
        raise SourceChanged(f"{where}: damaged bz2 (cut short, or data after its end)")
    return data


def segment_of(data: bytes, where: str) -> Segment:
    """What the header says, if it fits the bytes and the full disk at 2 km.

    Raises:
        SourceChanged: names what was expected and what was found.
    """
    try:
        return _segment(data, where)
    except struct.error as error:
        raise SourceChanged(
            f"{where}: expected Himawari standard data, found {len(data)} bytes that end early"
        ) from error


def _segment(data: bytes, where: str) -> Segment:
    number, length, _, order, name, _, area, _, clock, start, _, _, head, body = (
        _BLOCK_1.unpack_from(data)
    )
    satellite = name.rstrip(b"\0 ").decode("ascii", "replace")
    _require((number, length), (1, 282), "first block and its length", where)
    _require(order, 0, "byte order (0 is little endian)", where)
    _require(satellite[:9] + area.decode("ascii", "replace"), "Himawari-FLDK", "area", where)
    if not satellite[9:].isdecimal() or len(satellite) != 10:
        raise SourceChanged(f"{where}: satellite {one_line(satellite, 20)!r} is not known")
    at = _blocks(data, where)
    bits, columns, lines, packed = _BLOCK_2.unpack_from(data, at[2])[2:]
    _require((bits, columns, packed), (16, COLUMNS, 0), "bits, columns and compression", where)
    if (head + body, body) != (len(data), 2 * columns * lines):
        raise SourceChanged(
            f"{where}: cut short or padded, header and data of {head + body} bytes declared for "
            f"{lines} lines, {len(data)} found"
        )
    _check_projection(data, at[3], where)
    _require(_BLOCK_5.unpack_from(data, at[5])[2], 13, "band", where)
    total, segment, first = _BLOCK_7.unpack_from(data, at[7])[2:]
    _require((lines * total, first), (COLUMNS, (segment - 1) * lines + 1), "segment", where)
    return Segment(satellite, segment, total, _nominal(start, clock, where))


def _require(found: object, expected: object, what: str, where: str) -> None:
    if found != expected:
        raise SourceChanged(
            f"{where}: {what}: expected {expected}, found {one_line(found, 60)}; no band 13 of a "
            "full disk at 2 km"
        )


def _blocks(data: bytes, where: str) -> dict[int, int]:
    """Where blocks 1 to 7 begin."""
    places, here = {}, 0
    for number in range(1, 8):
        found, length = struct.unpack_from("<BH", data, here)
        _require(found, number, f"block at byte {here}", where)
        places[number] = here
        here += length
    return places


def _check_projection(data: bytes, at: int, where: str) -> None:
    longitude, *constants = _BLOCK_3.unpack_from(data, at)[2:]
    _require(tuple(constants), (FACTOR, FACTOR, OFFSET, OFFSET), "CFAC, LFAC, COFF, LOFF", where)
    if not _LONGITUDES[0] <= longitude <= _LONGITUDES[1]:
        raise SourceChanged(f"{where}: satellite over {longitude:.6g} E, expected 140.7 E")


def _nominal(start: float, clock: int, where: str) -> datetime:
    """Scan time: the timeline (HHMM) of the day on which it lies next to the true start."""
    try:
        began = _EPOCH + timedelta(days=start)
        hour, minute = divmod(clock, 100)
        day = began.replace(hour=hour, minute=minute, second=0, microsecond=0)
    except (ValueError, OverflowError) as error:
        raise SourceChanged(
            f"{where}: no scan time: start {start:.8g} days, timeline {clock}"
        ) from error
    days = (day + timedelta(days=shift) for shift in (-1, 0, 1))
    nearest = min(days, key=lambda one: abs(one - began))
    if abs(nearest - began) > 2 * _SCAN:
        raise SourceChanged(
            f"{where}: timeline {clock:04} and start {began:%H:%M} differ by more than 20 minutes"
        )
    return nearest
