"""Properties: whatever bytes come, a reader gives a reading or a SourceError, and nothing else."""

from __future__ import annotations

import json
import string
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.read.felt import parse_felt
from ingest.read.fields import (
    hemisphere,
    instant,
    last_local_instant,
    local_instant,
    number,
    optional_number,
    pair,
    text_of,
    utc_text,
)
from ingest.read.payload import MAX_DEPTH, is_html, one_line, parse_json, parse_xml, xml_comments
from ingest.read.polygons import parse_rings
from ingest.registry import SOURCES
from ingest.source import ReadContext
from ingest.sources.bmkg_nowcast import district_names
from ingest.wire.links import linked_path
from kentongan.errors import DataError, SourceBlocked, SourceChanged, SourceError
from tests.fuzz.corpus import AT, FEEDS, seeds

OWN = {
    f"{seed.source_id}-{seed.name}": seed
    for seed in seeds()
    if seed.form in ("json", "xml", "txt") and not seed.name.startswith("recorded/")
}
FILES = {seed.name: seed.payload for seed in OWN.values()}
ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["-", "1e999", "9" * 400, "7.55 LS", "2026-11-20T07:10:05+00:00", "\x00", "٣"]),
    st.sampled_from([10**400, -(10**400), 1e308]),
    st.lists(st.none() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    # A document is UTF-8, which has no half characters.
    | st.text(st.characters(codec="utf-8"), max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)
names = st.text(alphabet=string.ascii_letters, min_size=1, max_size=8)


def survives(source_id, payload, path="/publik/prakiraan-cuaca?adm4=33.01.01.2001"):
    context = ReadContext(source_id, path, "0" * 64, AT, re_creation=False)
    source = SOURCES[source_id]
    for act in (lambda: source.read(payload, context), lambda: source.links(payload, path)):
        try:
            result = act()
        except SourceError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 1000
            continue
        for line in (*getattr(result, "rejected", ()), *getattr(result, "notes", ())):
            assert "\n" not in line
        for record in getattr(result, "records", ()):
            record.model_dump_json()
            assert record.document_time.tzinfo is not None


@pytest.mark.parametrize("source_id", SOURCES)
@given(payload=st.binary(max_size=300))
def test_any_bytes(source_id, payload):
    survives(source_id, payload)
    survives(source_id, b"\x89PNG\r\n\x1a\n" + payload)


@pytest.mark.parametrize("name", sorted(OWN))
@given(data=st.data())
def test_damaged_documents(name, data):
    payload = bytearray(OWN[name].payload)
    start = data.draw(st.integers(0, len(payload)))
    length = data.draw(st.integers(0, 200))
    payload[start : start + length] = data.draw(st.binary(max_size=40))
    survives(OWN[name].source_id, bytes(payload), OWN[name].path)


def _paths(value, here=()):
    yield here
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(child, (*here, key))


@pytest.mark.parametrize("name", sorted(n for n, seed in OWN.items() if seed.form == "json"))
@given(data=st.data())
def test_json_with_any_value_anywhere(name, data):
    document = json.loads(OWN[name].payload)
    *way, last = data.draw(st.sampled_from([p for p in _paths(document) if p]))
    target = document
    for key in way:
        target = target[key]
    target[last] = data.draw(junk)
    survives(OWN[name].source_id, json.dumps(document).encode(), OWN[name].path)


# --- documents as trees -----------------------------------------------------------------


@given(json_values)
def test_json_is_read_as_it_was_written(value):
    assert parse_json(json.dumps(value).encode(), "x") == value
    assert parse_json(json.dumps(value, ensure_ascii=False, indent=1).encode("utf-8-sig"), "x") == (
        value
    )


@given(st.dictionaries(names, json_values, min_size=1), st.data())
def test_json_cut_anywhere_is_refused(value, data):
    whole = json.dumps(value).encode()
    with pytest.raises(SourceChanged, match="end or break early"):
        parse_json(whole[: data.draw(st.integers(0, len(whole) - 1))], "x")


@given(names, st.integers(), st.integers(), st.integers(0, 5))
def test_json_that_says_two_things_under_one_name_is_refused(name, a, b, depth):
    text = f'{{"{name}": {a}, "{name}": {b}}}'
    payload = ('{"x": [' * depth + text + "]}" * depth).encode()
    if a == b:
        assert parse_json(payload, "p") is not None
    else:
        with pytest.raises(SourceChanged, match="two values"):
            parse_json(payload, "p")


@given(st.integers(1, 200), st.sampled_from([("[", "]"), ('{"a":', "}")]))
def test_json_is_read_to_its_depth_and_no_deeper(depth, brackets):
    payload = (brackets[0] * depth + "1" + brackets[1] * depth).encode()
    if depth < MAX_DEPTH:
        parse_json(payload, "x")
    else:
        with pytest.raises(SourceChanged):
            parse_json(payload, "x")


@given(st.lists(st.tuples(names, st.text(max_size=8)), max_size=5), st.data())
def test_xml_cut_anywhere_is_refused(children, data):
    inner = "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in children)
    whole = f"<root>{inner}</root>".encode("utf-8", "ignore")
    assert [child.tag for child in parse_xml(whole, "x")] == [name for name, _ in children]
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(SourceError):
        parse_xml(whole[:cut], "x")


def _escaped(text):
    kept = "".join(c for c in text if c.isprintable() and c.isascii())
    return kept.replace("&", "&amp;").replace("<", "&lt;")


@given(
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    st.text(alphabet=" \n\t", max_size=5),
    st.sampled_from(["[]", '[<!ENTITY a "b">]', 'SYSTEM "file:///etc/passwd"', 'PUBLIC "a" "b"']),
)
def test_a_document_type_is_refused_in_any_encoding(encoding, space, declared):
    name = encoding.replace("-sig", "")
    text = f'<?xml version="1.0" encoding="{name}"?>{space}<!DOCTYPE r {declared}><r>x</r>'
    with pytest.raises(SourceChanged):
        parse_xml(text.encode(encoding), "x")


@given(
    st.lists(st.text(alphabet="ab c", max_size=6), max_size=4), st.sampled_from(["utf-8", "utf-16"])
)
def test_comments_are_found_in_order(texts, encoding):
    document = "<r>" + "".join(f"<!--{text}-->" for text in texts) + "</r>"
    assert xml_comments(document.encode(encoding)) == tuple(texts)


@given(
    st.sampled_from(["<!DOCTYPE html>", "<html lang='id'>", "<HEAD>", "<title>", "<script>"]),
    st.text(alphabet=" \r\n\t", max_size=20),
    st.lists(st.sampled_from(["<!-- x -->", "<?xml version='1.0'?>"]), max_size=3),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_a_web_page_is_known_whatever_stands_before_it(tag, space, before, encoding):
    assert is_html((space + space.join(before) + space + tag + "x").encode(encoding))


@given(st.binary(max_size=200))
def test_a_web_page_is_never_data(payload):
    page = b"<!doctype html>" + payload
    for read in (parse_json, parse_xml):
        with pytest.raises(SourceBlocked):
            read(page, "x")


@given(st.text(max_size=500), st.integers(1, 200))
def test_one_line_is_one_short_printable_line(text, limit):
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.isprintable()
    assert one_line(line, limit) == line


# --- fields -----------------------------------------------------------------------------


@given(st.floats(-90, 90), st.sampled_from(["", " ", " km", " Km", " MMI"]))
def test_a_number_with_its_unit(value, unit):
    assert number(f"{value:.4f}{unit}", "x", low=-90, high=90) == pytest.approx(value, abs=1e-4)


@given(st.text(max_size=40), st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_no_number_leaves_its_range(text, low, width):
    try:
        found = number(text, "x", low=low, high=low + width)
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert low <= found <= low + width


@given(st.dictionaries(st.just("v"), junk))
def test_an_optional_number_is_none_a_number_within_or_a_clear_error(row):
    try:
        found = optional_number(row, "v", low=-5, high=5)
    except DataError as error:
        assert "\n" not in str(error)
        return
    assert found is None or -5 <= found <= 5
    assert isinstance(text_of(row, "v"), str)


@given(st.integers(0, 9000), st.sampled_from(["LS", "LU", "BT", "BB", "ls", "bt"]))
def test_sides_give_signs(hundredths, side):
    of_latitude = side.upper() in ("LS", "LU")
    text = f"{hundredths / 100:.2f} {side}"
    found = hemisphere(text, "x", of_latitude=of_latitude)
    assert abs(found) == pytest.approx(hundredths / 100)
    assert found == 0 or (found < 0) == (side.upper() in ("LS", "BB"))
    with pytest.raises(DataError, match="expected degrees with"):
        hemisphere(text, "x", of_latitude=not of_latitude)


@given(st.floats(-180, 180), st.floats(-180, 180))
def test_a_pair_keeps_its_order(a, b):
    assert pair(f"{a:.3f},{b:.3f}", "x") == pytest.approx((a, b), abs=1e-3)


times = st.datetimes(datetime(1991, 1, 1), datetime(2099, 12, 30)).map(
    lambda value: value.replace(microsecond=0)
)


@given(times, st.integers(-12, 14))
def test_an_instant_keeps_its_zone(value, hours):
    zone = timezone(timedelta(hours=hours))
    assert instant(value.replace(tzinfo=zone).isoformat(), "x") == value.replace(tzinfo=zone)
    with pytest.raises(DataError):
        instant(value.isoformat(), "x")
    assert utc_text(value.isoformat(), "x") == value.replace(tzinfo=UTC)


@given(st.text(max_size=60))
def test_small_parsers(text):
    found, unread = parse_felt(text)
    assert all(1 <= felt.mmi_low <= felt.mmi_high <= 12 for felt in found)
    assert all(one_line(felt.place, 80) == felt.place != "" for felt in found)
    assert all(one_line(line) == line for line in unread)
    district_names(f"khususnya di {text}")
    for act in (
        lambda: instant(text, "x"),
        lambda: utc_text(text, "x"),
        lambda: pair(text, "x"),
        lambda: hemisphere(text, "x", of_latitude=True),
        lambda: local_instant(text, text, "x"),
        lambda: last_local_instant(text, "x"),
        lambda: parse_rings([text]),
    ):
        try:
            act()
        except DataError as error:
            assert "\n" not in str(error)


places = st.sampled_from(["Waingapu", "Kab. Manggarai", "BTS. ULU", "Ma'u", "Kota-Bau-Bau"])


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 3), places), min_size=1, max_size=8),
    st.sampled_from(["-", " - ", "- ", " -", "–"]),
    st.sampled_from([", ", ",", "; ", " ,  "]),
    st.sampled_from([" ", " MMI ", "  "]),
)
def test_felt_lists_in_all_their_forms(entries, dash, between, unit):
    spans = [(low, min(12, low + more), place) for low, more, place in entries]
    written = [
        f"{ROMAN[low - 1]}{dash + ROMAN[high - 1] if high > low else ''}{unit}{place}"
        for low, high, place in spans
    ]
    found, unread = parse_felt(between.join(written))
    assert [(f.mmi_low, f.mmi_high, f.place) for f in found] == spans
    assert unread == ()


