"""Rules of CAP: each one broken by hand, then hostile documents, then whole threads."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notify.cap.rules import MAX_BYTES, RULES, check, check_thread, errors_of
from notify.cap.rules.check import MAX_FINDINGS, check_own

RING = "0.5,122 0.6,122 0.6,122.1 0.5,122"
AREA = f"<area><areaDesc>Kab. Boalemo</areaDesc><polygon>{RING}</polygon></area>"
_INFO = """<info><language>{language}</language><category>Met</category><event>{event}</event>\
<responseType>Avoid</responseType><urgency>Immediate</urgency><severity>Severe</severity>\
<certainty>Likely</certainty>\
<eventCode><valueName>OET:v1.2</valueName><value>OET-194</value></eventCode>\
<onset>2026-09-24T15:30:00+08:00</onset><expires>2026-09-24T17:27:00+08:00</expires>\
<senderName>Pos {language}</senderName><headline>Awas {event}</headline>\
<description>Hujan {event}.</description><instruction>Menjauh {event}.</instruction>\
<web>https://example.invalid/w</web><contact>112</contact>
{area}
</info>"""
ID = _INFO.format(language="id-ID", event="petir", area=AREA)
EN = _INFO.format(language="en-US", event="storm", area=AREA)


def alert(
    *infos: str,
    name: str = "a-1",
    sent: str = "2026-09-24T15:10:00+08:00",
    kind: str = "Alert",
    status: str = "Actual",
    refers: str = "",
) -> str:
    references = f"<references>{refers}</references>" if refers else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
<identifier>{name}</identifier>
<sender>pos@example.invalid</sender>
<sent>{sent}</sent>
<status>{status}</status>
<msgType>{kind}</msgType>
<scope>Public</scope>
{references}
{"".join(infos or (ID, EN))}
</alert>
"""


def rules_of(text: str, **more: datetime) -> set[str]:
    return {finding.rule for finding in check(text.encode(), **more)}


GOOD = alert()
FAR = "<polygon>-8,110 -8,110.1 -8.1,110 -8,110</polygon>"
LONG_RING = " ".join(f"{0.5 + i / 1000},{122 + (i % 2) / 100}" for i in range(120))


def test_a_good_alert_has_no_finding():
    assert check(GOOD.encode()) == []


