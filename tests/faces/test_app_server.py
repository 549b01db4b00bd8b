"""The resident's app from the server's side: villages, status, browsers, reports, bad input."""

from __future__ import annotations

import gzip
import json
import random
import struct
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from console.web.resident.nearby import bearing, direction
from console.web.resident.search import Finder
from kentongan.db import consents, contacts, cycles, inbound, reports
from kentongan.decision import Action, Decision
from kentongan.hazard import HazardEvent
from kentongan.keyfiles import key_file
from kentongan.settings import Settings
from kentongan.times import iso
from kentongan.types import DocumentStatus, HazardId, Level, Mode
from notify.channels.webpush import vapid
from notify.dispatcher.process import Dispatcher
from notify.registry.places import Place, Places
from notify.release.run import publish
from orchestration.live_map.not_known import RUN_OLD
from risk.layers.layerset import load_layers
from tests.crash.homes import VILLAGES, Home, areas, now, outlines
from tests.faces.scenes import Clock, listening
from tests.peers.webpush import PushService

MBAY = "53.16.01.1007"
"""Warned of shaking and of a tsunami in the scene of Flores."""
INLAND = "32.04.12.2006"
OWN = {"Sec-Fetch-Site": "same-origin"}
ROOT = Path(__file__).parents[2]
TEN_MB = b"x" * 10_000_000
ROUTES = """
[[route]]
kind = "webpush"
route = "browsers"
key_file = "vapid.pem"
contact = "mailto:duty@example.org"
allow_local = true
"""


