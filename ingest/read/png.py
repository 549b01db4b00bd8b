"""Whether a PNG file is whole. Image libraries skip the check sums of pixel data, and paint rows
that are not there black."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from kentongan.errors import SourceChanged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
"""An image on record has 50; each costs a turn of a loop."""
MAX_PIXEL_BYTES = 100_000_000
"""Unpacked; BMKG's largest (radar, 4,084 x 4,084 with transparency) has 67 MB."""
_HEADER = struct.Struct(">IIBBBBB")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values for a pixel by colour type (PNG specification, table 11.1)."""


def require_whole_png(payload: bytes, path: str) -> None:
    """Every chunk is there, in order and as its check sum says, and so are all rows of pixels (PNG
    specification, 5.3, 5.4 and 10.1).

    A pixel decoder that is given wrong bytes draws a wrong picture: rain that is not there, or
    none where it falls.

    Raises:
        SourceChanged: another format, cut short, or bytes that changed on the way.
    """
    if payload[:8] != SIGNATURE:
        raise SourceChanged(f"{path}: expected a PNG image, found other bytes")
    header, pixels = memoryview(b""), zlib.decompressobj()
    room = rows = 0
    for kind, data in _chunks(payload, path):
        if kind == b"IHDR":
            header, room = data, _pixel_bytes(data, path)
        elif kind == b"IDAT":
            rows += _unpacked(pixels, data, room + 1 - rows, path)
    # An interlaced picture has the same pixels in seven passes with more filter bytes.
    if not header or (rows != room if not header[12] else not pixels.eof):
        raise _damaged(path, f"pixels: expected {room} bytes of rows, found {rows}")


def _chunks(payload: bytes, path: str) -> Iterator[tuple[bytes, memoryview]]:
    """(type, data) up to the end mark."""
    view, at = memoryview(payload), len(SIGNATURE)
    for number in range(MAX_CHUNKS):
        if at + 12 > len(payload):
            break
        (length,) = struct.unpack_from(">I", payload, at)
        kind, end = payload[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(payload) or (number == 0) != (kind == b"IHDR"):
            break
        (check,) = struct.unpack_from(">I", payload, end)
        if zlib.crc32(view[at + 4 : end]) != check:
            break
        if kind == b"IEND":
            return
        yield kind, view[at + 8 : end]
        at = end + 4
    raise _damaged(path, f"it breaks off at byte {at} of {len(payload)}")


def _pixel_bytes(header: memoryview, path: str) -> int:
    """Bytes of all rows with their filter bytes."""
    if len(header) != _HEADER.size:
        raise _damaged(path, f"header: expected {_HEADER.size} bytes, found {len(header)}")
    width, height, depth, colour, *_ = _HEADER.unpack(header)
    found = int(height * ((width * _CHANNELS.get(colour, 0) * depth + 7) // 8 + 1))
    if not 0 < found <= MAX_PIXEL_BYTES:
        raise SourceChanged(f"{path}: an image of {width}x{height} pixels; not unpacked")
    return found


def _unpacked(pixels: zlib._Decompress, data: memoryview, room: int, path: str) -> int:
    """Bytes that come of one chunk, at most `room`."""
    try:
        return len(pixels.decompress(data, max(1, room))) if room > 0 else 0
    except zlib.error as error:
        raise _damaged(path, f"pixels: {error}") from error


def _damaged(path: str, why: str) -> SourceChanged:
    return SourceChanged(f"{path}: the image is damaged or cut short ({why}); see the archive")
