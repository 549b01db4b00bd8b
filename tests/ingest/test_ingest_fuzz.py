"""Whatever bytes come, a reader gives a reading or a SourceError, and nothing else."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.felt import parse_felt
from ingest.fields import instant, last_local_instant, local_instant
from ingest.links import linked_path
from ingest.polygons import parse_rings
from ingest.registry import SOURCES
from ingest.source import ReadContext
from ingest.sources.bmkg_nowcast import district_names
from kentongan.errors import DataError, SourceError

FEEDS = Path(__file__).parents[1] / "fixtures" / "feeds"
FILES = {
    path.name: path.read_bytes() for path in FEEDS.iterdir() if path.suffix in (".json", ".xml")
}
AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
SMALL = [s for s in SOURCES if s != "himawari-rp"]
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["-", "1e999", "9" * 400, "7.55 LS", "2026-11-20T07:10:05+00:00", "\x00", "٣"]),
    st.lists(st.none() | st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


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


@pytest.mark.parametrize("name", sorted(FILES))
@given(data=st.data())
def test_damaged_documents(name, data):
    payload = bytearray(FILES[name])
    start = data.draw(st.integers(0, len(payload)))
    length = data.draw(st.integers(0, 200))
    payload[start : start + length] = data.draw(st.binary(max_size=40))
    for source_id in SMALL:
        survives(source_id, bytes(payload))


def _paths(value, here=()):
    yield here
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(child, (*here, key))


@pytest.mark.parametrize("name", sorted(n for n in FILES if n.endswith(".json")))
@given(data=st.data())
def test_json_with_any_value_anywhere(name, data):
    document = json.loads(FILES[name])
    *way, last = data.draw(st.sampled_from([p for p in _paths(document) if p]))
    target = document
    for key in way:
        target = target[key]
    target[last] = data.draw(junk)
    for source_id in SMALL:
        survives(source_id, json.dumps(document).encode())


@given(st.text(max_size=60))
def test_small_parsers(text):
    parse_felt(text)
    district_names(f"khususnya di {text}")
    for act in (
        lambda: instant(text, "x"),
        lambda: local_instant(text, text, "x"),
        lambda: last_local_instant(text, "x"),
        lambda: parse_rings([text]),
    ):
        try:
            act()
        except DataError as error:
            assert "\n" not in str(error)


@given(st.text(alphabet="htps:/.@?#%[]bmkgoidalertsnwc\n\\ ", max_size=60))
def test_links(text):
    try:
        path = linked_path(text, "/alerts/nowcast/id")
    except SourceError:
        return
    assert path.startswith("/alerts/nowcast/")


@given(
    st.integers(1, 28), st.integers(1, 12), st.integers(2000, 2099), st.sampled_from(["WIB", "WIT"])
)
def test_local_times_in_all_their_forms(day, month, year, zone):
    names = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]
    forms = [
        f"{day:02}-{month:02}-{year % 100:02}",
        f"{day:02}/{month:02}/{year}",
        f"{day} {names[month - 1]} {year}",
    ]
    found = {local_instant(form, f"04:58:24 {zone}", "x") for form in forms}
    assert found == {instant(f"{year}-{month:02}-{day:02}T04:58:24{zone}", "x")}
    assert local_instant(f"{forms[1]} 04:58:24{zone}", f"{forms[1]} 04:58:24{zone}", "x") in found


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
def test_no_text_takes_long(text, feeds):
    started = time.monotonic()
    district_names(text)
    parse_felt(text)
    for field in ("subject", "felt", "timesent", "date", "headline", "latitude", "magnitude"):
        document = json.loads(FILES["datagempa-tes.json"])
        document["info"][field] = text
        survives("bmkg-inatews", json.dumps(document).encode())
    cap = FILES["nowcast-cap.xml"].decode().replace("Hujan lebat", text.replace("<", "&lt;"))
    survives("bmkg-nowcast", cap.encode())
    assert time.monotonic() - started < 5
