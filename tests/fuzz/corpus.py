"""Sound documents to begin with: our own fixtures, and BMKG's recordings where they are at hand."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ingest.registry import SOURCES
from ingest.source import ReadContext
from kentongan.errors import SourceDown
from kentongan.store import sha256_hex

ROOT = Path(__file__).parents[2]
FEEDS = ROOT / "tests" / "fixtures" / "feeds"
AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
TEXT_FORMS = ("json", "xml", "txt")
LARGEST_TEXT = 60_000
"""Bytes: a larger seed is left out where its parser has a smaller one; each mutant costs time."""


@dataclass(frozen=True)
class Seed:
    source_id: str
    name: str
    path: str
    payload: bytes
    form: str
    """`json`, `xml`, `txt`, `png`, `nc`, `bz2`, `bin`."""

    @property
    def parser(self) -> str:
        return f"{self.source_id}/{self.form}"

    def context(self, payload: bytes | None = None) -> ReadContext:
        whole = self.payload if payload is None else payload
        return ReadContext(self.source_id, self.path, sha256_hex(whole), AT, re_creation=False)


def form_of(payload: bytes) -> str:
    head = payload.lstrip(b"\xef\xbb\xbf \r\n\t")[:8]
    if head[:1] in (b"{", b"["):
        return "json"
    if head[:1] == b"<":
        return "xml"
    if payload[:4] == b"\x89PNG":
        return "png"
    if payload[:4] in (b"\x89HDF", b"CDF\x01", b"CDF\x02"):
        return "nc"
    if payload[:3] == b"BZh":
        return "bz2"
    return "bin" if b"\0" in payload[:2_000] else "txt"


@cache
def seeds() -> tuple[Seed, ...]:
    """Every document that a source reads whole, or would with its library, once for each source."""
    found = [
        seed
        for name, path, payload in documents()
        for source_id in SOURCES
        if _reads_whole(seed := Seed(source_id, name, path, payload, form_of(payload)))
    ]
    return tuple(seed for seed in found if _fits(seed, found))


def _fits(seed: Seed, found: list[Seed]) -> bool:
    return len(seed.payload) <= LARGEST_TEXT or not any(
        other.parser == seed.parser and len(other.payload) < len(seed.payload) for other in found
    )


def _reads_whole(seed: Seed) -> bool:
    try:
        reading = SOURCES[seed.source_id].read(seed.payload, seed.context())
    except SourceDown:  # a library that is not installed: its header was good
        return True
    except Exception:  # noqa: BLE001 - a test of its own gives every document to every reader
        return False
    return bool(reading.records) and not reading.rejected


def documents() -> Iterator[tuple[str, str, bytes]]:
    """(name, BMKG's path, bytes), in one order everywhere."""
    named = {row["file"]: row["bmkg_path"] for row in _rows(FEEDS / "paths.csv")}
    for file in sorted(FEEDS.rglob("*")):
        if file.is_file() and file.suffix not in (".md", ".csv"):
            name = file.relative_to(FEEDS).as_posix()
            yield name, named.get(name, f"/{name}"), file.read_bytes()
    folder = samples()
    if folder is None:
        return
    named = {row["file"]: row["bmkg_path"] for row in _rows(folder / "paths.csv")}
    for row in _rows(folder / "manifest.csv"):
        name = row["file"]
        yield f"recorded/{name}", named.get(name, f"/{name}"), (folder / name).read_bytes()


def samples() -> Path | None:
    home = Path(os.environ.get("KENTONGAN_SAMPLES", ROOT.parent / "shared" / "samples")) / "bmkg"
    return home if (home / "manifest.csv").is_file() else None


def _rows(table: Path) -> list[dict[str, str]]:
    if not table.is_file():
        return []
    with table.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def parsers() -> dict[str, list[Seed]]:
    """The seeds of each source and form."""
    found: dict[str, list[Seed]] = {}
    for seed in seeds():
        found.setdefault(seed.parser, []).append(seed)
    return found