@given(st.text(alphabet="htps:/.@?#%[]bmkgoidalertsnwc\n\\ ", max_size=60))
def test_links(text):
    try:
        path = linked_path(text, "/alerts/nowcast/id")
    except SourceError:
        return
    assert path.startswith("/alerts/nowcast/")


@given(
    st.sampled_from(["bmkg.go.id", "www.bmkg.go.id", "bmkg.go.id.evil.example", "evilbmkg.go.id"]),
    st.sampled_from(["", "user@", "bmkg.go.id@"]),
    st.sampled_from(["", ":80", ":443", ":8080", ":x"]),
    st.sampled_from(["/alerts/nowcast/x.xml", "/alerts/x.xml", "/alerts/nowcast/../x.xml"]),
)
def test_a_link_is_followed_to_bmkg_alone_and_into_its_own_folder(host, user, port, path):
    url = f"https://{user}{host}{port}{path}"
    own = host in ("bmkg.go.id", "www.bmkg.go.id") and not user and port in ("", ":80", ":443")
    if own and path == "/alerts/nowcast/x.xml":
        assert linked_path(url, "/alerts/nowcast/id") == path
    else:
        with pytest.raises(SourceChanged):
            linked_path(url, "/alerts/nowcast/id")


@given(
    st.integers(1, 28), st.integers(1, 12), st.integers(2000, 2099), st.sampled_from(["WIB", "WIT"])
)
def test_local_times_in_all_their_forms(day, month, year, zone):
    months = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]
    assume(day and month)
    forms = [
        f"{day:02}-{month:02}-{year % 100:02}",
        f"{day:02}/{month:02}/{year}",
        f"{day} {months[month - 1]} {year}",
    ]
    found = {local_instant(form, f"04:58:24 {zone}", "x") for form in forms}
    assert found == {instant(f"{year}-{month:02}-{day:02}T04:58:24{zone}", "x")}
    assert local_instant(f"{forms[1]} 04:58:24{zone}", f"{forms[1]} 04:58:24{zone}", "x") in found


