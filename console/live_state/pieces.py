"""Bytes packed piece by piece: a large part that stays the same is packed once.

A piece ends with a full flush (RFC 1951: byte-aligned, and nothing after it refers to what is
before), so that pieces in a row are one deflate stream, and with a head and a sum one gzip member.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from kentongan.store import sha256_hex

_LEVEL = 5
"""6 takes a third longer for 1 % less."""
_RAW = -zlib.MAX_WBITS
_HEAD = b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x00\xff"
_END = b"\x03\x00"
"""An empty last block."""


@dataclass(frozen=True)
class Piece:
    data: bytes
    deflated: bytes
    tag: str
    """Names the content."""


def piece(data: bytes) -> Piece:
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW)
    deflated = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    return Piece(data, deflated, sha256_hex(data)[:16])


def whole(pieces: Sequence[Piece]) -> tuple[bytes, bytes]:
    """All pieces in a row, as they are and as gzip."""
    data = b"".join(one.data for one in pieces)
    foot = struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)
    return data, b"".join([_HEAD, *(one.deflated for one in pieces), _END, foot])
