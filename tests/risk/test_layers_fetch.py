"""Downloads from a real server on this machine: resume, checksums, bounds, no network."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from kentongan.errors import LayerError, SettingsError, SourceChanged, SourceDown
from risk.layers.fetch import RECORD, fetch_source
from risk.layers.pages import PAGE
from risk.layers.source_list import Source, sources

CONTENT = bytes(range(256)) * 4000
SUM = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """What the server gives, and what it was asked."""

    base: str = ""
    content: bytes = CONTENT
    etag: str = '"one"'
    breaks_at: list[int] = field(default_factory=list)
    status: int = 0
    kind: str = "image/tiff"
    features: int = 1203
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            if urlsplit(self.path).path.endswith("/query"):
                return self.pages()
            if site.status:
                return self.answer(site.status, b"no", {})
            if self.headers.get("If-None-Match") == site.etag:
                return self.answer(304, b"", {"ETag": site.etag})
            return self.file()

        def file(self) -> None:
            start = 0
            wanted = self.headers.get("Range", "")
            if wanted and self.headers.get("If-Range") == site.etag:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            body = site.content[start:]
            headers = {"ETag": site.etag, "Content-Type": site.kind}
            if start >= len(site.content):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(site.content)}"})
            if start:
                whole = len(site.content)
                headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
            return self.answer(206 if start else 200, body, headers)

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            cut = site.breaks_at.pop(0) if site.breaks_at and status in (200, 206) else None
            self.wfile.write(body if cut is None else body[:cut])
            if cut is not None:
                self.wfile.flush()
                self.connection.close()
                self.close_connection = True

        def pages(self) -> None:
            asked = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            if "returnCountOnly" in asked:
                return self.json({"count": site.features})
            first = int(asked["resultOffset"])
            many = min(PAGE, site.features - first)
            feature = {"type": "Feature", "geometry": None}
            return self.json(
                {"features": [{**feature, "properties": {"id": first + i}} for i in range(many)]}
            )

        def json(self, document: object) -> None:
            text = json.dumps(document if site.status == 0 else {"error": {"code": 500}})
            self.answer(200, text.encode(), {"Content-Type": "application/json"})

    return Handler


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Transfers are broken on purpose."""


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    server = Server(("127.0.0.1", 0), handler(found))
    found.base = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def source(site: Site, path="/idn_pop.tif", **changes) -> dict[str, Source]:
    plain = {
        "name": "people", "title": "People", "kind": "file", "url": site.base + path,
        "role": "people", "megabytes": 1.0, "licence": "CC-BY-4.0", "credit": "Somebody",
    }  # fmt: skip
    return {"people": Source.model_validate({**plain, **changes})}


def fetch(site, to, name="people", **more):
    listed = more.pop("listed", None) or source(site)
    return fetch_source(name, to, listed=listed, sleep=lambda _s: None, **more)


def test_a_download_records_its_checksum(site, tmp_path):
    shares: list[float] = []
    got = fetch(site, tmp_path, advance=lambda _what, done: shares.append(done))
    assert (got.path.read_bytes(), got.sha256, got.note) == (CONTENT, SUM, "downloaded")
    record = json.loads((tmp_path / RECORD).read_text())["idn_pop.tif"]
    assert (record["sha256"], record["bytes"]) == (SUM, len(CONTENT))
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert sorted(p.name for p in tmp_path.iterdir()) == [RECORD, "idn_pop.tif"]


def test_a_broken_transfer_goes_on_where_it_broke(site, tmp_path):
    site.breaks_at = [400_000, 200_000]
    got = fetch(site, tmp_path)
    assert (got.sha256, got.note) == (SUM, "resumed")
    ranges = [headers.get("range") for _, headers in site.asked]
    assert ranges[0] is None
    assert all(r and r.startswith("bytes=") for r in ranges[1:])


def test_the_next_run_goes_on_too(site, tmp_path):
    site.breaks_at = [100_000] * 5
    with pytest.raises(SourceDown, match="what came is kept, run it again"):
        fetch(site, tmp_path)
    assert (tmp_path / "idn_pop.tif.part").stat().st_size == 500_000
    got = fetch(site, tmp_path)
    assert (got.sha256, got.note) == (SUM, "resumed")


def test_another_file_under_the_address_is_begun_anew(site, tmp_path):
    site.breaks_at = [100_000] * 5
    with pytest.raises(SourceDown):
        fetch(site, tmp_path)
    site.content, site.etag = CONTENT[::-1], '"two"'
    assert fetch(site, tmp_path).path.read_bytes() == CONTENT[::-1]


def test_an_unchanged_file_is_not_downloaded_again(site, tmp_path):
    fetch(site, tmp_path)
    got = fetch(site, tmp_path)
    assert (got.note, got.sha256) == ("unchanged", SUM)
    assert site.asked[-1][1]["if-none-match"] == '"one"'