# --- time and room ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "khususnya di A" + " " * 200_000 + "B",
        "khususnya di " + ". " * 100_000,
        "I" + " " * 200_000 + "x\ny",
        "PD" + " " * 200_000,
        "1 " * 100_000 + "WIB",
        "12:34 " + " " * 200_000,
        "<" * 200_000,
    ],
)
def test_no_text_takes_long(text):
    started = time.process_time()
    district_names(text)
    parse_felt(text)
    for field in ("subject", "felt", "timesent", "date", "headline", "latitude", "magnitude"):
        document = json.loads((FEEDS / "datagempa-tes.json").read_bytes())
        document["info"][field] = text
        survives("bmkg-inatews", json.dumps(document).encode())
    cap = (FEEDS / "nowcast-cap.xml").read_text(encoding="utf-8")
    survives("bmkg-nowcast", cap.replace("Hujan lebat", text.replace("<", "&lt;")).encode())
    assert time.process_time() - started < 5


MANY = 3_000_000


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        pytest.param(b"[" + b"[]," * MANY + b"[]]", parse_json, id="empty-lists"),
        pytest.param(b"[" + b'{"a":1},' * MANY + b"1]", parse_json, id="objects"),
        pytest.param(b"[" + b"1," * MANY + b"1]", parse_json, id="numbers"),
        pytest.param(b"<r>" + b"<a/>" * MANY + b"</r>", parse_xml, id="tags"),
        pytest.param(b"<r>" + b"<a>1</a>" * MANY + b"</r>", parse_xml, id="elements"),
        pytest.param(b"<r " + b'a="1" ' * MANY + b"/>", parse_xml, id="attributes"),
        pytest.param(b"<a>" * MANY, parse_xml, id="depth"),
    ],
)
def test_a_document_of_millions_of_parts_is_refused_at_once(payload, read):
    started = time.process_time()
    with pytest.raises(SourceChanged):
        read(payload, "x")
    assert time.process_time() - started < 2
