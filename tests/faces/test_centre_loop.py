"""The pages of the loop in a browser: tasks, reports, checklists, feeds, audit, outside views."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import HTTPException, Request
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from console.web.access.rules import RULES
from console.web.access.who import Who
from console.web.centre.inbox import Inbox
from console.web.reading import Reading
from kentongan.accounts.roles import Role
from kentongan.db import audit, case_steps, cases, sop_ticks, task_steps, tasks
from kentongan.settings import Settings
from kentongan.task_life import TaskState
from tests.faces.looking import accessible
from tests.faces.scenes import Served
from tests.faces.screens import keep

PAGES = {
    "tasks": "/centre/tasks",
    "inbox": "/centre/inbox",
    "messages": "/centre/inbox/messages",
    "sop": "/centre/sop",
    "feeds": "/centre/feeds",
    "audit": "/centre/audit",
    "places": "/centre/places",
}
SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


def post(place: Served, path: str, **fields: str) -> httpx.Response:
    return httpx.post(place.url + path, data={"x": "", **fields}, headers=SAME_SITE, timeout=30)


@pytest.fixture
def reported(own: Callable[..., Served]) -> Served:
    """Flores with two calls: a danger to life, and one with a hostile text."""
    place = own("flores")
    for text in ("rumah roboh, dua orang tertimbun di Maurole", HOSTILE):
        found = post(place, "/operator/lapor", petugas="Dewi", isi=text, tempat="Maurole, Ende")
        assert found.status_code == 200
    return place


HOSTILE = "banjir <script>alert(1)</script> {{ 7*7 }} \u202egnik " + "x" * 900


@pytest.mark.parametrize("face", PAGES)
def test_each_page_reads_well_at_every_size(
    face: str, served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    seen = look(served("flores").url + PAGES[face])
    assert seen.page.locator("h1").count() == 1
    keep(seen.page, f"centre-{face}", "flores")
    accessible(seen.page)
    seen.page.set_viewport_size({"width": 390, "height": 844})
    accessible(seen.page)


def test_the_board_counts_what_the_table_holds(served: Callable[..., Served]) -> None:
    place = served("flores")
    with place.engine.connect() as connection:
        alive = tasks.c.state != str(TaskState.RECALLED)
        count, people, unmet = connection.execute(
            select(func.count(), func.sum(tasks.c.people), func.sum(tasks.c.unmet_people)).where(
                alive
            )
        ).one()
    text = place.get("/centre/tasks").text
    shown = [int(n.replace(".", "")) for n in re.findall(r"<strong>([\d.]+)</strong> \w", text)]
    assert sum(shown) == count > 900
    people_shown = re.findall(r"<small>([\d.]+) jiwa", text)[:4]
    assert sum(int(n.replace(".", "")) for n in people_shown) == people
    unmet_shown = re.findall(
        r"<b>([\d.]+) belum tertolong</b></small></li>|<b>([\d.]+) belum tertolong</b>", text
    )
    assert unmet > 0 and unmet_shown
    regency = re.search(r'<option value="(53\.\d\d)"', text)
    assert regency is not None
    part = place.get(f"/centre/tasks/board?wilayah={regency[1]}").text
    assert "<nav" not in part and "jiwa" in part


def test_what_was_said_by_telephone_is_a_step_with_a_name(own: Callable[..., Served]) -> None:
    place = own("flores")
    with place.engine.connect() as connection:
        query = select(tasks.c.task_id, tasks.c.coordinator_id).where(tasks.c.state == "sent")
        task_id, person = connection.execute(query.limit(1)).one()
    path = f"/centre/tasks/{task_id}"
    assert post(place, f"{path}/said", kata="accept", orang=person).status_code == 422
    said = {"petugas": "Dewi", "orang": person, "catatan": "<b>siap</b>"}
    assert post(place, f"{path}/said", kata="accept", **said).status_code == 303
    assert post(place, f"{path}/said", kata="sleep", **said).status_code == 422
    assert post(place, f"{path}/said", kata="finish", jiwa="-3", **said).status_code == 422
    with place.engine.connect() as connection:
        state = connection.execute(select(tasks.c.state).where(tasks.c.task_id == task_id)).scalar()
        step = (
            connection.execute(
                select(task_steps)
                .where(task_steps.c.task_id == task_id)
                .order_by(task_steps.c.fence.desc())
            )
            .mappings()
            .first()
        )
        acted = connection.execute(select(audit.c.actor).where(audit.c.action == "task.said")).all()
    assert state == "accepted" and step is not None
    assert (step["actor"], step["via"]) == ("Dewi", "operator") and acted == [("Dewi",)]
    shown = place.get(path).text
    assert "&lt;b&gt;siap" in shown and "<b>siap" not in shown


def test_another_person_is_asked_at_once(own: Callable[..., Served]) -> None:
    place = own("flores")
    with place.engine.connect() as connection:
        query = select(tasks.c.task_id, tasks.c.coordinator_id).where(tasks.c.state == "sent")
        (task_id, first), (_, other) = connection.execute(
            query.group_by(tasks.c.coordinator_id).limit(2)
        ).all()
    assert first != other
    path = f"/centre/tasks/{task_id}"
    assert post(place, f"{path}/assign", petugas="Dewi", orang="nobody").status_code == 422
    assert post(place, f"{path}/assign", petugas="Dewi", orang=other).status_code == 303
    assert other in place.get(path).text


def test_a_case_is_taken_routed_and_closed(reported: Served, look: Callable[..., Any]) -> None:
    seen = look(reported.url + "/centre/inbox")
    keep(seen.page, "centre-inbox-cases", "flores")
    accessible(seen.page)
    rows = seen.page.locator("tbody tr")
    assert rows.count() == 2 and "BAHAYA JIWA" in rows.first.inner_text()
    rows.first.locator("a").click()
    assert "Sambungkan ke 112" in seen.page.locator(".notice").inner_text()
    keep(seen.page, "centre-case", "flores")
    accessible(seen.page)
    seen.page.locator("form[action$=take] input[name=petugas]").fill("Dewi")
    seen.page.get_by_role("button", name="Saya tangani").click()
    assert "Diambil oleh Dewi" in seen.page.locator("main").inner_text()
    seen.page.locator("form[action$=close] input[name=petugas]").fill("Dewi")
    seen.page.locator("#hasil").select_option("useful")
    seen.page.locator("#catatan").fill("Tim SAR sudah di lokasi")
    seen.page.locator("form[action$=close] button").click()
    assert "Selesai" in seen.page.locator("main").inner_text()
    with reported.engine.connect() as connection:
        said = (
            connection.execute(select(case_steps.c.act).order_by(case_steps.c.id)).scalars().all()
        )
        closed = connection.execute(select(cases.c.state).where(cases.c.urgency == 3)).scalar()
    assert {"taken", "closed"} <= set(said) and closed == "closed"


def test_no_text_of_a_stranger_runs_or_grows(reported: Served, look: Callable[..., Any]) -> None:
    with reported.engine.connect() as connection:
        query = select(cases.c.case_id).where(cases.c.urgency < 3)
        case_id = connection.execute(query).scalar()
    for path in ("/centre/inbox", f"/centre/inbox/{case_id}", "/centre/inbox/messages"):
        seen = look(reported.url + path, width=390)
        text = seen.page.locator("main").inner_text()
        assert "49" not in re.findall(r"\{\{.*?\}\}|49", text)[:1] or "{{" in text
        assert seen.page.locator("main script").count() == 0
        wide = seen.page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0


def test_a_step_is_ticked_once_with_a_name(own: Callable[..., Served]) -> None:
    place = own("flores")
    text = place.get("/centre/sop").text
    found = re.search(
        r'name="peringatan" value="([^"]+)"><input type="hidden" name="langkah" value="([^"]+)"',
        text,
    )
    assert found is not None
    fields = {
        "peringatan": found[1],
        "langkah": found[2],
        "petugas": "Dewi",
        "catatan": "sudah dicek",
    }
    assert post(place, "/centre/sop/tick", **fields).status_code == 303
    assert post(place, "/centre/sop/tick", **fields).status_code == 422
    assert post(place, "/centre/sop/tick", **{**fields, "langkah": "nothing"}).status_code == 422
    with place.engine.connect() as connection:
        rows = connection.execute(select(sop_ticks.c.step_id, sop_ticks.c.actor)).all()
    assert rows == [(found[2], "Dewi")] and "sudah dicek" in place.get("/centre/sop").text


def test_the_audit_proves_itself_and_names_a_forgery(own: Callable[..., Served]) -> None:
    place = own("cianjur")
    assert "Rantai utuh" in post(place, "/centre/audit/verify").text
    with place.engine.begin() as connection:
        row = connection.execute(select(func.max(audit.c.seq))).scalar()
        connection.execute(audit.update().where(audit.c.seq == row).values(actor="somebody"))
    assert f"RANTAI PUTUS pada row {row}" in post(place, "/centre/audit/verify").text
    assert "somebody" in place.get("/centre/audit?siapa=somebody").text
    assert place.get("/centre/audit?sejak=rubbish&sebelum=99999999999999999999").status_code == 200


def test_outside_views_are_links_and_points(served: Callable[..., Served], tmp_path: Any) -> None:
    place = served("cianjur")
    points = place.get("/centre/map/places.json").json()
    assert len(points) >= 5 and all(p["url"].startswith("https://") for p in points)
    assert place.get("/centre/places").text.count("noopener noreferrer") == len(points)
    mine = tmp_path / "mine.csv"
    mine.write_text(
        "name,kind,url,longitude,latitude\nCCTV Ciliwung,camera,javascript:alert(1),106.8,-6.2\n"
    )
    bad = served("cianjur", places=mine)
    assert bad.get("/centre/map/places.json").status_code == 500
    assert "tidak terbaca" in bad.get("/centre/places").text


def test_a_form_from_elsewhere_is_refused(own: Callable[..., Served]) -> None:
    place = own("cianjur")
    for path in ("/centre/sop/tick", "/centre/audit/verify", "/operator/lapor"):
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
            found = httpx.post(place.url + path, data={"petugas": "D"}, headers=headers)
            assert found.status_code == 403
    big = httpx.post(
        place.url + "/centre/sop/tick", content=b"petugas=" + b"x" * 10_000_000,
        headers={**SAME_SITE, "Content-Type": "application/x-www-form-urlencoded"}, timeout=30,
    )  # fmt: skip
    assert big.status_code in (400, 413)


POSTED = sorted(
    path for path, rule in RULES.items()
    if rule.write is not None and path.startswith(tuple(PAGES.values()))
)  # fmt: skip


@given(
    path=st.sampled_from(POSTED), piece=st.text(max_size=20),
    fields=st.dictionaries(
        st.sampled_from(["petugas", "kata", "orang", "jiwa", "unit", "hasil", "langkah"]),
        st.text(max_size=60), max_size=6,
    ),
)  # fmt: skip
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_form_breaks_whatever_is_written(
    served: Callable[..., Served], path: str, piece: str, fields: dict[str, str]
) -> None:
    from urllib.parse import quote

    where = re.sub(r"\{\w+\}", quote(piece, safe="") or "x", path)
    found = post(served("cianjur"), where, **fields)
    assert found.status_code in (200, 303, 404, 405, 422)


def test_all_messages_are_shown_to_the_nation_alone() -> None:
    """A message has no place, so nobody who acts for one area reads them all."""
    request = Request({"type": "http", "query_string": b"", "headers": [], "state": {}})
    request.state.who = Who(account_id="dewi", role=Role.COORDINATOR, areas=("32.03",))
    with pytest.raises(HTTPException) as refused:
        Inbox(Reading(Settings(_env_file=None), lambda: datetime.now(UTC))).messages(request)
    assert refused.value.status_code == 403
