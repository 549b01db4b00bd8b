"""A picture of which one byte changed on the way is refused, though it can be drawn."""

from __future__ import annotations

import struct
import zlib

import pytest

from ingest.read.png import SIGNATURE, require_whole_png
from kentongan.errors import SourceChanged


def chunk(kind, data=b""):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


HEADER = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
PIXEL = chunk(b"IDAT", zlib.compress(b"\0\xff\x2a\x55"))
TALLER = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 2, 8, 2, 0, 0, 0))
FLAT = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 0, 8, 2, 0, 0, 0))
GIANT = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
TOO_MUCH = chunk(b"IDAT", zlib.compress(bytes(9)))
WHOLE = SIGNATURE + HEADER + PIXEL + chunk(b"IEND")


def test_a_whole_picture_passes_also_with_bytes_after_its_end():
    require_whole_png(WHOLE, "x")
    require_whole_png(WHOLE + b"\0\0", "x")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(WHOLE[:-1], id="cut-by-a-byte"),
        pytest.param(WHOLE[:-12], id="without-end"),
        pytest.param(SIGNATURE + PIXEL + HEADER + chunk(b"IEND"), id="order"),
        pytest.param(SIGNATURE + HEADER + HEADER + PIXEL + chunk(b"IEND"), id="two-headers"),
        pytest.param(SIGNATURE + b"\xff\xff\xff\xff" + WHOLE[12:], id="length"),
        pytest.param(SIGNATURE + HEADER + chunk(b"IEND"), id="no-pixels"),
        pytest.param(SIGNATURE + TALLER + PIXEL + chunk(b"IEND"), id="row-missing"),
        pytest.param(SIGNATURE + FLAT + PIXEL + chunk(b"IEND"), id="no-rows"),
        pytest.param(SIGNATURE + GIANT + PIXEL + chunk(b"IEND"), id="giant"),
        pytest.param(SIGNATURE + HEADER + TOO_MUCH + chunk(b"IEND"), id="rows-too-many"),
        pytest.param(SIGNATURE + HEADER + chunk(b"teXt") * 30_000 + chunk(b"IEND"), id="many"),
    ],
)
def test_a_broken_file_is_refused(payload):
    with pytest.raises(SourceChanged, match=r"^x: "):
        require_whole_png(payload, "x")


def test_pixels_in_many_chunks_and_interlaced_ones_pass():
    whole = zlib.compress(b"\0\xff\x2a\x55")
    pieces = b"".join(chunk(b"IDAT", whole[i : i + 1]) for i in range(len(whole)))
    require_whole_png(SIGNATURE + HEADER + pieces + chunk(b"IEND"), "x")
    laced = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 1))
    require_whole_png(SIGNATURE + laced + PIXEL + chunk(b"IEND"), "x")


def test_any_changed_byte_is_seen():
    for at in range(len(WHOLE)):
        broken = WHOLE[:at] + bytes([WHOLE[at] ^ 1]) + WHOLE[at + 1 :]
        with pytest.raises(SourceChanged):
            require_whole_png(broken, "x")