def status(there, code=MBAY):
    answer = there.get(f"/app/status/{code}.json", timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


# choosing


def village(code, name, district="Kec", regency="Kabupaten Uji", province="Jawa"):
    return Place(code, name, "Desa", district, regency, province)


@pytest.fixture(scope="module")
def layers():
    return load_layers()


@pytest.fixture(scope="module")
def finder(layers):
    return Finder(Places.of(layers.villages))


def names(hits):
    return [place.short for place in hits.places]


def test_spelling_is_forgiven_and_the_area_decides(finder):
    for asked in ("Citeureup Dayeuhkolot", "dayehkolot citeurup", "citerup, kec. dayeuh kolot"):
        assert "Citeureup, Kec.Dayeuhkolot, Kab.Bandung" in names(finder.find(asked)), asked
    assert names(finder.find("menteng jakarta pusat")) == [
        "Menteng, Kec.Menteng, Kota Jakarta Pusat"
    ]
    assert names(finder.find("mbay"))[:2] == [
        "Mbay I, Kec.Aesesa, Kab.Nagekeo", "Mbay II, Kec.Aesesa, Kab.Nagekeo",
    ]  # fmt: skip
    assert [place.code for place in finder.find(MBAY).places] == [MBAY]


def test_a_name_that_many_have_is_a_list_with_districts(finder):
    found = finder.find("Sidomulyo")
    assert len(found.places) == 20 and found.more > 70
    assert len({(one.district, one.regency) for one in found.places}) == 20
    assert {one.name for one in finder.find("sidomulyo kendal").places} >= {"Sidomulyo"}


def test_right_name_among_the_first_ten_for_most_typing_errors(finder, layers):
    """Of 150 names of five letters and more with one letter wrong."""
    rng = random.Random(7)  # noqa: S311 the same names each time
    chosen = [place for place in finder.places.rows if len(place.name) >= 5]
    right, took = 0, []
    for place in rng.sample(chosen, 150):
        name, i = place.name.lower(), rng.randrange(len(place.name))
        wrong = rng.choice([name[:i] + name[i + 1 :], name[:i] + "u" + name[i + 1 :],
                            name[:i] + name[i] + name[i:]])  # fmt: skip
        begun = time.process_time()
        found = finder.find(wrong).places[:10]
        took.append((time.process_time() - begun) * 1e3)
        right += any(one.name == place.name for one in found)
    took.sort()
    print(f"{right}/150 in the first ten, {took[75]:.1f} ms, p95 {took[142]:.1f}")  # noqa: T201
    assert right >= 140
    assert took[75] < 20


@given(st.text(max_size=200))
@settings(max_examples=60, deadline=None)
def test_no_text_breaks_the_search(text):
    rows = (village("11.01.01.2001", "Suka Maju"), village("11.01.01.2002", "A <b>x</b>"))
    found = Finder(Places(rows, {})).find(text)
    assert len(found.places) <= 2 and found.more == 0


def test_lists_and_search_by_the_web(served):
    there = served("flores")
    provinces = there.get("/app/areas", timeout=60).json()["areas"]
    assert len(provinces) == 38
    assert {"code": "53", "name": "Nusa Tenggara Timur"} in provinces
    district = there.get("/app/areas?di=53.16.01").json()["areas"]
    assert {"code": MBAY, "name": "Mbay II"} in district
    assert there.get("/app/areas?di=99").status_code == 404
    assert there.get("/app/areas?di=53.16.01.1007").status_code == 404
    found = there.get("/app/places?q=mbay%20nagekeo", timeout=60).json()
    assert {one["name"] for one in found["places"]} >= {"Mbay I", "Mbay II"}
    assert all({"district", "regency", "province"} <= set(one) for one in found["places"])


def test_points_and_names_of_the_nation_are_packed_and_right(served, layers):
    there = served("flores")
    packed = httpx.get(there.url + "/app/points.bin", timeout=60)
    with httpx.stream("GET", there.url + "/app/points.bin", timeout=60) as raw:
        weight = len(b"".join(raw.iter_raw()))
    data = packed.content
    assert data[:4] == b"KTG1"
    (count,) = struct.unpack_from("<I", data, 4)
    columns = struct.unpack_from(f"<{2 * count}i", data, 8)
    assert count == len(layers.villages) and len(data) == 8 + 8 * count
    last = layers.villages.iloc[-1]
    assert sum(columns[:count]) / 1000 == pytest.approx(last["longitude"], abs=0.0006)
    assert sum(columns[count:]) / 1000 == pytest.approx(last["latitude"], abs=0.0006)
    text = there.get("/app/names.txt", timeout=60).text
    lines = [line for line in text.split("\n") if line[0] > "\x03"]
    assert len(lines) == count
    assert [line.split("\t")[1] for line in lines] == layers.villages["name"].tolist()
    names_weight = len(gzip.compress(text.encode(), 9))
    print(f"points {weight} bytes packed, names {names_weight}")  # noqa: T201
    assert weight < 260_000 and names_weight < 450_000


# what is in force


def test_what_the_app_says_is_what_the_messages_say(served):
    there = served("flores")
    found = status(there)
    assert found["state"] == "warned" and found["exercise"] and found["mode"] == "exercise"
    tsunami, shaking = found["warnings"]
    assert (tsunami["hazard"], tsunami["level"]) == ("tsunami", 3), "the sea comes first"
    assert (shaking["hazard"], shaking["level"], found["level"]) == ("shaking", 4, 4)
    with there.engine.connect() as connection:
        from notify import versions

        for one in (tsunami, shaking):
            body = versions.get(connection, one["id"], one["version"]).body
            group = next(g for g in body.groups if MBAY in g.codes)
            assert one["said"]["id"] == {
                "title": group.push_title, "text": group.push_body, "do": one["said"]["id"]["do"],
            }  # fmt: skip
            assert one["said"]["id"]["text"].startswith("LATIHAN")
            assert one["said"]["en"]["text"].startswith("LATIHAN (EXERCISE)")
    assert tsunami["until"] is None and tsunami["official"] and not shaking["official"]
    assert shaking["until"] == {"id": "11.58 WITA", "en": "11:58 WITA"}
    assert [step["version"] for step in tsunami["history"]] == [1, 2, 3]
    assert there.get(tsunami["cap"]).status_code == 200
    assert "BMKG" in found["credit"]["id"]
    assert found["data"]["age_s"] == 120 and found["doubts"] == []


def test_the_nearest_place_lies_outside_the_danger(served, layers):
    there = served("flores")
    found = status(there)
    with there.engine.connect() as connection:
        from notify import versions

        body = versions.newest_released(connection, found["warnings"][0]["id"]).body
    shelters = layers.shelters.set_index("name")
    coast = layers.villages.set_index("adm4_code")["coast_share"]
    assert found["points"]
    for point in found["points"]:
        rows = shelters.loc[[name for name in shelters.index if name.startswith(point["name"])]]
        here = rows[abs(rows["longitude"] - point["point"][0]) < 1e-6]
        code = here["adm4_code"].iloc[0]
        assert code not in body.levels and coast[code] == 0
    assert found["sketch"]["km"] > 0 and len(found["sketch"]["places"]) == len(found["points"])


@pytest.mark.parametrize(
    ("to_point", "word"),
    [((0, 1), "utara"), ((1, 1), "timur laut"), ((1, 0), "timur"), ((1, -1), "tenggara"),
     ((0, -1), "selatan"), ((-1, -1), "barat daya"), ((-1, 0), "barat"), ((-1, 1), "barat laut")],
)  # fmt: skip
def test_directions(to_point, word):
    assert direction(bearing((0, 0), to_point)) == word


def test_quiet_village_is_never_called_safe(served):
    found = status(served("flores"), INLAND)
    assert found["state"] == "none" and found["warnings"] == [] and found["level"] == 0
    said = json.dumps(found).lower()
    assert "aman" not in said.replace("belum tentu aman", "")


def test_warnings_next_door_are_named(served, layers):
    there = served("flores")
    near = layers.villages[layers.villages["adm4_code"].str.startswith("53.16.")]["adm4_code"]
    warned = {one["id"]: one for one in status(there)["warnings"]}
    for code in near:
        found = status(there, code)
        if found["nearby"]:
            assert {one["id"] for one in found["nearby"]} <= set(warned)
            assert found["nearby"][0]["villages"] > 0
            return
    pytest.fail("no village of the regency is outside one of the two warnings")


def test_what_is_old_or_never_read_is_not_known(own):
    empty = own("empty")
    assert status(empty, INLAND)["state"] == "unclear" and status(empty, INLAND)["level"] == -1
    there = own("flores")
    assert status(there, INLAND)["state"] == "none"
    there.clock.forward(seconds=RUN_OLD.total_seconds())
    later = status(there, INLAND)
    assert later["state"] == "unclear" and later["doubts"] and later["level"] == -1
    assert "sejak itu" in later["doubts"][0]["id"]


def test_a_blind_feed_is_said(own):
    there = own("flores")
    there.clock.forward(minutes=16)
    with there.engine.begin() as connection:
        connection.execute(cycles.insert().values(at=iso(there.clock()), document={}))
    found = status(there, INLAND)
    assert found["state"] == "unclear"
    assert any("tidak terbaca" in one["id"] for one in found["doubts"])
    assert status(there)["state"] == "warned"


def test_past_its_end_and_not_closed_is_still_shown(own):
    there = own("flores")
    there.clock.forward(hours=9)
    found = status(there)
    assert found["state"] == "warned" and all(one["overdue"] for one in found["warnings"])


def test_codes_of_nobody(served):
    there = served("flores")
    for code in ("99.99.99.9999", "x", "53.16", "53.16.01.1007'--", "%00", "a" * 3000):
        assert there.get(f"/app/status/{code}.json").status_code in {400, 404}
        assert there.get(f"/app/desa/{code}").status_code in {400, 404}


# browsers


@pytest.fixture
def service():
    with PushService() as peer:
        yield peer


@pytest.fixture
def home(tmp_path):
    made = Home(tmp_path / "home")
    made.sending()
    key_file(made.folder / "vapid.pem", make=vapid.make_key)
    (made.folder / "routes.toml").write_text(ROUTES)
    yield made
    made.close()


@pytest.fixture
def site(home):
    configured = Settings(
        _env_file=None, home=home.folder, mode="actual", database_url=home.url,
        routes=home.folder / "routes.toml", dispatch_policy=home.folder / "dispatch.toml",
    )  # fmt: skip
    clock = Clock(now() + timedelta(seconds=30))
    with listening(configured, clock) as url:
        yield Site(url, configured, home, clock)


class Site:
    def __init__(self, url, configured, home, clock):
        self.url, self.settings, self.home, self.clock = url, configured, home, clock

    def get(self, path, **kwargs):
        return httpx.get(self.url + path, **{"timeout": 60, **kwargs})

    def post(self, path, value, headers=OWN):
        return httpx.post(self.url + path, json=value, headers=headers, timeout=60)

    def ask(self, address, *, area="53.07.01.2001", **changes):
        config = self.get("/app/config.json").json()
        wish = {
            "subscription": json.loads(address), "area": area, "language": "id",
            "agreed": True, "text_version": config["consent"]["id"]["version"], **changes,
        }  # fmt: skip
        return self.post("/app/push", wish)

    def rows(self, table):
        with self.home.engine.connect() as connection:
            return connection.execute(select(table)).mappings().all()


def test_a_browser_that_signs_up_here_reads_the_warning(site, service):
    """The page's own way in, the dispatcher's own way out; the peer decrypts as a browser does."""
    key = site.get("/app/config.json").json()["key"]
    address = service.subscribe(key)
    assert site.ask(address).status_code == 201
    [row] = site.rows(contacts)
    endpoint = json.loads(address)["endpoint"]
    assert row["channel"] == "webpush" and endpoint not in row["sealed"] + row["blind"]
    assert [r["text_version"] for r in site.rows(consents)] == ["push-id-2026-11"]
    with Dispatcher(site.settings):
        site.home.warn()
        deadline = time.monotonic() + 20
        while not service.shown(address) and time.monotonic() < deadline:
            time.sleep(0.02)
    [shown] = service.shown(address)
    assert {"title", "body", "tag", "warning_id", "version", "level", "status"} <= set(shown)
    assert "TSUNAMI" in shown["title"].upper() and shown["status"] == "Actual"
    found = site.get("/app/status/53.07.01.2001.json").json()
    assert found["warnings"][0]["said"]["id"]["text"] == shown["body"], "the same words"
    assert not found["exercise"]


def test_another_village_a_new_address_and_leaving(site, service):
    key = site.get("/app/config.json").json()["key"]
    first, second = service.subscribe(key), service.subscribe(key)
    assert site.ask(first).status_code == 201
    assert site.ask(first, area="53.07.01.2003").status_code == 201
    assert len(site.rows(contacts)) == 1
    renewed = site.ask(second, area="53.07.01.2003", old=json.loads(first)["endpoint"])
    assert renewed.status_code == 201 and len(site.rows(contacts)) == 1
    for endpoint in (json.loads(second)["endpoint"], "https://nobody.example/x"):
        answer = site.post("/app/push/leave", {"endpoint": endpoint})
        assert answer.status_code == 200 and answer.json() == {}, "the same for everybody"
    assert site.rows(contacts) == []
    acts = [row["act"] for row in site.rows(consents)]
    assert acts.count("withdrawn") == 2 and acts.count("given") == 3


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"agreed": False}, "consent"), ({"agreed": "yes"}, "consent"),
        ({"text_version": "warga-id-2026-11"}, "consent"), ({"text_version": 7}, "consent"),
        ({"area": "53.07"}, "place"), ({"area": "99.99.99.9999"}, "place"), ({"area": []}, "place"),
        ({"subscription": None}, "subscription"),
        ({"subscription": {"endpoint": 1}}, "subscription"),
        ({"subscription": {"endpoint": "https://evil.example/x", "keys": {}}}, "subscription"),
        ({"subscription": {"endpoint": "http://[::1", "keys": {}}}, "subscription"),
        ({"subscription": {"endpoint": "http://127.0.0.1:1@evil.example", "keys": {}}},
         "subscription"),
    ],
)  # fmt: skip
def test_what_is_no_sign_up_is_refused(site, service, changes, word):
    address = service.subscribe(site.get("/app/config.json").json()["key"])
    answer = site.ask(address, **changes)
    assert (answer.status_code, answer.json()["error"]) == (422, word)
    assert site.rows(contacts) == []


