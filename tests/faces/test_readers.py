"""What one reader gets: nothing of areas that are not theirs, an answer to any date and page."""

from __future__ import annotations

import asyncio
import base64
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import insert, select

from console.live_state.shelf import MAKERS, Made, StateShelf
from console.web import create_app
from console.web.reading import Reading
from kentongan.accounts import registry, sessions
from kentongan.accounts.roles import Role
from kentongan.db import case_steps, cases, tasks
from kentongan.settings import Settings
from kentongan.times import iso, parse_instant

LIMITS = sessions.Limits(timedelta(hours=1), timedelta(hours=12))
EDGES = ("0001-01-01", "9999-12-31", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


def reader(place, name, role, *areas):
    """Cookies of somebody who is signed in before this machine."""
    with place.engine.begin() as connection:
        registry.add(
            connection, name, name=name, role=role, areas=areas, sealed_secret=None,
            at=place.clock.at, by="test",
        )  # fmt: skip
        token, _ = sessions.start(
            connection, name, via="password", agent="test", network="test", limits=LIMITS,
            at=place.clock.at,
        )  # fmt: skip
    return {"kentongan": token}


def test_lists_of_coordinators_hold_the_tasks_of_the_readers_areas(own):
    place = own("flores")
    with place.engine.connect() as connection:
        rows = connection.execute(select(tasks.c.coordinator_id, tasks.c.adm4_code)).all()
    codes = {}
    for name, code in rows:
        codes.setdefault(name or "tanpa-koordinator", set()).add(code)
    theirs = {name for name, found in codes.items() if any(c.startswith("53.10.") for c in found)}
    others = set(codes) - theirs
    assert theirs
    assert others
    cookies = reader(place, "kepala-53-10", Role.COORDINATOR, "53.10")
    listed = place.get("/tasks", cookies=cookies).text
    assert all(f"/tasks/{name}" in listed for name in theirs)
    assert not any(f"/tasks/{name}" in listed for name in others)
    for name in sorted(others):
        assert place.get(f"/tasks/{name}", cookies=cookies).status_code == 404
        assert place.get(f"/tasks/{name}.csv", cookies=cookies).status_code == 404
    nation = reader(place, "nasional", Role.VIEWER)
    name = sorted(others)[0]
    assert place.get(f"/tasks/{name}.csv", cookies=nation).status_code == 200


def test_who_writes_calls_down_sees_the_open_cases_of_their_areas(own):
    place = own("flores")
    at = iso(place.clock.at)
    with place.engine.begin() as connection:
        for case, code in (("K1AAAA", "53.10.01.2001"), ("K2BBBB", "32.03.01.2001")):
            connection.execute(insert(cases).values(
                case_id=case, category="flood", adm4_code=code, urgency=2, unit="bpbd",
                state="open", opened_at=at, due_at=at))  # fmt: skip
            connection.execute(insert(case_steps).values(
                case_id=case, at=at, actor="x", act="opened"))  # fmt: skip
    cookies = reader(place, "kepala-53-10", Role.COORDINATOR, "53.10")
    seen = place.get("/operator/lapor", cookies=cookies).text
    assert "K1AAAA" in seen
    assert "K2BBBB" not in seen


@pytest.mark.parametrize("edge", EDGES)
def test_the_edges_of_the_calendar_are_answered(served, edge):
    place = served("flores")
    for path, names in (
        ("/centre/events", ("dari", "sampai")), ("/archive", ("dari", "sampai")),
        ("/centre/audit", ("sejak",)), ("/api/v1/archive", ("since", "until")),
        ("/centre/map/state.json", ("at",)), ("/centre/map/hazards.json", ("at",)),
    ):  # fmt: skip
        for name in names:
            answer = place.get(path, params={name: edge})
            assert answer.status_code in (200, 422), (path, name, answer.status_code)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-00:01"])
def test_an_instant_without_a_date_in_utc_is_none(text):
    with pytest.raises(ValueError, match="years 1 to 9999"):
        parse_instant(text)


@pytest.mark.parametrize("hidden", ["\x00|a", "2026-01-01T00:00:00Z|\x00", "\n|\r"])
def test_a_page_that_no_database_takes_is_none(served, hidden):
    page = base64.urlsafe_b64encode(hidden.encode()).decode()
    answer = served("flores").get("/api/v1/archive", params={"page": page})
    assert answer.status_code == 404


def test_the_public_is_not_told_what_is_for_the_centre(served):
    place = served("flores")
    (found, *_) = place.get("/warnings.json").json()["warnings"]
    assert found["exposed"] > 0
    assert not {"notes", "uncovered"} & set(found)
    assert "renew: unchanged" not in place.get("/warnings.json").text


def test_why_the_database_does_not_answer_is_told_before_this_machine_alone(tmp_path):
    settings = Settings(
        _env_file=None, home=tmp_path / "home", database_url=f"sqlite:///{tmp_path}",
        public_url="https://kentongan.example",
    )  # fmt: skip
    app = create_app(settings, clock=lambda: datetime(2026, 8, 14, tzinfo=UTC))
    wire = httpx.ASGITransport(app, client=("203.0.113.9", 5000))

    async def ask():
        async with httpx.AsyncClient(transport=wire, base_url=settings.public_url) as client:
            return await client.get("/health")

    with ThreadPoolExecutor(1) as apart:  # the loop of a browser's tests lives in this thread
        answer = apart.submit(asyncio.run, ask()).result()
    assert answer.status_code == 503
    assert answer.json()["database"] == "does not answer"
    assert str(tmp_path) not in answer.text


def test_who_asks_for_a_hundred_instants_waits_in_turn(scene_of, monkeypatch):
    found = scene_of("cianjur")
    at = found.at + timedelta(minutes=2)
    shelf = StateShelf(Reading(Settings(_env_file=None, home=found.home), lambda: at))
    busy, most = [], []

    def make(moment):
        busy.append(moment)
        most.append(len(busy))
        time.sleep(0.01)
        busy.remove(moment)
        return Made(None, None, b"", None, 0, time.monotonic(), 0.0)

    monkeypatch.setattr(shelf, "_make", make)

    async def ask():
        await asyncio.gather(*(shelf.at(at - timedelta(seconds=k)) for k in range(1, 101)))

    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, ask()).result()
    assert len(most) == 100
    assert max(most) == MAKERS
