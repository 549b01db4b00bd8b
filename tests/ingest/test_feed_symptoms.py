"""What BMKG's feeds have been seen to do wrong, one test each, through `poll` and a real server.

`symptoms.csv` lists every symptom and quirk that is known with the test that holds it.
"""

from __future__ import annotations

import ast
import csv
import datetime as dt
import gzip
import ipaddress
import json
import re
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from ingest.health import feed_health
from ingest.known import known, unknown_areas
from ingest.play.feedserver import NO_ANSWER, FeedServer, Payload
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.db import feed_log
from kentongan.types import FeedState, Outcome

HERE = Path(__file__).parent
VILLAGE = "33.01.01.2001"
RSS = "/alerts/nowcast/id"
CAP = f"{RSS}/CJT20261120001_alert.xml"
LATEST = "/DataMKG/TEWS/autogempa.json"
LIST = "/DataMKG/TEWS/gempaterkini.json"
BULLETIN = "/datagempa.json"
FORECAST = f"/publik/prakiraan-cuaca?adm4={VILLAGE}"
OPEN = [s for s in SOURCES if not SOURCES[s].info.needs]
"""Sources that are asked over HTTP without a key or a folder."""
BLOCK_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>Laman Diblokir</title></head>"
    "<body>Permintaan Anda terindikasi sebagai serangan. Admin #12</body></html>"
)


@pytest.fixture
def answers():
    """A server whose answers are set, and changed, by path; `None` answers every other path."""
    servers = []

    def make(first=None):
        table = dict(first or {})
        server = FeedServer(lambda path: table.get(path, table.get(None)))
        server.start()
        servers.append(server)
        return table, server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def file(feeds):
    return lambda name: Payload((feeds / name).read_bytes())


def text(feeds, name):
    return (feeds / name).read_text(encoding="utf-8")


def payload(text):
    return Payload(text.encode() if isinstance(text, str) else text)


def ask(source_id, context, at):
    return poll(source_id, at=at, context=context, wanted=[VILLAGE])


def health(context, source_id, at):
    return next(h for h in feed_health(context.engine, at) if h.source_id == source_id)


def one(found):
    (record,) = found
    return record


# --- answers that are no data -----------------------------------------------------------


@pytest.mark.parametrize(("status", "encoding"), [(200, "utf-16"), (403, "utf-8")])
@pytest.mark.parametrize("source_id", OPEN)
def test_a_block_page_is_blocked_and_never_no_warnings(
    answers, make_context, now, source_id, status, encoding
):
    _, server = answers({None: Payload(BLOCK_PAGE.encode(encoding), status=status)})
    context = make_context(server.url)
    report = ask(source_id, context, now)
    assert (report.outcome, report.state) == (Outcome.BLOCKED, FeedState.BLOCKED)
    assert (report.received, report.new_records) == (0, 0)
    assert "block" in report.entries[0].detail.lower()
    assert all("\n" not in e.detail for e in report.entries)
    assert health(context, source_id, now).blind_since == now


def test_a_403_is_blocked_and_no_header_is_forged(make_context, now):
    import socket

    heads = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                heads.append(connection.recv(65536).decode())
                connection.sendall(
                    b"HTTP/1.1 403 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                )

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    report = ask("bmkg-nowcast", make_context(url, http_contact="ops@example.org"), now)
    assert report.outcome is Outcome.BLOCKED
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)
    head = heads[0].lower()
    assert "user-agent: kentongan/" in head
    assert "ops@example.org" in head
    assert not re.search(r"referer|mozilla|x-forwarded|cookie|origin:", head)


@pytest.mark.parametrize("status", [429, 503, 523])
def test_503_for_hours_keeps_what_was_known_and_says_since_when(
    answers, file, make_context, now, status
):
    table, server = answers({RSS: file("nowcast-rss.xml"), CAP: file("nowcast-cap.xml")})
    context = make_context(server.url)
    ask("bmkg-nowcast", context, now)
    before = known(context.engine, now, kinds=["nowcast"])
    table.clear()
    table[None] = Payload(b"down for maintenance", status=status)
    for hours in (1, 2, 3):
        report = ask("bmkg-nowcast", context, now + timedelta(hours=hours))
    at = now + timedelta(hours=3)
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)
    assert str(status) in report.detail
    assert known(context.engine, at, kinds=["nowcast"]) == before
    assert health(context, "bmkg-nowcast", at).blind_since == now + timedelta(hours=1)


