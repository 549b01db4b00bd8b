"""Pages and data for anybody: what is released, nothing else, and no all-clear by silence."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.routing import Mount

from console.web import signup
from console.web.hooks import Bucket
from console.web.public import api
from console.web.public.api import application
from console.web.public.shapes import CREDIT
from console.web.reading import Reading
from kentongan.db import alerts, warning_states, warnings
from kentongan.settings import Settings
from kentongan.types import Mode
from tests.faces.looking import accessible
from tests.faces.scenes import Scene, Served
from tests.faces.screens import keep

API = "/api/v1"
SCENARIOS = ("flores", "cianjur", "thunderstorm", "blind-night")


def ask(place: Served, path: str, **kwargs: Any) -> httpx.Response:
    """As a program should: who is told to wait waits."""
    for _ in range(20):
        found = place.get(path, **kwargs)
        if found.status_code != 429:
            break
        time.sleep(0.2)
    return found


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_front_and_list_read_well(
    scenario: str, served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    seen = look(served(scenario).url + "/")
    keep(seen.page, "front", scenario)
    accessible(seen.page)
    seen.page.goto(served(scenario).url + "/warnings")
    keep(seen.page, "warnings", scenario)
    accessible(seen.page)


def test_archive_and_data_read_well(
    served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    seen = look(served("flores").url + "/archive")
    keep(seen.page, "archive", "flores")
    accessible(seen.page)
    assert seen.page.locator("tbody tr").count() == 5
    seen.page.locator("tbody tr a").first.click()
    keep(seen.page, "archive-warning", "flores")
    accessible(seen.page)
    seen.page.goto(served("flores").url + "/data")
    keep(seen.page, "data", "flores")
    accessible(seen.page)


def test_without_scripts_warnings_are_there(
    served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    seen = look(served("flores").url + "/warnings", java_script_enabled=False)
    text = seen.page.locator("main").inner_text()
    assert "Tsunami" in text and "Jauhi pantai" in text and "Sampai" in text
    assert text.index("Tsunami") < text.index("Guncangan")


def test_a_draft_is_nowhere_in_public(own: Callable[..., Served]) -> None:
    """A version without its alert was not released, whatever it says."""
    place = own("cianjur")
    with place.engine.begin() as connection:
        title = connection.execute(select(warnings.c.body["title"].as_string())).scalar()
        assert title and title[:30] in place.get("/warnings").text
        connection.execute(alerts.delete())
        connection.execute(warning_states.delete().where(warning_states.c.state != "draft"))
    listed = ("warnings", "archive", "warnings.geojson")
    data = [f"{API}/{name}?status=exercise" for name in listed]
    for path in ("/", "/warnings", "/archive", "/warnings.json", *data):
        assert title[:30] not in place.get(path).text, path


def test_an_exercise_is_no_actual_warning(served: Callable[..., Served]) -> None:
    place = served("flores")
    assert ask(place, f"{API}/warnings").json()["warnings"] == []
    drills = ask(place, f"{API}/warnings?status=exercise").json()["warnings"]
    assert [w["status"] for w in drills] == ["Exercise", "Exercise"]
    assert all("LATIHAN" in area["text"] for w in drills for area in w["areas"])
    actual = served("flores", mode=Mode.ACTUAL)
    assert "Tidak ada peringatan yang berlaku" in actual.get("/warnings").text
    assert "LATIHAN" not in actual.get("/archive").text.split("</header>")[1]


def test_the_data_says_what_the_tables_hold(served: Callable[..., Served]) -> None:
    place = served("flores")
    found = ask(place, f"{API}/warnings?status=exercise").json()
    assert found["credit"] == CREDIT and found["at"].startswith("2026-08-")
    for one in found["warnings"]:
        with place.engine.connect() as connection:
            row = connection.execute(
                select(warnings.c.body).where(
                    warnings.c.warning_id == one["warning_id"], warnings.c.version == one["version"]
                )
            ).scalar_one()
        assert one["villages"] == len(row["levels"])
        levels = {code for area in one["areas"] if area["level"] for code in area["geocodes"]}
        assert all(any(v.startswith(code) for code in levels) for v in row["levels"])
        again = ask(place, f"{API}/warnings/{one['identifier']}").json()["warning"]
        assert again == one
        cap = place.get(one["cap_url"].replace("https://kentongan.example.invalid", ""))
        assert cap.status_code == 200 and one["identifier"] in cap.text


def test_an_area_is_not_known_while_a_feed_is_blind(served: Callable[..., Served]) -> None:
    storm = served("flores")
    warned = ask(storm, f"{API}/areas/53.16?status=exercise").json()
    assert warned["level"] == 4 and warned["warnings"][0]["hazard"] == "tsunami"
    assert ask(storm, f"{API}/areas/99").status_code == 404
    assert ask(storm, f"{API}/areas/53.1").status_code == 422
    blind = ask(served("blind-night"), f"{API}/areas/11").json()
    assert blind["level"] is None and blind["blind_feeds"]
    assert blind["level_word"]["id"] == "Tidak diketahui"
    empty = ask(served("empty"), f"{API}/areas/11").json()
    assert empty["level"] is None


def test_outlines_lie_in_indonesia(served: Callable[..., Served]) -> None:
    found = ask(served("flores"), f"{API}/warnings.geojson?status=exercise")
    assert found.headers["content-type"].startswith("application/geo+json")
    features = found.json()["features"]
    assert len(features) >= 20
    for feature in features:
        for polygon in feature["geometry"]["coordinates"]:
            assert all(94 < x < 142 and -12 < y < 7 for ring in polygon for x, y in ring)
            assert polygon[0][0] == polygon[0][-1]


def test_the_archive_goes_page_by_page_without_gap_or_double(own: Callable[..., Served]) -> None:
    place = own("flores")
    seen: list[str] = []
    url = f"{API}/archive?status=exercise&limit=2"
    while url:
        found = place.get(url.replace("https://kentongan.example.invalid", "")).json()
        seen += [one["identifier"] for one in found["alerts"]]
        url = found["next"]
    with place.engine.connect() as connection:
        expected = set(connection.execute(select(alerts.c.identifier)).scalars())
    assert len(seen) == len(set(seen)) == 5 and set(seen) == expected
    assert ask(place, f"{API}/archive?page=rubbish").status_code == 404
    since = datetime(2030, 1, 1, tzinfo=UTC).isoformat()
    later = ask(place, f"{API}/archive", params={"status": "exercise", "since": since})
    assert later.json()["alerts"] == []
    elsewhere = ask(place, f"{API}/archive?status=exercise&area=11")
    assert elsewhere.json()["alerts"] == []


def test_quakes_stand_once(served: Callable[..., Served]) -> None:
    found = ask(served("flores"), f"{API}/quakes").json()["quakes"]
    assert len({one["key"] for one in found}) == len(found) >= 1
    assert any(one["magnitude"] == 7.7 for one in found)


def test_a_name_may_be_spelled_wrong_and_is_never_guessed(served: Callable[..., Served]) -> None:
    place = served("flores")
    found = ask(place, f"{API}/areas?q=sidomulyo").json()
    assert not found["sure"] and len(found["places"]) > 1
    near = ask(place, f"{API}/areas?q=Maurolle").json()
    assert "Maurole" in {one["name"] for one in near["places"]}


def test_other_pages_may_read_and_crowds_are_told_to_wait(
    own: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signup, "Bucket", partial(Bucket, steady=lambda: 0.0))
    place = own("cianjur")
    with httpx.Client(base_url=place.url) as client:
        answers = [client.get(f"{API}/feeds") for _ in range(60)]
    first = answers[0]
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age" in first.headers["cache-control"]
    late = [a for a in answers if a.status_code == 429]
    assert late and all(a.headers["retry-after"] == "1" for a in late)


def test_archive_forms_take_anything(served: Callable[..., Served]) -> None:
    place = served("flores")
    for query in ("bahaya=x&wilayah=';--&dari=9999-12-31&sampai=0001-01-01&sebelum=|", "dari=x",
                  "sampai=9999-12-31", "wilayah=53.16&bahaya=tsunami", "sebelum=a|b"):  # fmt: skip
        assert place.get(f"/archive?{query}").status_code == 200
    assert place.get("/archive/no-such").status_code == 404


def test_the_api_keeps_what_it_says_of_itself(
    scene_of: Callable[..., Scene], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """schemathesis: requests after the description, answers as the description has them."""
    monkeypatch.setattr(api, "PER_S", 1e9)
    scene = scene_of("flores")
    home = scene.copy(tmp_path / "home")
    reading = Reading(Settings(_env_file=None, home=home), lambda: scene.at)
    app = Starlette(routes=[Mount(API, application(reading))])
    schema = schemathesis.openapi.from_asgi(f"{API}/openapi.json", app)

    try:
        for operation in schema.get_all_operations():
            _keeps(operation.ok())
    finally:
        reading.close()


def _keeps(operation: Any) -> None:
    from hypothesis import given

    @settings(
        max_examples=12, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck), derandomize=True,
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def one(case: Any) -> None:
        case.validate_response(case.call())

    one()


def test_the_description_names_credit_and_every_path(served: Callable[..., Served]) -> None:
    found = ask(served("flores"), f"{API}/openapi.json").json()
    assert "BMKG" in found["info"]["description"] and len(found["paths"]) == 8
    assert found["servers"] == [{"url": API}]
    assert json.dumps(found).count("Field required") == 0