def test_strangers_pages_and_floods_are_turned_away(site, service, monkeypatch):
    from notify.registry import policy

    address = service.subscribe(site.get("/app/config.json").json()["key"])
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        assert site.post("/app/push", {}, headers=headers).status_code == 403
        assert site.post("/app/lapor", {}, headers=headers).status_code == 403
    rules = policy.registry_policy()
    few = rules.model_copy(update={"push": rules.push.model_copy(
        update={"per_address_per_hour": 2})})  # fmt: skip
    monkeypatch.setattr("console.web.resident.browsers.registry_policy", lambda: few)
    assert [site.ask(address).status_code for _ in range(3)] == [201, 201, 429]


def test_without_a_route_sms_is_offered(served):
    there = served("flores")
    assert there.get("/app/config.json").json()["key"] == ""
    wish = {"area": MBAY, "agreed": True, "subscription": {}}
    answer = httpx.post(there.url + "/app/push", json=wish, headers=OWN)
    assert (answer.status_code, answer.json()["error"]) == (409, "no-push")


def finish(home, action, hours=2.0):
    """BMKG ends what `home.warn` said, or lets it go on without its first village."""
    at = now()
    event = HazardEvent(
        event_id="thunderstorm-one", hazard_id=HazardId.THUNDERSTORM, level=Level(2), onset=at,
        valid_from=at - timedelta(minutes=3), valid_to=at + timedelta(hours=hours), official=True,
        status=DocumentStatus.ACTUAL, title="Hujan", method="test/1", observations=("ab" * 32,),
        evidence={"source": "BMKG"},
    )  # fmt: skip
    left = {} if action is Action.ALL_CLEAR else dict.fromkeys(VILLAGES[1:], 2)
    decision = Decision(
        event_id=event.event_id, action=action, levels=left, told=VILLAGES,
        expires=at + timedelta(hours=hours), reason="test",
    )  # fmt: skip
    impact = pd.DataFrame(
        {"adm4_code": list(left), "level": list(left.values()), "exposed_people": 1,
         "uncovered_people": 0, "onset": pd.to_datetime([None] * len(left), utc=True),
         "data_quality": "modelled"}
    )  # fmt: skip
    done = publish(
        home.engine, home._store, decision, event, impact, areas(), at=at, mode=Mode.ACTUAL,
        live=True, policy=home.policy, geometry=outlines, synthetic_residents=False,
    )  # fmt: skip
    assert done.alert is not None, done


