"""Whether a PNG file is whole. Image libraries skip the check sums of pixel data."""

from __future__ import annotations

import struct
import zlib

from kentongan.errors import SourceChanged

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
"""An image on record has 50; each costs a turn of a loop."""


def require_whole_png(payload: bytes, path: str) -> None:
    """Every chunk is there, in order and as its check sum says (PNG specification, 5.3 and 5.4).

    A pixel decoder that is given wrong bytes draws a wrong picture: rain that is not there, or
    none where it falls.

    Raises:
        SourceChanged: another format, cut short, or bytes that changed on the way.
    """
    if payload[:8] != SIGNATURE:
        raise SourceChanged(f"{path}: expected a PNG image, found other bytes")
    at, number = len(SIGNATURE), 0
    while at + 12 <= len(payload) and number < MAX_CHUNKS:
        (length,) = struct.unpack_from(">I", payload, at)
        kind, end = payload[at + 4 : at + 8], at + 8 + length
        if end + 4 > len(payload) or (number == 0) != (kind == b"IHDR"):
            break
        if (
            zlib.crc32(memoryview(payload)[at + 4 : end])
            != struct.unpack_from(">I", payload, end)[0]
        ):
            break
        if kind == b"IEND":
            return
        at, number = end + 4, number + 1
    raise SourceChanged(
        f"{path}: the image is damaged or cut short at byte {at} of {len(payload)} (chunk "
        f"{number + 1}); see the archive"
    )
