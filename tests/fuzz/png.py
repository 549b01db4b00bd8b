"""PNG: changes to chunks and to pixels, and a strict check of our own."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
MAX_RAW = 50_000_000


def chunks(payload: bytes) -> list[Chunk] | None:
    """(type, data) up to IEND; None where a length, an order or a check sum is wrong."""
    found: list[Chunk] = []
    at = len(_SIGNATURE)
    if payload[:at] != _SIGNATURE:
        return None
    while at + 12 <= len(payload):
        (length,) = struct.unpack(">I", payload[at : at + 4])
        kind, data = payload[at + 4 : at + 8], payload[at + 8 : at + 8 + length]
        check = payload[at + 8 + length : at + 12 + length]
        if len(check) < 4 or struct.unpack(">I", check)[0] != zlib.crc32(kind + data):
            return None
        found.append((kind, data))
        at += 12 + length
        if kind == b"IEND":
            return found if found[0][0] == b"IHDR" else None
    return None


def is_sound(payload: bytes) -> bool:
    """Whether every chunk is as its sum says, and all pixels are there."""
    found = chunks(payload)
    if found is None:
        return False
    width, height, depth, colour = struct.unpack(">IIBB", found[0][1][:10])
    packed = b"".join(data for kind, data in found if kind == b"IDAT")
    row = (width * _CHANNELS.get(colour, 0) * depth + 7) // 8 + 1
    unpack = zlib.decompressobj()
    try:
        raw = unpack.decompress(packed, MAX_RAW)
    except zlib.error:
        return False
    return found[0][1][12] != 0 or len(raw) >= row * height


def joined(parts: list[Chunk]) -> bytes:
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def changed(payload: bytes, rng: Random) -> bytes:
    """One or two changes; check sums are right unless the change is to them."""
    for _ in range(rng.choice((1, 1, 2))):
        parts = chunks(payload)
        if not parts:
            return payload
        payload = rng.choice(_CHANGES)(parts, rng)
    return payload


def _drop(parts: list[Chunk], rng: Random) -> bytes:
    del parts[rng.randrange(len(parts))]
    return joined(parts)


def _double(parts: list[Chunk], rng: Random) -> bytes:
    parts.insert(rng.randint(0, len(parts)), rng.choice(parts))
    return joined(parts)


def _shuffle(parts: list[Chunk], rng: Random) -> bytes:
    middle = parts[1:-1]
    rng.shuffle(middle)
    return joined([parts[0], *middle, parts[-1]])


def _header(parts: list[Chunk], rng: Random) -> bytes:
    """Another size, depth, colour type, filter or interlace, with a right check sum."""
    data = bytearray(parts[0][1])
    at = rng.randrange(len(data))
    data[at] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 127, 255, (data[at] + 1) % 256))
    return joined([(b"IHDR", bytes(data)), *parts[1:]])


def _text(parts: list[Chunk], rng: Random) -> bytes:
    """Text chunks, among them one that unpacks to a great size."""
    bomb = b"a\0\0" + zlib.compress(bytes(rng.choice((100, 30_000_000))), 1)
    more = rng.choice(
        (
            (b"zTXt", bomb),
            (b"iCCP", bomb),
            (b"iTXt", b"a\0\1\0\0\0" + bomb[3:]),
            (b"tEXt", b"k\0" + rng.randbytes(300)),
            (b"tRNS", rng.randbytes(6)),
            (b"PLTE", rng.randbytes(768)),
            (b"gAMA", rng.randbytes(4)),
            (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
            (b"fcTL", rng.randbytes(26)),
            (b"eXIf", rng.randbytes(60)),
            (b"pHYs", rng.randbytes(9)),
            (b"zzZZ", rng.randbytes(50)),
            (b"ZZZZ", rng.randbytes(50)),
        )
    )
    parts.insert(rng.randint(1, len(parts)), more)
    return joined(parts)


def _false_sum(parts: list[Chunk], rng: Random) -> bytes:
    """One data byte changed under the old check sum."""
    out = bytearray(joined(parts))
    out[rng.randrange(8, len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _false_length(parts: list[Chunk], rng: Random) -> bytes:
    out = bytearray(joined(parts))
    ahead = rng.randrange(len(parts))
    at = 8 + sum(12 + len(data) for _, data in parts[:ahead])
    out[at : at + 4] = struct.pack(">I", rng.choice((0, 1, 2**31 - 1, 2**32 - 1, 5_000)))
    return bytes(out)


def _pieces(parts: list[Chunk], rng: Random) -> bytes:
    """The same pixels in many small chunks."""
    out: list[Chunk] = []
    for kind, data in parts:
        step = rng.choice((997, 4_096, 60_000)) if kind == b"IDAT" else max(1, len(data))
        out += [(kind, data[i : i + step]) for i in range(0, max(1, len(data)), step)]
    return joined(out)


def _without_end_of_data(parts: list[Chunk], rng: Random) -> bytes:
    """Pixels cut short inside sound chunks."""
    packed = b"".join(data for kind, data in parts if kind == b"IDAT")
    keep = packed[: rng.randint(0, len(packed))]
    rest = [part for part in parts if part[0] != b"IDAT"]
    return joined([*rest[:-1], (b"IDAT", keep), rest[-1]])


@dataclass
class Raster:
    rows: bytearray
    stride: int
    height: int


def _pixels(act: Callable[[Raster, Random], None]) -> Callable[[list[Chunk], Random], bytes]:
    def change(parts: list[Chunk], rng: Random) -> bytes:
        width, height, depth, colour = struct.unpack(">IIBB", parts[0][1][:10])
        packed = b"".join(data for kind, data in parts if kind == b"IDAT")
        stride = (width * _CHANNELS.get(colour, 3) * depth + 7) // 8 + 1
        try:
            raw = bytearray(zlib.decompressobj().decompress(packed, MAX_RAW))
        except zlib.error:
            return joined(parts)
        if len(raw) < stride * height:
            return joined(parts)
        act(Raster(raw, stride, height), rng)
        rest = [part for part in parts if part[0] != b"IDAT"]
        return joined([*rest[:-1], (b"IDAT", zlib.compress(bytes(raw), 1)), rest[-1]])

    return change


def _block(raster: Raster, rng: Random) -> None:
    """A rectangle of one value, noise or rows of another place."""
    top = rng.randrange(raster.height)
    deep, wide = rng.randint(1, 300), rng.randint(1, raster.stride - 1)
    left = rng.randint(1, raster.stride - wide)
    fill = rng.choice((b"\0" * wide, b"\xff" * wide, rng.randbytes(wide)))
    for row in range(top, min(raster.height, top + deep)):
        at = row * raster.stride + left
        raster.rows[at : at + wide] = fill


def _speckle(raster: Raster, rng: Random) -> None:
    for _ in range(rng.choice((1, 50, 5_000))):
        raster.rows[rng.randrange(len(raster.rows))] ^= 1 << rng.randrange(8)


def _filters(raster: Raster, rng: Random) -> None:
    for _ in range(rng.choice((1, 20))):
        raster.rows[rng.randrange(raster.height) * raster.stride] = rng.choice((1, 2, 3, 4, 5, 255))


def _roll(raster: Raster, rng: Random) -> None:
    """The picture shifted by some rows: its places are wrong."""
    by = rng.randint(1, raster.height - 1) * raster.stride
    raster.rows[:] = raster.rows[by:] + raster.rows[:by]


def _no_title(raster: Raster, rng: Random) -> None:
    for row in range(64):
        at = row * raster.stride
        raster.rows[at : at + raster.stride] = bytes(raster.stride)


def _blank(raster: Raster, rng: Random) -> None:
    for row in range(raster.height):
        at = row * raster.stride
        raster.rows[at + 1 : at + raster.stride] = b"\xff" * (raster.stride - 1)


_CHANGES: tuple[Callable[[list[Chunk], Random], bytes], ...] = (
    _drop,
    _double,
    _shuffle,
    _header,
    _header,
    _text,
    _text,
    _false_sum,
    _false_sum,
    _false_length,
    _pieces,
    _without_end_of_data,
    *(_pixels(act) for act in (_block, _speckle, _filters, _roll, _no_title, _blank)),
)
