"""Downloads of official layers: resumed, bounded, with a checksum on record.

`checksums.json` in the folder holds what was downloaded when the address was first used and
since; a file whose sum is not the recorded one is never taken for it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from kentongan.errors import LayerError, SourceChanged, SourceDown
from risk.layers.files import file_sha256
from risk.layers.pages import fetch_pages
from risk.layers.progress import Advance, silent
from risk.layers.source_list import Source, SourceKind, sources

RECORD = "checksums.json"
ATTEMPTS = 5
"""Dropped connections in a row after which a person should look; each goes on where it broke."""
_PAUSE_S = 1.0
"""Before the second attempt; doubled each time."""
_TIMEOUT = httpx.Timeout(60.0, connect=20.0)
Sleep = Callable[[float], None]


@dataclass(frozen=True)
class Fetched:
    """A file that is there now.

    Attributes:
        note: `downloaded`, `resumed`, `unchanged` or `changed`.
    """

    name: str
    path: Path
    bytes: int
    sha256: str
    note: str
    licence: str
    credit: str

    def document(self) -> dict[str, object]:
        return {**asdict(self), "path": str(self.path)}


def fetch_source(
    name: str,
    to: Path,
    *,
    listed: dict[str, Source] | None = None,
    sha256: str | None = None,
    advance: Advance = silent,
    client: httpx.Client | None = None,
    sleep: Sleep = time.sleep,
) -> Fetched:
    """Bring one source into the folder `to`, or say why not.

    Args:
        name: of the list, with `:part` where the address has parts.
        sha256: what the file must have; else the sum is recorded on first use.

    Raises:
        LayerError: no such source, wrong sum, by hand only.
        SourceDown: no network, no name, time-outs, server errors.
        SourceChanged: an answer that is no file of the expected kind or size.
    """
    bare, _, part = name.partition(":")
    source = _listed(bare, part, listed if listed is not None else sources())
    to.mkdir(parents=True, exist_ok=True)
    own = client or httpx.Client(timeout=_TIMEOUT, follow_redirects=True, max_redirects=5)
    try:
        download = _Download(source, source.url.replace("{part}", part), to, own, advance, sleep)
        return download.run(sha256)
    finally:
        if client is None:
            own.close()


def _listed(name: str, part: str, listed: dict[str, Source]) -> Source:
    source = listed.get(name)
    if source is None:
        raise LayerError(f"no source {name!r}; there are {', '.join(sorted(listed))}")
    if source.kind is SourceKind.BY_HAND:
        raise LayerError(
            f"{name}: needs a registration; open {source.url} and give the files to layers build"
        )
    if ("{part}" in source.url) != bool(part):
        wanted = f"{name}:{source.example_part}" if "{part}" in source.url else name
        raise LayerError(f"{name}{':' + part if part else ''}: expected e.g. {wanted}")
    if part and not all(c.isalnum() or c in "_-" for c in part):
        raise LayerError(f"{name}:{part}: expected letters, digits, _ and - only")
    return source


@dataclass(frozen=True)
class _Download:
    source: Source
    url: str
    to: Path
    client: httpx.Client
    advance: Advance
    sleep: Sleep

    @property
    def target(self) -> Path:
        if self.source.kind is SourceKind.PAGES:
            return self.to / f"{self.source.name}.geojson"
        last = Path(urlsplit(self.url).path).name or self.source.name
        return self.to / (last if "." in last else f"{self.source.name}.zip")

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")

    def run(self, wanted: str | None) -> Fetched:
        record = _read_record(self.to)
        known: dict[str, Any] = record.get(self.target.name, {})
        if self._is_there(known, wanted):
            return self._fetched(known["sha256"], "unchanged")
        etag = "" if wanted else self._etag(known)
        note, tag = self._bring(etag)
        if note == "unchanged":
            return self._fetched(known["sha256"], note)
        found = file_sha256(self.part)
        if wanted is not None and found != wanted.lower():
            self.part.unlink()
            raise LayerError(
                f"{self.target.name}: sha256 {found}, expected {wanted}; the file was not taken"
            )
        if known and known.get("sha256") != found:
            note = "changed"
        self.part.replace(self.target)
        record[self.target.name] = {
            "url": self.url, "sha256": found, "bytes": self.target.stat().st_size, "tag": tag,
        }  # fmt: skip
        _write_record(self.to, record)
        return self._fetched(found, note)

    def _is_there(self, known: dict[str, Any], wanted: str | None) -> bool:
        """A file on record whose sum is the one asked for needs no network."""
        if wanted is None or not self.target.is_file():
            return False
        return known.get("sha256") == wanted.lower() == file_sha256(self.target)

    def _etag(self, known: dict[str, Any]) -> str:
        """What to compare with, if the file is there as recorded."""
        if not self.target.is_file() or known.get("url") != self.url:
            return ""
        same = file_sha256(self.target) == known.get("sha256")
        return str(known.get("tag", "")) if same else ""

    def _fetched(self, sha256: str, note: str) -> Fetched:
        return Fetched(
            self.source.name, self.target, self.target.stat().st_size, sha256, note,
            self.source.licence, self.source.credit,
        )  # fmt: skip

    def _bring(self, etag: str) -> tuple[str, str]:
        """Note and tag; `part` is whole afterwards unless the note says unchanged."""
        if self.source.kind is SourceKind.PAGES:
            fetch_pages(self.client, self.url, self.part, self.source.most_bytes, self.advance)
            return "downloaded", ""
        resumed = self.part.is_file() and self.part.stat().st_size > 0
        for attempt in range(ATTEMPTS):
            if attempt:
                self.sleep(_PAUSE_S * 2 ** (attempt - 1))
            try:
                return self._once(etag, resumed or attempt > 0)
            except httpx.ConnectError as error:
                raise SourceDown(self._unreachable(str(error))) from error
            except (httpx.TransportError, _Broken) as error:
                last = error
        raise SourceDown(
            f"{self.url}: broke off {ATTEMPTS} times ({last}); what came is kept, run it again"
        )

    def _unreachable(self, why: str) -> str:
        host = urlsplit(self.url).hostname
        return (
            f"{self.source.name}: cannot reach {host} ({why}). Without internet, download "
            f"{self.url} elsewhere, put it at {self.target} and give that to layers build"
        )

    def _once(self, etag: str, resumed: bool) -> tuple[str, str]:
        have = self.part.stat().st_size if self.part.is_file() else 0
        tag = _read_tag(self.part)
        headers = {"Accept-Encoding": "identity"}
        if have and tag:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        elif etag:
            headers["If-None-Match" if '"' in etag else "If-Modified-Since"] = etag
        with self.client.stream("GET", self.url, headers=headers) as answer:
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return "unchanged", etag
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                if answer.headers.get("content-range", "") != f"bytes */{have}":
                    self._forget()
                    raise _Broken("the file became shorter than what came before")
                _tag_path(self.part).unlink(missing_ok=True)
                return "resumed", tag
            going_on = answer.status_code == httpx.codes.PARTIAL_CONTENT
            _require_file(answer, self.url)
            if going_on and not _starts_at(answer, have):
                self._forget()
                raise _Broken("the server went on at another place")
            self._write(answer, have if going_on else 0)
            new_tag = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
        note = "resumed" if going_on and resumed else "downloaded"
        _tag_path(self.part).unlink(missing_ok=True)
        return note, new_tag

    def _write(self, answer: httpx.Response, have: int) -> None:
        tag = answer.headers.get("etag") or answer.headers.get("last-modified") or ""
        _tag_path(self.part).write_text(tag if not tag.startswith("W/") else "", encoding="utf-8")
        length = answer.headers.get("content-length")
        total = have + int(length) if length and length.isdigit() else 0
        self._require_bounded(total)
        done = have
        with self.part.open("ab" if have else "wb") as out:
            for chunk in answer.iter_raw():
                out.write(chunk)
                done += len(chunk)
                self._require_bounded(done)
                self.advance(self.source.name, done / total if total else 0.0)
        if total and done != total:
            raise _Broken(f"{done} of {total} bytes came")

    def _require_bounded(self, size: int) -> None:
        if size > self.source.most_bytes:
            self._forget()
            raise SourceChanged(
                f"{self.url}: more than {self.source.most_bytes / 1e6:,.0f} MB; expected about "
                f"{self.source.size_text}; look whether it is still the same file"
            )

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        _tag_path(self.part).unlink(missing_ok=True)


class _Broken(Exception):
    """The transfer ended early; the next attempt goes on."""


def _require_file(answer: httpx.Response, url: str) -> None:
    if answer.is_server_error or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise _Broken(f"HTTP {answer.status_code}")
    if not answer.is_success:
        raise SourceDown(f"{url}: HTTP {answer.status_code}; look whether the address moved")
    if "text/html" in answer.headers.get("content-type", ""):
        raise SourceChanged(
            f"{url}: a web page came instead of a file; a sign-in page or a firewall?"
        )


def _starts_at(answer: httpx.Response, have: int) -> bool:
    found: bool = answer.headers.get("content-range", "").startswith(f"bytes {have}-")
    return found


def _tag_path(part: Path) -> Path:
    return part.with_name(part.name + ".tag")


def _read_tag(part: Path) -> str:
    path = _tag_path(part)
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / RECORD
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LayerError(f"{path}: no JSON ({error}); move it away to begin anew") from error
    if not isinstance(found, dict):
        raise LayerError(f"{path}: expected an object of files; move it away to begin anew")
    return found


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    draft = folder / f"{RECORD}.{hashlib.sha256(text.encode()).hexdigest()[:8]}.part"
    draft.write_text(text, encoding="utf-8")
    draft.replace(folder / RECORD)
