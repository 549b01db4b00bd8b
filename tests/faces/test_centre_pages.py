"""Overview, events, approvals, sending and drills in a browser, over each scenario."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from kentongan.accounts.roles import Role
from kentongan.db import cases, events, outbox, tasks, warnings
from kentongan.task_life import WAITING, TaskState
from notify import versions
from notify.tasks.escalation import LADDER
from tests.console.centre.conftest import strict_policy
from tests.console.centre.staff import OWN, Office, hire
from tests.faces.looking import accessible
from tests.faces.scenes import Served
from tests.faces.screens import keep

SCENARIOS = ("flores", "cianjur", "thunderstorm", "blind-night")
PAGES = {
    "overview": "/centre",
    "events": "/centre/events?keadaan=semua",
    "event": "",
    "decision": "",
    "dispatch": "/centre/dispatch",
    "drills": "/centre/drills",
}


def number(text: str) -> int:
    return int(text.replace(".", ""))


def read(place: Served, path: str, **options: Any) -> httpx.Response:
    return place.get(path, **{"timeout": 60, **options})


def newest_event(engine: Engine, hazard: str = "") -> tuple[str, str]:
    """Event and warning with most people."""
    query = select(warnings.c.event_id, warnings.c.warning_id).order_by(
        warnings.c.body["exposed_people"].as_integer().desc(), warnings.c.version.desc()
    )
    if hazard:
        query = query.where(warnings.c.hazard_id == hazard)
    with engine.connect() as connection:
        row = connection.execute(query.limit(1)).one()
    return row.event_id, row.warning_id


def address(place: Served, face: str) -> str:
    event, warning = newest_event(place.engine)
    made = {"event": f"/centre/events/{event}", "decision": f"/centre/approvals/{warning}"}
    return place.url + (made.get(face) or PAGES[face])


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_page_reads_well_at_every_size(
    scenario: str, served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    place = served(scenario)
    seen = look("about:blank")
    for face in PAGES:
        seen.page.goto(address(place, face))
        assert seen.page.locator("h1").count() == 1, face
        keep(seen.page, f"centre-{face}", scenario)
        if scenario == "flores" or face in ("overview", "event"):
            accessible(seen.page)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_overview_says_what_the_tables_say(
    scenario: str, served: Callable[..., Served]
) -> None:
    place = served(scenario)
    text = read(place, "/centre").text
    with place.engine.connect() as connection:
        held = [v for v in versions.in_state(connection, "released") if not v.body.is_end]  # type: ignore[arg-type]
    cards = re.findall(r'<article class="card level-(\d)">(.*?)</article>', text, re.DOTALL)
    shown = [
        (int(level), *(number(n) for n in re.findall(r"<strong>([\d.]+)</strong>", card)[:3]))
        for level, card in cards
    ]
    expected = [
        (v.body.level, v.body.exposed_people, v.body.uncovered_people, len(v.body.levels))
        for v in held
    ]
    assert sorted(shown) == sorted(expected) and shown
    first = cards[0][1]
    tsunami = any(v.body.hazard_id == "tsunami" for v in held)
    assert ("Tsunami" in first) == tsunami
    assert "bukan pernyataan aman" in text or held
    blind = read(place, "/feeds.json").json()["feeds"]
    lost = [f for f in blind if f["blind_since"]]
    for feed in lost:
        assert "buta" in text, feed


def test_an_installation_that_knows_nothing_never_looks_safe(
    served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    place = served("empty")
    seen = look(place.url + "/centre")
    text = seen.page.locator("main").inner_text()
    assert "Kentongan belum tahu apa-apa" in text and "Ini bukan pernyataan aman" in text
    assert "tidak ada detak" in text and "Daftar ini mungkin tidak lengkap" in text
    accessible(seen.page)
    for path in ("/centre/events", "/centre/approvals", "/centre/dispatch", "/centre/drills"):
        assert read(place, path).status_code == 200


def test_without_scripts_everything_is_there(
    served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    place = served("flores")
    seen = look(place.url + "/centre", java_script_enabled=False, width=390, height=844)
    seen.page.get_by_role("link", name=re.compile("Peringatan dini tsunami")).click()
    main = seen.page.locator("main").inner_text()
    for words in ("Mengapa tingkat ini", "Bukti", "BMKG dan kami", "Riwayat", "Desa", "794.784"):
        assert words in main
    seen.page.get_by_role("link", name="Teks persis", exact=True).click()
    assert "LATIHAN" in seen.page.locator("samp").first.inner_text()


def test_an_event_adds_up(served: Callable[..., Served]) -> None:
    place = served("flores")
    event, warning = newest_event(place.engine, "tsunami")
    with place.engine.connect() as connection:
        version = versions.newest(connection, warning)
        held = (tasks.c.warning_id == warning) & (tasks.c.state != str(TaskState.RECALLED))
        counted = connection.execute(
            select(func.count(), func.sum(tasks.c.people), func.sum(tasks.c.unmet_people)).where(
                held
            )
        ).one()
    assert version is not None
    text = read(place, f"/centre/events/{event}").text
    assert f"{counted[0]} tugas" in text
    shown = [number(n) for n in re.findall(r"([\d.]+) jiwa", text)]
    assert shown[0] == counted[1]
    rows = list(
        csv.DictReader(io.StringIO(read(place, f"/centre/events/{event}/villages.csv").text))
    )
    warned = [row for row in rows if int(row["level"]) > 0]
    assert {row["adm4_code"]: int(row["level"]) for row in warned} == version.body.levels
    assert sum(int(row["exposed"]) for row in warned) == version.body.exposed_people
    assert sum(int(row["uncovered"]) for row in warned) == version.body.uncovered_people
    regencies = re.findall(r'data-name="Terpapar">([\d.]+)<', text.split("Bukti")[0])
    assert sum(map(number, regencies)) == version.body.exposed_people
    last = read(place, f"/centre/events/{event}/villages?urut=tak-terjangkau&halaman=99").text
    assert "halaman 14 dari 14" in last and len(rows) == 654


def test_the_story_names_each_version_state_and_person(served: Callable[..., Served]) -> None:
    place = served("flores")
    event, warning = newest_event(place.engine, "tsunami")
    text = read(place, f"/centre/events/{event}").text.split("Riwayat")[1]
    for part in ("Pengetahuan versi 1", f"Rancangan {warning} v1", f"{warning} v3: berlaku",
                 "diganti", "oleh kebijakan"):  # fmt: skip
        assert part in text


def test_why_and_losses_are_for_the_centre_alone(served: Callable[..., Served]) -> None:
    place = served("flores")
    event, _ = newest_event(place.engine, "shaking")
    why = read(place, f"/centre/events/{event}/explain").text
    for part in ("Dihitung ulang dari sel", "sama dengan yang tersimpan", "<svg class=", "Dokumen"):
        assert part in why
    losses = read(place, f"/centre/events/{event}/losses").text
    assert "Deaths, order of magnitude" in losses and "tidak pernah ada di teks" in losses
    for public in ("/warnings", "/warnings.json", "/map", "/cap-exercise/index.json"):
        assert "Deaths" not in read(place, public).text
    assert read(place, f"/centre/events/{event}/explain?desa=99.99").status_code == 404
    assert read(place, "/centre/events/none").status_code == 404


def test_danger_to_life_and_tasks_nobody_takes_stand_on_top(own: Callable[..., Served]) -> None:
    place = own("flores")
    said = {"petugas": "Dewi", "isi": "rumah roboh, dua orang tertimbun", "tempat": "Maurole, Ende"}
    found = httpx.post(f"{place.url}/operator/lapor", data=said, headers=OWN, timeout=60)
    assert found.status_code == 200
    with place.engine.begin() as connection:
        asked = select(tasks.c.task_id).where(tasks.c.state.in_(WAITING)).limit(2)
        waiting = list(connection.execute(asked).scalars())
        climbed = tasks.update().where(tasks.c.task_id.in_(waiting))
        connection.execute(climbed.values(escalation=len(LADDER)))
        (case,) = connection.execute(select(cases.c.case_id)).scalars()
    place.clock.forward(minutes=3)
    text = read(place, "/centre").text
    assert f'/centre/inbox/{case}">' in text and "<strong>1</strong> <a href" in text
    assert waiting and all(f'/centre/tasks/{task}">' in text for task in waiting)
    assert f"{len(waiting)} naik sampai puncak" in text and "tugas perlu tindakan" in text


def test_the_list_filters_and_pages(own: Callable[..., Served]) -> None:
    place = own("flores")
    with place.engine.begin() as connection:
        row = dict(connection.execute(select(events)).mappings().first() or {})
        body = json.loads(row["body"])
        for index in range(120):
            name = f"rain-{index:03}"
            made = {**body, "event_id": name, "hazard_id": "rain", "title": f"Hujan <b>{index}"}
            values = {**row, "event_id": name, "hazard_id": "rain", "state": "ended"}
            connection.execute(events.insert().values({**values, "body": json.dumps(made)}))
    first = read(place, "/centre/events?keadaan=tertutup&bahaya=rain").text
    assert "120 peristiwa" in first and "halaman 1 dari 3" in first and "<b>0" not in first
    third = read(place, "/centre/events?keadaan=tertutup&bahaya=rain&halaman=3").text
    assert third.count("<tr class=") == 20
    assert "2 peristiwa" in read(place, "/centre/events").text
    assert "0 peristiwa" in read(place, "/centre/events?keadaan=semua&dari=2030-01-01").text
    assert "122 peristiwa" in read(place, "/centre/events?keadaan=semua&sampai=2026-08-15").text


TEXT = st.text(max_size=40) | st.sampled_from(["\x00", "75.02.01.2001' OR 1=1", "-1", "1e9", "<b>"])


@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    tail=st.sampled_from(["", "/now", "/villages", "/texts", "/explain"]),
    query=st.dictionaries(
        st.sampled_from(["urut", "halaman", "versi", "desa"]), TEXT, max_size=3
    ),
)  # fmt: skip
def test_no_address_of_an_event_breaks(
    served: Callable[..., Served], tail: str, query: dict[str, str]
) -> None:
    place = served("cianjur")
    event, _ = newest_event(place.engine)
    safe = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    answer = read(place, f"/centre/events/{event}{tail}", params=safe)
    assert answer.status_code in (200, 400, 404), (tail, query)


@pytest.fixture
def asked(own: Callable[..., Served], tmp_path: Any) -> Iterator[Office]:
    """Cianjur under a strict policy, where a person has asked to take the warning back."""
    place = own("cianjur", policy=strict_policy(tmp_path))
    at = place.clock.at
    people = {
        name: hire(place.settings, place.engine, name, role, at)
        for name, role in (("ani", Role.DUTY_OFFICER), ("budi", Role.APPROVER))
    }
    office = Office(place, people)
    _, warning = newest_event(place.engine)
    assert office.act("ani", "cancel", warning, alasan="keliru").status_code == 303
    yield office


def test_a_correction_is_read_and_approved_with_the_keyboard(
    asked: Office, look: Callable[..., Any]
) -> None:
    place = asked.place
    _, warning = newest_event(place.engine)
    seen = look("about:blank")
    seen.page.context.add_cookies(
        [{"name": "kentongan", "value": asked.people["budi"].cookie, "url": place.url}]
    )
    seen.page.goto(place.url + "/centre")
    assert "Menunggu Anda" in seen.page.locator("main").inner_text()
    seen.page.goto(f"{place.url}/centre/approvals")
    keep(seen.page, "centre-approvals", "cianjur")
    accessible(seen.page)
    seen.page.goto(f"{place.url}/centre/approvals/{warning}")
    for summary in seen.page.locator("#putuskan ~ details > summary").all():
        summary.click()
    accessible(seen.page)
    keep(seen.page, "centre-decision-waiting", "cianjur")
    main = seen.page.locator("main").inner_text()
    for part in (
        "pembatalan",
        "2 orang",
        "ani",
        "diminta orang",
        "LATIHAN",
        "Teks persis",
        "keliru",
    ):
        assert part in main
    seen.page.locator('form[action$="/approve"] input.kode').focus()
    seen.page.keyboard.type(asked.code("budi"))
    seen.page.keyboard.press("Enter")
    seen.page.wait_for_url("**?tercatat=setuju")
    assert "Persetujuan Anda tercatat" in seen.page.locator("main").inner_text()
    with place.engine.connect() as connection:
        newest = versions.newest(connection, warning)
        assert newest is not None and newest.body.action == "cancel"
        assert versions.alert_of(connection, newest.ref) is not None
        told = connection.execute(
            select(func.count()).where(outbox.c.alert_version == newest.ref.identifier)
        ).scalar_one()
    assert told > 0


def test_open_pages_follow_a_change(asked: Office, look: Callable[..., Any]) -> None:
    """The queue is fetched again when somebody else decides."""
    place = asked.place
    _, warning = newest_event(place.engine)
    seen = look("about:blank")
    seen.page.context.add_cookies(
        [{"name": "kentongan", "value": asked.people["ani"].cookie, "url": place.url}]
    )
    seen.page.goto(place.url + "/centre/approvals")
    assert "pembatalan" in seen.page.locator("section[data-live]").inner_text()
    assert asked.act("budi", "approve", warning).status_code == 303
    seen.page.wait_for_function(
        "() => document.querySelector('section[data-live]').innerText.includes('Tidak ada yang')",
        timeout=20_000,
    )


def test_parts_are_no_whole_pages(served: Callable[..., Served]) -> None:
    place = served("cianjur")
    event, _ = newest_event(place.engine)
    for path in ("now", "events/table", f"events/{event}/now", "approvals/queue", "dispatch/now"):
        answer = read(place, f"/centre/{path}")
        assert answer.status_code == 200 and "<html" not in answer.text, path