def test_ends_are_shown_as_ends(site):
    site.home.warn(level=2, hazard=HazardId.THUNDERSTORM)
    assert status(site, VILLAGES[0])["warnings"][0]["said"]["id"]["title"].startswith("WASPADA")
    finish(site.home, Action.UPDATE)
    found = status(site, VILLAGES[0])
    assert found["warnings"] == [] and [one["how"] for one in found["ended"]] == ["dropped"]
    assert found["nearby"][0]["where"] == "district"
    assert "tidak lagi mencakup" in found["ended"][0]["said"]["id"]["text"]
    finish(site.home, Action.ALL_CLEAR)
    found = status(site, VILLAGES[2])
    assert found["warnings"] == [] and [one["how"] for one in found["ended"]] == ["all-clear"]
    said = found["ended"][0]["said"]
    assert "Berakhir" in said["id"]["title"] and said["id"]["do"] and said["en"]["do"]
    assert "Berakhir" in site.get(f"/app/desa/{VILLAGES[2]}").text
    site.clock.forward(hours=25)
    assert status(site, VILLAGES[2])["ended"] == []


def test_a_cancelled_warning_says_so(site):
    site.home.cancel(site.home.warn())
    [one] = status(site, VILLAGES[0])["ended"]
    assert one["how"] == "cancel" and "Dibatalkan" in one["said"]["id"]["title"]