BROKEN = {
    "XML": [("</alert>", "</alrt>"), ("<scope>", "<scope>&unknown;")],
    "DTD": [("<alert", "<!DOCTYPE a [<!ENTITY x 'y'>]>\n<alert")],
    "ROOT": [("cap:1.2", "cap:1.1")],
    "XSD": [
        ("<scope>Public</scope>", ""),
        ("+08:00</sent>", "Z</sent>"),
        ("<category>Met", "<category>Weather"),
        ("<note", "<note"),
    ],
    "ID": [("<identifier>a-1", "<identifier>a, 1"), ("<sender>pos@", "<sender>pos &amp; ")],
    "TIME": [
        ("+08:00</onset>", "WITA</onset>"),
        ("T17:27:00+08:00</expires>", "T27:27:00+08:00</expires>"),
        ("15:10:00+08:00</sent>", "15:10:00.5+08:00</sent>"),
    ],
    "TIME-ZONE": [("15:10:00+08:00</sent>", "10:10:00+03:00</sent>")],
    "TIME-ORDER": [("T17:27:00+08:00</expires>", "T14:27:00+08:00</expires>")],
    "TIME-ONSET": [("15:30:00+08:00</onset>", "18:30:00+08:00</onset>")],
    "REFERENCES": [("<msgType>Alert", "<msgType>Update"), ("<msgType>Alert", "<msgType>Ack")],
    "REFERENCES-FORM": [("</scope>", "</scope><references>only-an-id</references>")],
    "REFERENCES-SELF": [
        (
            "</scope>",
            "</scope><references>pos@example.invalid,a-1,2026-09-24T15:00:00+08:00</references>",
        )
    ],
    "REFERENCES-LATER": [
        ("</scope>", "</scope><references>s,b,2026-09-24T15:11:00+08:00</references>")
    ],
    "REFERENCES-TWICE": [
        (
            "</scope>",
            "</scope><references>s,b,2026-09-24T15:00:00+08:00 s,b,2026-09-24T15:00:00+08:00"
            "</references>",
        )
    ],
    "REFERENCES-ALERT": [
        ("</scope>", "</scope><references>s,b,2026-09-24T15:00:00+08:00</references>")
    ],
    "SCOPE": [
        ("<scope>Public", "<scope>Private"),
        ("<scope>Public", "<scope>Restricted"),
        ("</scope>", "</scope><restriction>staf</restriction>"),
        ("</scope>", "</scope><addresses>a b</addresses>"),
    ],
    "INFO": [(ID + EN, "")],
    "NOTE": [("<status>Actual", "<status>Exercise")],
    "DRAFT": [("<status>Actual", "<status>Draft")],
    "EXERCISE-WORDS": [("<status>Actual", "<status>Exercise"), ("<status>Actual", "<status>Test")],
    "ACTUAL-WORDS": [("<headline>Awas", "<headline>LATIHAN. Awas")],
    "REQUIRED": [("<web>https://example.invalid/w</web>", ""), (AREA, "")],
    "SAME-CATEGORY": [("<category>Met", "<category>Geo")],
    "SAME-EVENT-CODE": [("OET-194", "OET-195")],
    "SAME-EVENT": [("<language>en-US", "<language>id-ID")],
    "SAME-FACTS": [("<severity>Severe", "<severity>Minor"), (RING, RING.replace("122.1", "122.2"))],
    "LANGUAGES": [("<language>id-ID", "<language>en-GB")],
    "ADVISED": [("<contact>112</contact>", ""), ("<responseType>Avoid</responseType>", "")],
    "HEADLINE": [("<headline>Awas", "<headline>" + "x" * 140)],
    "TEXTS": [("<instruction>Menjauh petir.", "<instruction>Hujan petir.")],
    "UNKNOWN": [("<certainty>Likely", "<certainty>Unknown")],
    "ALL-CLEAR": [
        ("<responseType>Avoid", "<responseType>AllClear"),
        ("<responseType>Avoid", "<responseType>AllClear</responseType><responseType>Avoid"),
    ],
    "EVENT-CODE": [("OET-194", "194")],
    "WEB": [("<web>https://", "<web>www/"), ("<web>https:", "<web>javascript:")],
    "MARKUP": [("<headline>Awas", "<headline>&lt;b>Awas"), ("Hujan", "Hujan&amp;nbsp;")],
    "HIDDEN": [("<headline>Awas", "<headline>\u202eAwas"), ("Hujan", "Hu\u200bjan")],
    "AREA": [(f"<polygon>{RING}</polygon>", "")],
    "AREA-NAME": [("<areaDesc>Kab. Boalemo</areaDesc>", "<areaDesc> </areaDesc>")],
    "AREA-DESC": [("Kab. Boalemo", "x" * 50)],
    "POLYGON": [
        (RING, "0.5,122 0.6,122 0.6,122.1 0.5,122.1"),
        (RING, "0,122 1,121 0,122"),
        (RING, "0.5;122 0.6;122"),
        (RING, "0.5,122,3 0.6,122,3"),
        (RING, ""),
    ],
    "LAT-LON": [
        (RING, "122,0.5 122,0.6 122.1,0.6 122,0.5"),
        (RING, "nan,0 1,1 1,0 nan,0"),
        (RING, "0,181 1,1 1,0 0,181"),
        (RING, "inf,0 1,1 1,0 inf,0"),
    ],
    "BOX": [(RING, "50,8 50.1,8 50.1,8.1 50,8")],
    "POLYGON-SIMPLE": [
        (RING, "0,121 1,122 1,121 0,122 0,121"),
        (RING, "0,121 1,121 1,121 0,121"),
        # A hole through a slit.
        (RING, "0,121 4,121 4,125 2,125 2,124 3,124 3,122 2,122 2,125 0,125 0,121"),
    ],
    "POLYGON-OVERLAP": [(f"<polygon>{RING}</polygon>", f"<polygon>{RING}</polygon>" * 2)],
    "POLYGON-POINTS": [(RING, f"{LONG_RING} {LONG_RING.split()[0]}")],
    "DECIMALS": [("0.6,122.1", "0.60000001,122.1")],
    "FAR-APART": [(f"<polygon>{RING}</polygon>", f"<polygon>{RING}</polygon>{FAR}")],
    "CIRCLE": [
        (f"<polygon>{RING}</polygon>", "<circle>0.5,122</circle>"),
        (f"<polygon>{RING}</polygon>", "<circle>0.5,122 -3</circle>"),
        (f"<polygon>{RING}</polygon>", "<circle>0.5,122 nan</circle>"),
        (f"<polygon>{RING}</polygon>", "<circle>0.5,122 1,5</circle>"),
        (f"<polygon>{RING}</polygon>", "<circle/>"),
    ],
    "CIRCLE-ZERO": [(f"<polygon>{RING}</polygon>", "<circle>0.5,122 0</circle>")],
    "GEOCODE": [
        (
            "</polygon></area>",
            "</polygon><geocode><valueName>Kemendagri:x</valueName><value>7502072001</value>"
            "</geocode></area>",
        )
    ],
    "GEOCODE-TWICE": [
        (
            "</polygon></area>",
            "</polygon>"
            + 2 * "<geocode><valueName>x</valueName><value>1</value></geocode>"
            + "</area>",
        )
    ],
    "ALTITUDE": [("</polygon></area>", "</polygon><ceiling>3</ceiling></area>")],
}
ELSEWHERE = {
    "SIZE", "LIMIT", "SENT-AHEAD", "EXPIRED", "REFERENCES-COMPLETE", "REFERENCES-SENT",
    "REFERENCES-MISSING", "THREAD-SAME-ID", "THREAD-STATUS", "THREAD-CANCELLED",
}  # fmt: skip
"""Rules that need more than one change in one document: tests of their own, below."""
CASES = [(rule, old, new) for rule, changes in BROKEN.items() for old, new in changes if old != new]