def test_silence_and_cut_connections_are_down_in_one_line(answers, make_context, now):
    _, server = answers({None: Payload(status=NO_ANSWER)})
    context = make_context(server.url)
    for source_id in OPEN:
        report = ask(source_id, context, now)
        assert report.outcome is Outcome.DOWN, source_id
        assert all("\n" not in e.detail for e in report.entries)


def test_a_host_name_that_does_not_exist_is_down(make_context, now):
    context = make_context("http://feeds.invalid", http_timeout_s=2.0)
    report = ask("bmkg-nowcast", context, now)
    assert (report.outcome, report.state) == (Outcome.DOWN, FeedState.DOWN)


def test_a_time_out_ends_the_poll_in_time(make_context, now, raw_server):
    stop = threading.Event()
    url = raw_server(lambda connection: stop.wait(5))
    report = ask("bmkg-nowcast", make_context(url, http_timeout_s=0.4), now)
    stop.set()
    assert report.outcome is Outcome.DOWN


@pytest.mark.parametrize("to", ["https://evil.example/x", "/elsewhere", "http://127.0.0.1:9/x"])
def test_a_redirect_is_not_followed(make_context, now, raw_server, to):
    answer = f"HTTP/1.1 301 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()
    report = ask("bmkg-nowcast", make_context(raw_server(lambda c: c.sendall(answer))), now)
    assert report.outcome is Outcome.MALFORMED
    assert "redirect" in report.entries[0].detail


def test_a_certificate_that_nobody_vouches_for_is_down(make_context, now, tmp_path):
    url, stop = _tls_server(tmp_path)
    report = ask("bmkg-nowcast", make_context(url), now)
    stop()
    assert report.outcome is Outcome.DOWN
    assert "certificate" in report.entries[0].detail.lower()


def _tls_server(folder):
    import socket

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(10)
            except OSError:
                if listener.fileno() < 0:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    def stop():
        port = listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
        return port

    return f"https://127.0.0.1:{listener.getsockname()[1]}", stop