# reports


def test_a_report_sent_twice_is_taken_once(own):
    there = own("flores")
    told = {"text": "air sedada, tolong", "place": "desa Mbay II", "once": "k" * 32}
    answers = [
        httpx.post(there.url + "/app/lapor", json=told, headers=OWN, timeout=60) for _ in range(3)
    ]
    assert {one.status_code for one in answers} == {201}
    assert len({one.json()["page"] for one in answers}) == 1
    assert there.get(answers[0].json()["page"]).status_code == 200
    other = httpx.post(there.url + "/app/lapor", json={**told, "once": "j" * 32}, headers=OWN)
    assert other.json()["page"] != answers[0].json()["page"]
    with there.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(reports)).scalar() == 2
        assert connection.execute(select(func.count()).select_from(inbound)).scalar() == 2


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"text": "  "}, "empty"), ({"text": None}, "empty"), ({"number": "abc"}, "number"),
     ({"once": "short"}, "once"), ({"once": None}, "once")],
)  # fmt: skip
def test_what_is_no_report_says_so(served, changes, word):
    told = {"text": "banjir", "once": "m" * 32, **changes}
    answer = httpx.post(served("flores").url + "/app/lapor", json=told, headers=OWN)
    assert (answer.status_code, answer.json()["error"]) == (422, word)


# bad input


POSTS = ("/app/push", "/app/push/leave", "/app/lapor")
GETS = ("/app/", "/app/bantuan", "/app/desa", "/app/places", "/app/areas", "/app/config.json",
        "/app/sw.js", "/app/manifest.webmanifest", "/favicon.ico")  # fmt: skip


@pytest.fixture
def unhurried(monkeypatch):
    """As many questions as a test has; how many a visitor has is another test."""
    monkeypatch.setattr("console.web.signup.Paces.takes", lambda *_: True)