@pytest.mark.parametrize(("rule", "old", "new"), CASES)
def test_a_broken_rule_is_found_by_its_id_with_line_and_element(rule, old, new):
    assert old in GOOD
    found = [f for f in check(GOOD.replace(old, new, 1).encode()) if f.rule == rule]
    assert found
    assert found[0].severity == RULES[rule].severity
    if rule not in ("XML", "DTD"):
        assert found[0].line
        assert found[0].element.startswith("alert")


def test_each_rule_has_a_case():
    assert BROKEN.keys() | ELSEWHERE == RULES.keys()


def test_the_page_names_every_rule_as_it_is():
    page = (Path(__file__).parents[2] / "docs" / "cap.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `([A-Z-]+)` \| (.+) \|$", page, re.MULTILINE))
    words = {"error": "error", "warning": "advice"}
    for rule in RULES.values():
        weight = words[rule.severity] + (", error for ours" if rule.own_error else "")
        assert rows.pop(rule.id) == f"{weight} | {rule.says} | {rule.source}"
    assert not rows


def test_an_element_is_found_among_its_like():
    two = ID.replace(AREA, AREA + AREA.replace("0.5,122 0.6,122", "0.5,122 122,0.6"))
    found = [f for f in check(alert(two, EN).encode()) if f.rule == "LAT-LON"]
    assert found[0].element == "alert/info[1]/area[2]/polygon"
    assert GOOD.splitlines()[found[0].line - 1].startswith("<area>")


def test_lon_lat_is_told_as_such():
    text = GOOD.replace(RING, "122,0.5 122,0.6 122.1,0.6 122,0.5", 1)
    assert "written lon,lat" in check(text.encode())[0].message


def test_neighbours_that_share_a_border_do_not_overlap():
    neighbour = "<polygon>0.5,122 0.6,122 0.6,121.9 0.5,122</polygon>"
    text = GOOD.replace(f"<polygon>{RING}</polygon>", f"<polygon>{RING}</polygon>{neighbour}")
    assert check(text.encode()) == []


def test_a_clock_tells_what_is_over_and_what_is_not_yet():
    sent = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
    assert rules_of(GOOD, at=sent) == set()
    assert rules_of(GOOD, at=sent - timedelta(hours=1)) == {"SENT-AHEAD"}
    assert rules_of(GOOD, at=sent + timedelta(days=1)) == {"EXPIRED"}


def test_errors_come_first_then_lines():
    text = GOOD.replace("<identifier>a", "<identifier>a b").replace("<contact>112</contact>", "")
    found = check(text.encode())
    assert [f.severity for f in found] == ["error", "warning", "warning"]
    assert [f.line for f in found[1:]] == sorted(f.line for f in found[1:])