def test_a_new_edition_is_told(site, tmp_path):
    fetch(site, tmp_path)
    site.content, site.etag = CONTENT + b"new", '"two"'
    assert fetch(site, tmp_path).note == "changed"


def test_a_file_that_was_tampered_with_is_downloaded_again(site, tmp_path):
    fetch(site, tmp_path).path.write_bytes(b"else")
    assert fetch(site, tmp_path).sha256 == SUM


def test_a_given_checksum_is_verified(site, tmp_path):
    with pytest.raises(LayerError, match=f"sha256 {SUM}, expected {'0' * 64}"):
        fetch(site, tmp_path, sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
    assert fetch(site, tmp_path, sha256=SUM.upper()).sha256 == SUM
    asked = len(site.asked)
    assert fetch(site, tmp_path, sha256=SUM).note == "unchanged"
    assert len(site.asked) == asked


def test_a_download_is_bounded(site, tmp_path):
    site.content = CONTENT * 2
    with pytest.raises(SourceChanged, match="more than 1 MB; expected about 0 MB"):
        fetch(site, tmp_path, listed=source(site, megabytes=0.000001))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [(404, SourceDown, "HTTP 404"), (403, SourceDown, "HTTP 403"), (503, SourceDown, "5 times")],
)
def test_an_error_of_the_server_is_told(site, tmp_path, status, error, words):
    site.status = status
    with pytest.raises(error, match=words):
        fetch(site, tmp_path)


def test_a_web_page_is_no_layer(site, tmp_path):
    site.kind = "text/html; charset=utf-8"
    with pytest.raises(SourceChanged, match="a web page came"):
        fetch(site, tmp_path)


def test_without_a_network_the_way_out_is_told(tmp_path):
    def no_name(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known", request=request)

    with pytest.raises(SourceDown) as caught:
        fetch_source(
            "worldpop-2025", tmp_path, client=httpx.Client(transport=httpx.MockTransport(no_name))
        )
    text = str(caught.value)
    assert "cannot reach data.worldpop.org ([Errno -2] Name or service not known)" in text
    assert "download https://data.worldpop.org/" in text
    assert str(tmp_path / "idn_pop_2025_CN_100m_R2025A_v1.tif") in text


def test_a_closed_port_is_no_network(tmp_path):
    listed = source(Site(base="http://127.0.0.1:9"))
    with pytest.raises(SourceDown, match="cannot reach"):
        fetch_source("people", tmp_path, listed=listed)


def test_pages_become_one_file(site, tmp_path):
    listed = source(site, "/MapServer/0/query", kind="pages")
    got = fetch(site, tmp_path, listed=listed)
    features = json.loads(got.path.read_text())["features"]
    assert [f["properties"]["id"] for f in features] == list(range(1203))
    assert sorted(p.name for p in tmp_path.iterdir()) == [RECORD, "people.geojson"]


def test_pages_that_broke_off_go_on(site, tmp_path):
    listed = source(site, "/MapServer/0/query", kind="pages")
    folder = tmp_path / "people.geojson.part.pages"
    folder.mkdir()
    (folder / "0000000.json").write_text(
        json.dumps([{"properties": {"id": i}} for i in range(PAGE)])
    )
    fetch(site, tmp_path, listed=listed)
    asked = [path for path, _ in site.asked]
    assert not any("resultOffset=0&" in path for path in asked)


def test_an_error_in_an_answer_with_status_200(site, tmp_path):
    site.status = 500
    listed = source(site, "/MapServer/0/query", kind="pages")
    with pytest.raises(SourceDown, match="the service says"):
        fetch(site, tmp_path, listed=listed)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no source 'nothing'; there are"),
        ("merit-hydro", "needs a registration"),
        ("ghsl-pop", "expected e.g. ghsl-pop:R10_C29"),
        ("osm-java:x", "expected e.g. osm-java"),
        ("ghsl-pop:../../etc", "letters, digits"),
    ],
)
def test_a_wrong_name_is_told(tmp_path, name, words):
    with pytest.raises(LayerError, match=words):
        fetch_source(name, tmp_path)


def test_the_list_states_licence_and_credit_of_each():
    listed = sources()
    assert len(listed) >= 12
    assert all(one.licence and one.credit and one.megabytes for one in listed.values())
    unconfirmed = {n for n, one in listed.items() if "unconfirmed" in one.licence}
    assert unconfirmed == {n for n, one in listed.items() if one.terms == "unconfirmed"}


def test_an_own_list_is_validated(tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text('[[source]]\nname = "x"\nurl = "file:///etc/passwd"\n')
    with pytest.raises(SettingsError, match=r"sources\.toml"):
        sources(path)