@pytest.mark.parametrize("path", POSTS)
def test_bodies_of_all_kinds(served, unhurried, path):
    there = served("flores")
    rng = random.Random(3)  # noqa: S311 the same bytes each time
    bodies = [TEN_MB, b"", b"[]", b"null", b"{", b'{"a":' * 5000, b"\xff\xfe{}", b"[" * 8000,
              json.dumps({"subscription": {"endpoint": "x" * 9000}}).encode(),
              b'{"once": "' + b"\\u0000" * 40 + b'", "text": "\\ud800"}',
              *(rng.randbytes(rng.randrange(400)) for _ in range(8))]  # fmt: skip
    for body in bodies:
        for kind in ("application/json", "multipart/form-data; boundary=x"):
            answer = _posted(there.url + path, body, {**OWN, "Content-Type": kind})
            assert answer.status_code in {400, 409, 422}, (body[:40], answer.status_code)
    assert there.get(path).status_code == 405


def _posted(url, body, headers):
    try:
        return httpx.post(url, content=body, headers=headers, timeout=30)
    except httpx.TransportError:  # closed while ten megabytes were still going out
        return httpx.Response(400)


def test_no_query_breaks_a_page(served, unhurried):
    @given(st.text(max_size=80))
    @settings(max_examples=15, deadline=None)
    def ask(text):
        for path, name in (("/app/desa", "q"), ("/app/desa", "di"), ("/app/places", "q"),
                           ("/app/areas", "di")):  # fmt: skip
            answer = client.get(path, params={name: text.encode("utf-8", "replace")})
            assert answer.status_code in {200, 404}, (path, text)
            assert "<script>" not in answer.text

    with httpx.Client(base_url=served("flores").url, timeout=60) as client:
        ask()


def test_hostile_words_are_text(served):
    page = served("flores").get("/app/desa", params={"q": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_every_answer_is_closed_and_may_ask_for_the_position(served):
    there = served("flores")
    for path in (*GETS, f"/app/desa/{MBAY}", f"/app/status/{MBAY}.json", "/app/static/main.js"):
        found = there.get(path)
        assert found.status_code == 200, path
        policy = found.headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert found.headers["permissions-policy"].startswith("geolocation=(self)")
        assert found.headers["x-content-type-options"] == "nosniff"
    for name in ("../main.js", "..%2f..%2fpage.css", "sw.jsx", "nothing"):
        assert there.get(f"/app/static/{name}").status_code == 404
    assert "geolocation=()" in there.get("/warnings").headers["permissions-policy"]


def test_too_many_searches_are_slowed(own, monkeypatch):
    for name in ("SEARCHES_PER_S", "LOOKS_PER_S", "BIG_PER_S", "POSTS_PER_S"):
        monkeypatch.setattr(f"console.web.resident.app.{name}", 1.0)
    there = own("flores")
    with httpx.Client(base_url=there.url, headers=OWN, timeout=60) as client:
        for path in ("/app/places?q=mbay", f"/app/status/{MBAY}.json", "/app/config.json"):
            client.get(path)
            answers = [client.get(path) for _ in range(10)]
            slowed = [one for one in answers if one.status_code == 429]
            assert slowed and slowed[0].headers["retry-after"] == "1", path
        found = [client.post("/app/push", json={}) for _ in range(10)]
    assert 429 in {one.status_code for one in found}


def test_first_load_is_light(served):
    """Everything that a first visit takes, as it goes over the wire."""
    there = served("flores")
    with httpx.Client(
        base_url=there.url, headers={"Accept-Encoding": "gzip"}, timeout=60
    ) as client:
        script = client.get("/app/sw.js").text
        kept = json.loads(script.split("const SHELL = ", 1)[1].split(";\n", 1)[0])
        assert "/app/" in kept and all(path.startswith("/app/") for path in kept)
        paths = [*kept, "/app/sw.js", "/app/config.json", f"/app/status/{MBAY}.json"]
        weight = 0
        for path in paths:
            with client.stream("GET", path) as answer:
                assert answer.status_code == 200, path
                weight += len(b"".join(answer.iter_raw()))
    print(f"first load {weight} bytes in {len(paths)} files")  # noqa: T201
    assert weight < 150_000
    plain = there.get("/app/static/main.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and "import" in plain.text


def test_the_icons_are_those_of_the_script(tmp_path, monkeypatch):
    import runpy

    from PIL import Image

    folder = ROOT / "console" / "assets" / "app"
    made = runpy.run_path(str(ROOT / "ops" / "make_icons.py"))
    made["main"].__globals__["FOLDER"] = tmp_path
    made["main"]()
    for path in tmp_path.glob("*.png"):
        ours, kept = Image.open(path).convert("RGBA"), Image.open(folder / path.name)
        assert ours.size == kept.size
        assert ours.tobytes() == kept.convert("RGBA").tobytes(), "run: python ops/make_icons.py"