def test_advice_that_we_hold_ourselves_to_is_an_error_for_ours():
    text = GOOD.replace(RING, "50,8 50.1,8 50.1,8.1 50,8")
    assert errors_of(check(text.encode())) == []
    assert {f.rule for f in check_own(text.encode())} == {"BOX"}
    assert check_own(GOOD.encode()) == []


def test_no_alert_of_ours_is_kept_back_for_its_size():
    area = AREA.replace(RING, RING + " " * 9_000_000)
    large = alert(ID.replace(AREA, area * 3), EN.replace(AREA, area * 3)).encode()
    assert [f.rule for f in check(large)] == ["SIZE"]
    assert check_own(large) == []


# --- what BMKG sends ---------------------------------------------------------------------


def test_bmkgs_nowcasts_are_valid(samples: Path):
    paths = sorted((samples / "bmkg" / "cap-nowcast").glob("*_alert.*.xml"))
    assert len(paths) == 2
    for path in paths:
        found = check(path.read_bytes())
        assert errors_of(found) == []
        assert {f.rule for f in found} <= {"ADVISED", "LANGUAGES"}


def test_inatews_bulletins_are_not(samples: Path):
    for path in sorted((samples / "bmkg" / "inatews").glob("last30*.xml")):
        found = check(path.read_bytes())
        named = {f.rule for f in errors_of(found)}
        assert {"XSD", "TIME", "REQUIRED", "AREA", "REFERENCES"} <= named
        assert any("WIB" in f.message for f in found)


# --- hostile documents -------------------------------------------------------------------


@settings(max_examples=80)
@given(st.binary(max_size=300))
def test_garbage_is_a_finding_and_never_a_crash(data):
    assert errors_of(check(data))


@settings(max_examples=80)
@given(st.data())
def test_a_good_alert_with_any_damage_never_raises(data):
    text = GOOD.encode()
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 40)))
        text = text[:start] + data.draw(st.binary(max_size=20)) + text[end:]
    for finding in check(text):
        assert finding.rule in RULES
        assert finding.message.isprintable()


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(sorted(set(re.findall(r"<(\w+)>", GOOD)))), TEXTS))
def test_any_text_in_any_element_is_judged(changes):
    text = GOOD
    for name, value in changes.items():
        written = value.replace("&", "&amp;").replace("<", "&lt;").replace("\\", "")
        text = re.sub(rf"<{name}>[^<]*</{name}>", f"<{name}>{written}</{name}>", text)
    check(text.encode())
    check_thread({"one": text.encode(), "two": GOOD.encode()})


BOMB = (
    '<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx">'
    + "".join(f'<!ENTITY b{i} "{f"&b{i - 1};" * 10 if i else "&b;" * 10}">' for i in range(9))
    + "]><a>&b8;</a>"
)


