"""Every page in a browser that runs no script: what is in force is there, and forms work."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import func, select

from kentongan.db import reports, sop_ticks
from tests.faces.scenes import Served
from tests.faces.walking import Walk

IN_FORCE = (
    "/", "/warnings", "/map", "/app/desa/{code}", "/archive/{warning_id}", "/centre",
    "/centre/events", "/centre/events/{event_id}", "/centre/map", "/centre/wall", "/centre/sop",
    "/t/{token}", "/centre/events/{event_id}/texts",
)  # fmt: skip
"""Whoever opens these must see what is in force."""
HAZARD = re.compile("gempa|guncangan", re.IGNORECASE)


def test_every_page_says_what_it_has_to_say(
    hostile: Served, hostile_walk: Walk, look: Callable[..., Any]
) -> None:
    place, walked = hostile, hostile_walk
    seen = look(place.url + "/masuk", width=390, java_script_enabled=False)
    bad = []
    for rule, pages in walked.pages.items():
        for path in [one for one in pages if one in walked.html][:1]:
            seen.page.goto(place.url + path)
            text = seen.page.locator("body").inner_text()
            if rule in IN_FORCE and not any(
                word in text.lower() for word in ("gempa", "guncangan")
            ):
                bad.append((path, "nothing in force", text[:300]))
            if seen.page.locator("h1:visible").count() != 1 or len(text) < 120:
                bad.append((path, "no page", text[:300]))
    assert bad == [], "\n".join(map(str, bad))
    assert {rule for rule in IN_FORCE if not set(walked.pages[rule]) & walked.html} == set()


def test_the_app_leads_on_without_a_script(
    served: Callable[..., Served], look: Callable[..., Any]
) -> None:
    seen = look(served("cianjur").url + "/app/", width=390, java_script_enabled=False)
    seen.page.locator("a[href='/app/desa']").first.click()
    seen.page.locator("input[name=q]").fill("Mekarwangi Warungkondang")
    seen.page.locator("input[name=q]").press("Enter")
    seen.page.locator("a[href^='/app/desa/32.03']").first.click()
    assert (
        "Mekarwangi" in seen.page.locator("h1, h2, main").first.inner_text() + seen.page.content()
    )


def test_forms_work_without_a_script(own: Callable[..., Served], look: Callable[..., Any]) -> None:
    place = own("cianjur")
    page = look(place.url + "/lapor", width=390, java_script_enabled=False).page
    page.locator("[name=isi]").fill("rumah roboh, dua orang tertimbun")
    page.locator("[name=tempat]").fill("Cugenang, Cianjur")
    page.locator("form button").first.click()
    assert "/lapor/" in page.url
    page.goto(place.url + "/daftar?desa=Cibulakan")
    assert page.locator("input[name=kode]").count() >= 1
    page.goto(place.url + "/centre/inbox")
    page.locator("tbody tr a").first.click()
    page.locator("form[action$=take] [name=petugas]").fill("Dewi")
    page.locator("form[action$=take] button").click()
    assert "Diambil oleh Dewi" in page.locator("main").inner_text()
    page.goto(place.url + "/centre/sop")
    form = page.locator("form[action$=tick]").first
    form.locator("[name=petugas]").fill("Dewi")
    form.locator("button").click()
    with place.engine.connect() as connection:
        ticks = connection.execute(select(sop_ticks.c.actor)).scalars().all()
        count = connection.execute(select(func.count()).select_from(reports)).scalar()
    assert ticks == ["Dewi"] and count == 1
