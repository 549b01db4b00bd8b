"""Changes to bytes without knowing what they are."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from random import Random

from tests.fuzz.text import ENTITIES, TOKENS

Change = Callable[[bytes, Random, tuple[bytes, ...]], bytes]
"""Of a document, with the other documents of the corpus to splice from."""
MAX_BYTES = 3_000_000
"""No mutant grows beyond; size alone is tested by itself."""
_BLOCK = b"<!DOCTYPE html><html><head><title>Laman Diblokir</title></head><body>%s</body></html>"
_FALSE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\x00\x00\xfe\xff", b"\x00")


def _span(payload: bytes, rng: Random, longest: int = 400) -> tuple[int, int]:
    start = rng.randint(0, len(payload))
    return start, min(len(payload), start + rng.randint(1, longest))


def bits(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    if not payload:
        return payload
    out = bytearray(payload)
    for _flip in range(rng.choice((1, 1, 1, 2, 5, 50))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwrite(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(payload, rng, 40)
    return payload[:start] + rng.randbytes(end - start) + payload[end:]


def cut(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(payload, rng, rng.choice((1, 5, 200, 5_000)))
    return payload[:start] + payload[end:]


def truncate(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    """As a connection that ends early does; often near the end, where closing marks stand."""
    lost = rng.choice((1, 2, 10, 200, len(payload)))
    return payload[: max(0, len(payload) - rng.randint(1, max(1, lost)))]


def behead(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    return payload[rng.randint(1, max(1, min(len(payload), rng.choice((3, 50, 5_000))))) :]


def repeat(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(payload, rng, 2_000)
    return payload[:end] + payload[start:end] * rng.choice((1, 1, 3, 30)) + payload[end:]


def move(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(payload, rng)
    rest = payload[:start] + payload[end:]
    at = rng.randint(0, len(rest))
    return rest[:at] + payload[start:end] + rest[at:]


def splice(payload: bytes, rng: Random, others: tuple[bytes, ...]) -> bytes:
    other = rng.choice(others)
    if rng.random() < 0.5:
        return payload[: rng.randint(0, len(payload))] + other[rng.randint(0, len(other)) :]
    start, end = _span(other, rng, 3_000)
    at = rng.randint(0, len(payload))
    return payload[:at] + other[start:end] + payload[at:]


def insert_token(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    at = rng.randint(0, len(payload))
    token = rng.choice((*TOKENS, *ENTITIES)).encode("utf-8", "surrogatepass")
    return payload[:at] + token + payload[at:]


def declare(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    """An entity or a document type where XML has them: after its declaration."""
    at = payload.find(b"?>") + 2 if b"?>" in payload[:100] else 0
    return payload[:at] + rng.choice(ENTITIES).encode() + payload[at:]


def nest(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"<a>", b"</a>")))
    depth = rng.choice((10, 45, 300, 100_000))
    at = rng.choice((0, rng.randint(0, len(payload))))
    if rng.random() < 0.3:
        return payload[:at] + opening * depth + payload[at:]
    return payload[:at] + opening * depth + payload[at:] + closing * depth


def encode(payload: bytes, rng: Random, _: tuple[bytes, ...]) -> bytes:
    text = payload.decode("utf-8", "replace")
    name = rng.choice(("utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "utf-7"))
    out = text.encode(name, "replace")
    return rng.choice((out, rng.choice(_FALSE_MARKS) + payload, payload + out))


def frame(payload: bytes, rng: Random, others: tuple[bytes, ...]) -> bytes:
    """The document with something around it: white space, another document, a page, gzip."""
    return rng.choice(
        (
            lambda: b" \r\n\t" * rng.randint(1, 2_000) + payload,
            lambda: payload + b"\n" * rng.randint(1, 2_000),
            lambda: payload + payload,
            lambda: payload + rng.choice(others),
            lambda: rng.choice(others) + payload,
            lambda: _BLOCK % payload,
            lambda: b"<!-- " + payload + b" -->",
            lambda: b"<![CDATA[" + payload + b"]]>",
            lambda: gzip.compress(payload, 1, mtime=0),
            lambda: b"callback(" + payload + b");",
            lambda: payload + bytes(rng.randint(1, 5_000)),
            lambda: b"",
        )
    )()


CHANGES: tuple[Change, ...] = (
    bits,
    bits,
    overwrite,
    cut,
    cut,
    truncate,
    truncate,
    behead,
    repeat,
    move,
    splice,
    insert_token,
    insert_token,
    declare,
    nest,
    encode,
    frame,
)


def changed(payload: bytes, rng: Random, others: tuple[bytes, ...]) -> bytes:
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        payload = rng.choice(CHANGES)(payload, rng, others)[:MAX_BYTES]
    return payload