def _certificate(folder):
    """A self-signed certificate for 127.0.0.1, and its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    day = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(day - timedelta(days=1))
        .not_valid_after(day + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    file = folder / "server.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(certificate.public_bytes(form) + private)
    return file


def test_a_gzip_bomb_is_malformed_and_leaves_no_trace(make_context, now, raw_server):
    bomb = gzip.compress(bytes(30_000_000), 9)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    context = make_context(raw_server(lambda c: c.sendall(head.encode() + bomb)))
    context = type(context)(
        context.settings.model_copy(update={"http_max_bytes": 1_000_000}),
        context.engine,
        context.archive,
    )
    report = ask("bmkg-nowcast", context, now)
    assert report.outcome is Outcome.MALFORMED
    assert context.archive.paths() == []


def test_a_feed_server_that_is_down_stops_no_other_feed(answers, file, make_context, now):
    _, server = answers({RSS: Payload(status=503), LIST: file("gempaterkini.json")})
    context = make_context(server.url)
    assert ask("bmkg-nowcast", context, now).outcome is Outcome.DOWN
    assert ask("bmkg-quakes", context, now).outcome is Outcome.NEW


# --- content that stands still, or came damaged -----------------------------------------


def test_a_frozen_rss_answers_and_is_not_believed(answers, file, make_context, now):
    _, server = answers({RSS: file("nowcast-rss.xml"), CAP: file("nowcast-cap.xml")})
    context = make_context(server.url)
    assert ask("bmkg-nowcast", context, now).state is FeedState.FRESH
    at = now + timedelta(hours=12)
    for hours in (4, 8, 12):
        report = ask("bmkg-nowcast", context, now + timedelta(hours=hours))
    assert (report.outcome, report.state) == (Outcome.UNCHANGED, FeedState.FROZEN)
    assert "stands still since 2026-11-20T07:20:00Z" in health(context, "bmkg-nowcast", at).detail
    with context.engine.connect() as connection:
        assert {row.http_status for row in connection.execute(select(feed_log))} <= {200, 304, 404}


def test_a_forecast_of_an_old_run_is_frozen_though_it_is_served(answers, file, make_context, now):
    _, server = answers({FORECAST: file("forecast.json")})
    context = make_context(server.url)
    assert ask("bmkg-forecast", context, now).state is FeedState.FRESH
    at = now + timedelta(days=3)
    assert ask("bmkg-forecast", context, at).state is FeedState.FROZEN


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda body: body[: len(body) // 2], id="cut"),
        pytest.param(lambda body: body[:-1] if body[-1:] in b"}>" else body[:-8], id="end-missing"),
        pytest.param(lambda body: b"", id="nothing"),
        pytest.param(lambda body: body.replace(b"<channel>", b"", 1), id="tag-missing"),
        pytest.param(lambda body: body.decode().encode("utf-16")[:-1], id="half-utf-16"),
        pytest.param(lambda body: bytes(len(body)), id="zeros"),
    ],
)
def test_a_damaged_list_is_malformed_and_never_empty(feeds, answers, make_context, now, damage):
    body = damage((feeds / "nowcast-rss.xml").read_bytes())
    _, server = answers({RSS: Payload(body)})
    context = make_context(server.url)
    report = ask("bmkg-nowcast", context, now)
    assert report.outcome is Outcome.MALFORMED
    assert health(context, "bmkg-nowcast", now).state is FeedState.MALFORMED


def test_html_in_place_of_xml_and_inside_it(feeds, answers, make_context, now):
    rss = text(feeds, "nowcast-rss.xml")
    wrapped = f'<?xml version="1.0"?><!-- x -->{BLOCK_PAGE}'
    inside = rss.replace("<channel>", f"<channel>{BLOCK_PAGE[BLOCK_PAGE.index('<html') :]}")
    table, server = answers({RSS: payload(wrapped)})
    context = make_context(server.url)
    assert ask("bmkg-nowcast", context, now).outcome is Outcome.BLOCKED
    table[RSS] = payload(inside)
    report = ask("bmkg-nowcast", context, now + timedelta(minutes=1))
    assert report.received == 2, "a page inside the list hides no item"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE rss [<!ENTITY a "b">]>',
        '<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>',
    ],
)
def test_a_document_type_is_refused(feeds, answers, make_context, now, declared, encoding):
    body = text(feeds, "nowcast-rss.xml").strip().partition("?>")[2]
    document = f'<?xml version="1.0" encoding="{encoding}"?>{declared}{body.strip()}'
    _, server = answers({RSS: Payload(document.encode(encoding))})
    report = ask("bmkg-nowcast", make_context(server.url), now)
    assert report.outcome is Outcome.MALFORMED
    assert report.received == 0


def test_a_field_unknown_to_us_is_no_fault(feeds, answers, make_context, now):
    cap = text(feeds, "nowcast-cap.xml")
    drifted = cap.replace("<urgency>", "<newField>x</newField><urgency>").replace(
        "<effective>",
        "<eventCode><valueName>OET:v1.2</valueName><value>OET-194</value></eventCode><effective>",
    )
    quakes = json.loads(text(feeds, "gempaterkini.json"))
    quakes["Infogempa"]["gempa"][0]["Baru"] = {"a": 1}
    _, server = answers(
        {
            RSS: payload(text(feeds, "nowcast-rss.xml")),
            CAP: payload(drifted),
            LIST: payload(json.dumps(quakes)),
        }
    )
    context = make_context(server.url)
    ask("bmkg-nowcast", context, now)
    assert len(known(context.engine, now, kinds=["nowcast"])) == 1
    report = ask("bmkg-quakes", context, now)
    assert (report.received, report.quarantined) == (2, 0)


# --- places and times -------------------------------------------------------------------


def test_coordinates_in_the_other_order_are_never_taken(feeds, answers, make_context, now):
    """lat,lon in TEWS and CAP; lon,lat in InaTEWS."""
    bulletin = text(feeds, "datagempa.json")
    cap = re.sub(r"(-\d\.\d{3}),(\d{3}\.\d{3})", r"\2,\1", text(feeds, "nowcast-cap.xml"))
    _, server = answers(
        {
            LIST: payload(text(feeds, "gempaterkini.json").replace("-7.55,108.90", "108.90,-7.55")),
            BULLETIN: payload(bulletin.replace("108.90,-7.55", "-7.55,108.90")),
            RSS: payload(text(feeds, "nowcast-rss.xml")),
            CAP: payload(cap),
        }
    )
    context = make_context(server.url)
    for source_id in ("bmkg-quakes", "bmkg-inatews", "bmkg-nowcast"):
        report = ask(source_id, context, now)
        assert report.quarantined, source_id
    for quake in known(context.engine, now, kinds=["quake"], include_history=True):
        assert abs(quake.latitude) < 15, quake.key
    assert one(known(context.engine, now, kinds=["nowcast"])).polygons == ()
    assert "CJT20261120001" in {area.code for area in unknown_areas(context.engine, now)}


def test_wib_is_meant_wherever_the_quake_is(feeds, answers, make_context, now):
    """A quake off Papua is dated in WIB, two hours behind its own clock."""
    row = {
        "Tanggal": "20 Nov 2026",
        "Jam": "14:10:05 WIB",
        "Coordinates": "-2.50,140.70",
        "Lintang": "2.50 LS",
        "Bujur": "140.70 BT",
        "Magnitude": "5.0",
        "Kedalaman": "10 km",
        "Wilayah": "20 km TimurLaut JAYAPURA-PAPUA",
    }
    body = json.dumps({"Infogempa": {"gempa": [row]}})
    _, server = answers({LIST: payload(body)})
    context = make_context(server.url)
    ask("bmkg-quakes", context, now)
    quake = one(known(context.engine, now, kinds=["quake"]))
    assert quake.origin_time == dt.datetime(2026, 11, 20, 7, 10, 5, tzinfo=dt.UTC)


def test_forecast_times_without_zone_are_utc(answers, file, make_context, now):
    _, server = answers({FORECAST: file("forecast.json")})
    context = make_context(server.url)
    ask("bmkg-forecast", context, now)
    forecast = one(known(context.engine, now, kinds=["forecast"]))
    assert forecast.analysis_time == dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


def test_nowcast_times_carry_the_offset_of_the_place(answers, file, make_context, now):
    _, server = answers({RSS: file("nowcast-rss.xml")})
    context = make_context(server.url)
    ask("bmkg-nowcast", context, now)
    items = {i.code: i for i in known(context.engine, now, kinds=["nowcast_item"])}
    day = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    assert items["CJT20261120001"].published == day + timedelta(hours=7, minutes=10)
    assert items["CML20261120001"].published == day + timedelta(hours=6, minutes=55)
    assert items["CML20261120001"].until == day + timedelta(hours=9)


@pytest.mark.parametrize("sent", ["2026-11-20T14:10:00", "kemarin", ""])
def test_a_cap_without_a_zone_is_refused_and_its_area_not_known(
    feeds, answers, make_context, now, sent
):
    cap = text(feeds, "nowcast-cap.xml").replace("2026-11-20T14:10:00+07:00", sent)
    _, server = answers({RSS: payload(text(feeds, "nowcast-rss.xml")), CAP: payload(cap)})
    context = make_context(server.url)
    report = ask("bmkg-nowcast", context, now)
    assert any(e.outcome is Outcome.MALFORMED and e.province_code == "33" for e in report.entries)
    assert known(context.engine, now, kinds=["nowcast"]) == []


def test_an_access_date_in_place_of_the_event_date_is_never_the_origin(
    feeds, answers, make_context, now
):
    """In 2021 DateTime held the time of access for a day."""
    document = json.loads(text(feeds, "gempaterkini.json"))
    for row in document["Infogempa"]["gempa"]:
        row["DateTime"] = "2026-11-20T07:24:30+00:00"
    _, server = answers({LIST: payload(json.dumps(document))})
    context = make_context(server.url)
    report = ask("bmkg-quakes", context, now)
    stamped = dt.datetime(2026, 11, 20, 7, 24, 30, tzinfo=dt.UTC)
    found = known(context.engine, now, kinds=["quake"], include_history=True)
    assert all(quake.origin_time != stamped for quake in found)
    assert report.entries, "it is said, whether corrected or left out"


# --- what looks false and is true, what looks true and is not ---------------------------


def test_status_tes_never_counts_as_actual(answers, file, make_context):
    at = dt.datetime(2026, 11, 19, 2, 10, tzinfo=dt.UTC)
    _, server = answers({BULLETIN: file("datagempa-tes.json")})
    context = make_context(server.url)
    ask("bmkg-inatews", context, at)
    assert one(known(context.engine, at, kinds=["bulletin"])).status == "Test"


def test_pd_4_is_the_only_all_clear(answers, file, make_context):
    at = dt.datetime(2026, 11, 1, 23, 40, tzinfo=dt.UTC)
    _, server = answers({"/last30tsunamievent.xml": file("last30tsunamievent.xml")})
    context = make_context(server.url)
    ask("bmkg-inatews", context, at)
    found = known(context.engine, at, kinds=["bulletin"], include_history=True)
    assert {b.label for b in found if b.all_clear} == {"PD-4"}
    assert {b.label for b in found if not b.all_clear} >= {"PD-1", "PD-3.1"}


def test_a_duplicate_and_a_revised_magnitude_are_kept_apart_from_the_same_again(
    feeds, answers, make_context, now
):
    """On 2021-12-14 one event stood four times in the list, once with another magnitude."""
    document = json.loads(text(feeds, "gempaterkini.json"))
    first = document["Infogempa"]["gempa"][0]
    revised = {**first, "Magnitude": "5.6", "DateTime": "2026-11-20T07:10:04+00:00"}
    revised["Jam"] = "14:10:04 WIB"
    document["Infogempa"]["gempa"] = [first, first, revised, first]
    _, server = answers({LIST: payload(json.dumps(document))})
    context = make_context(server.url)
    report = ask("bmkg-quakes", context, now)
    assert (report.received, report.new_records) == (4, 2)
    found = known(context.engine, now, kinds=["quake"])
    assert sorted(q.magnitude for q in found) == [5.1, 5.6]


def test_another_depth_alone_is_another_solution(feeds, answers, make_context, now):
    table, server = answers({LIST: payload(text(feeds, "gempaterkini.json"))})
    context = make_context(server.url)
    ask("bmkg-quakes", context, now)
    table[LIST] = payload(text(feeds, "gempaterkini.json").replace('"12 km"', '"120 km"'))
    later = now + timedelta(minutes=3)
    assert ask("bmkg-quakes", context, later).new_records == 1
    found = known(context.engine, later, kinds=["quake"])
    assert {quake.depth_km for quake in found} == {12, 120}


def test_a_guid_rendered_anew_is_the_same_warning(feeds, answers, make_context, now):
    table, server = answers({RSS: payload(text(feeds, "nowcast-rss.xml"))})
    table[CAP] = payload(text(feeds, "nowcast-cap.xml"))
    context = make_context(server.url)
    ask("bmkg-nowcast", context, now)
    later = now + timedelta(hours=1)
    for path, name in ((RSS, "nowcast-rss.xml"), (CAP, "nowcast-cap.xml")):
        table[path] = payload(
            text(feeds, name)
            .replace(".2026.11.20.07.", ".2026.11.20.08.")
            .replace("07:20:00 +0000", "08:20:00 +0000")
        )
    report = ask("bmkg-nowcast", context, later)
    assert report.new_records == 0
    assert len(known(context.engine, later, kinds=["nowcast"])) == 1


def test_an_expired_warning_that_is_still_listed_does_not_run(feeds, answers, make_context, now):
    """The list has no expiry: the CAP behind it has."""
    table, server = answers({RSS: payload(text(feeds, "nowcast-rss.xml"))})
    table[CAP] = payload(text(feeds, "nowcast-cap.xml"))
    context = make_context(server.url)
    at = now + timedelta(days=3)
    built = "Mon, 23 Nov 2026 07:20:00 +0000"
    table[RSS] = payload(
        text(feeds, "nowcast-rss.xml").replace("Fri, 20 Nov 2026 07:20:00 +0000", built)
    )
    report = ask("bmkg-nowcast", context, at)
    assert report.state is FeedState.FRESH
    assert all(cap.expires < at for cap in known(context.engine, at, kinds=["nowcast"]))
    assert unknown_areas(context.engine, at) == []


def test_white_space_before_the_declaration_is_harmless(feeds, answers, make_context, now):
    rss = "\n   " + text(feeds, "nowcast-rss.xml").lstrip()
    _, server = answers({RSS: payload(rss)})
    assert ask("bmkg-nowcast", make_context(server.url), now).received == 2


# --- the table --------------------------------------------------------------------------


def table_rows():
    with (HERE / "symptoms.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _tests_in(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_known_symptom_has_its_test():
    rows = table_rows()
    names = {file.stem: _tests_in(file) for file in (HERE.parent).glob("*/test_*.py")}
    missing = [
        f"{row['symptom']}: {row['test']}"
        for row in rows
        if row["test"].partition("::")[2] not in names.get(row["test"].partition("::")[0], set())
    ]
    assert not missing, "\n".join(missing)
    assert len({row["symptom"] for row in rows}) == len(rows)


def test_every_test_here_stands_in_the_table():
    named = {row["test"] for row in table_rows()}
    own = {f"{Path(__file__).stem}::{name}" for name in _tests_in(Path(__file__))}
    tests = {name for name in own if name.partition("::")[2].startswith("test_")}
    own_checks = {name for name in tests if "known_symptom" in name or "in_the_table" in name}
    assert tests - own_checks <= named