@pytest.mark.parametrize(
    ("name", "data", "rule"),
    [
        ("entity bomb", BOMB.encode(), "DTD"),
        ("entity bomb in UTF-16", BOMB.encode("utf-16"), None),
        ("file entity", b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "DTD"),
        ("too large", b" " * (MAX_BYTES + 1), "SIZE"),
        ("one text of 11 MB", GOOD.replace("Hujan", "x" * 11_000_000, 1).encode(), None),
        ("deep", b"<a>" * 100_000, "XML"),
        ("deep and closed", b"<a>" * 3_000 + b"</a>" * 3_000, "XML"),
        ("not closed", GOOD[:-20].encode(), "XML"),
        ("empty", b"", "XML"),
        ("null bytes", b"\x00" * 1000, "XML"),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused_in_bounded_time(name, data, rule):
    began = time.perf_counter()
    found = errors_of(check(data))
    assert time.perf_counter() - began < 10, name
    assert found
    assert rule is None or found[0].rule == rule
    assert all(len(f.message) < 500 for f in found)


def _comb(teeth: int) -> str:
    """A ring whose segments' boxes all overlap: diagonal teeth."""
    there = [f"{i * 1e-4:.4f},{100 + i * 1e-4:.4f} {1 + i * 1e-4:.4f},{101 + i * 1e-4 + 5e-5:.5f}"
             for i in range(teeth)]  # fmt: skip
    return " ".join([*there, "2,99", there[0].split()[0]])


@pytest.mark.parametrize(
    "areas",
    [
        "<area><areaDesc>x</areaDesc></area>" * 30_000,
        f"<area><areaDesc>x</areaDesc>{f'<polygon>{RING}</polygon>' * 40_000}</area>",
        f"<area><areaDesc>x</areaDesc><polygon>{_comb(60_000)}</polygon></area>",
        f"<area><areaDesc>x</areaDesc>{f'<polygon>{_comb(900)}</polygon>' * 25}</area>",
        f"<area><areaDesc>x</areaDesc>{'<circle>x</circle>' * 50_000}</area>",
    ],
    ids=["areas", "same polygons", "comb", "combs", "circles"],
)
def test_a_large_document_is_judged_in_bounded_time_and_says_what_was_left_out(areas):
    text = alert(ID.replace(AREA, areas)).encode()
    began = time.perf_counter()
    found = check(text)
    assert time.perf_counter() - began < 20
    assert any(f.rule == "LIMIT" for f in found)
    assert len(found) < 12 * MAX_FINDINGS


# --- threads -----------------------------------------------------------------------------


def ref(name: str, sent: str) -> str:
    return f"pos@example.invalid,{name},2026-09-24T{sent}:00+08:00"


def told(kind: str, name: str, sent: str, *refers: str, status: str = "Actual") -> bytes:
    at = f"2026-09-24T{sent}:00+08:00"
    text = alert(name=name, sent=at, kind=kind, refers=" ".join(refers), status=status)
    return text.encode()


FIRST = told("Alert", "a-1", "15:10")
SECOND = told("Update", "a-2", "15:20", ref("a-1", "15:10"))


def together(*documents: bytes) -> dict[str, set[str]]:
    files = {str(number): document for number, document in enumerate(documents, 1)}
    return {name: {f.rule for f in found} for name, found in check_thread(files).items()}


def test_a_complete_thread_has_no_finding_in_any_order():
    end = told("Cancel", "a-3", "15:30", ref("a-1", "15:10"), ref("a-2", "15:20"))
    assert together(FIRST, SECOND, end) == {}
    assert together(end, FIRST, SECOND) == {}


def test_an_update_that_leaves_an_unexpired_alert_out_is_told():
    end = told("Update", "a-3", "15:30", ref("a-2", "15:20"))
    assert together(FIRST, SECOND, end) == {"3": {"REFERENCES-COMPLETE"}}


def test_an_expired_alert_need_not_be_named():
    """The first expires at 17:27."""
    later = told("Update", "a-3", "17:27", ref("a-2", "15:20"))
    later = later.replace(b"T17:27:00+08:00</exp", b"T19:27:00+08:00</exp")
    assert together(FIRST, SECOND.replace(b"T17:27", b"T18:27"), later) == {}


def test_strangers_are_threads_of_their_own():
    other = told("Alert", "b-1", "15:00")
    assert together(other, FIRST, SECOND) == {}


def test_a_message_that_joins_two_threads_names_both():
    other = told("Alert", "b-1", "15:00")
    joins = told("Update", "a-3", "15:30", ref("a-2", "15:20"), ref("b-1", "15:00"))
    assert together(other, FIRST, SECOND, joins) == {"4": {"REFERENCES-COMPLETE"}}


@pytest.mark.parametrize(
    ("documents", "expected"),
    [
        ((SECOND,), {"1": {"REFERENCES-MISSING"}}),
        ((FIRST, SECOND.replace(b"15:10:00", b"15:11:00")), {"2": {"REFERENCES-SENT"}}),
        ((FIRST, FIRST.replace(b"Severe", b"Minor")), {"2": {"THREAD-SAME-ID"}}),
        ((FIRST, FIRST), {}),
        (
            (FIRST, told("Update", "a-2", "15:20", ref("a-1", "15:10"), status="Exercise")),
            {"2": {"THREAD-STATUS"}},
        ),
        (
            (
                FIRST,
                told("Cancel", "a-2", "15:20", ref("a-1", "15:10")),
                told("Update", "a-3", "15:30", ref("a-1", "15:10"), ref("a-2", "15:20")),
            ),
            {"3": {"THREAD-CANCELLED"}},
        ),
        ((b"garbage", FIRST), {}),
    ],
)
def test_what_breaks_a_thread(documents, expected):
    assert together(*documents) == expected
