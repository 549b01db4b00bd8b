"""Signing in as people do it: in a browser, by keyboard, on a phone, without scripts."""

from __future__ import annotations

import pyotp
import pytest
from argon2 import PasswordHasher
from playwright.sync_api import expect

from kentongan.accounts import office, passwords
from kentongan.accounts.gate import Actor
from kentongan.accounts.leaving import set_password
from kentongan.accounts.roles import Role
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from tests.faces.looking import accessible
from tests.faces.screens import keep

RIGHT = "kopi susu tanpa gula"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    passwords._of_nobody.cache_clear()
    hasher = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", lambda: hasher)
    yield
    passwords._of_nobody.cache_clear()


def enrolled(served):
    """An admin, and `dewi` on duty with a password of the admin's making; (their phones)."""
    migrate(served.engine)
    desk, clock = office.Office(served.engine, secrets_key(served.settings)), served.clock
    common = {"areas": (), "host": "test"}
    made = office.add(
        desk, "admin", name="Admin", role=Role.ADMIN, by=None, at=clock.at, **common
    )  # fmt: skip
    admin = pyotp.parse_uri(made.uri)
    made = office.add(
        desk, "dewi", name="Dewi Lestari", role=Role.DUTY_OFFICER, at=clock.at,
        by=Actor("admin", admin.at(clock.at)), **common,
    )  # fmt: skip
    clock.forward(seconds=30)
    set_password(desk, "dewi", "buatan admin saja", by=Actor("admin", admin.at(clock.at)),
                 at=clock.at)  # fmt: skip
    clock.forward(seconds=30)
    return pyotp.parse_uri(made.uri)


def test_an_officer_signs_in_for_the_first_time_and_out_again(own, look):
    served = own("empty")
    phone = enrolled(served)
    seen = look(served.url + "/centre/feeds")
    page = seen.page
    expect(page).to_have_url(f"{served.url}/masuk?ke=%2Fcentre%2Ffeeds")
    accessible(page)
    keep(page, "sign-in", "empty")

    def enter(password: str) -> None:
        """By keyboard alone."""
        page.locator("#nama").focus()
        page.keyboard.type("Dewi")
        for text in (password, phone.at(served.clock.at)):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")

    enter("bukan kata sandinya")
    expect(page.get_by_role("alert")).to_contain_text("tidak cocok")
    accessible(page)
    seen.complaints.clear()  # the browser tells of the status 401
    page.locator("#nama").fill("")
    enter("buatan admin saja")
    expect(page).to_have_url(f"{served.url}/akun")
    expect(page.locator("main")).to_contain_text("dibuat admin")
    page.goto(served.url + "/centre/feeds")
    expect(page).to_have_url(f"{served.url}/akun")
    page.fill("#lama", "buatan admin saja")
    page.fill("#baru", RIGHT)
    page.fill("#ulang", RIGHT)
    page.get_by_role("button", name="Ganti kata sandi").click()
    expect(page.locator("main [role=status]")).to_contain_text("Kata sandi diganti")
    accessible(page)
    keep(page, "account", "empty")
    page.goto(served.url + "/centre/feeds")
    expect(page.locator(".who")).to_contain_text("Dewi Lestari")
    page.get_by_role("button", name="Keluar").click()
    expect(page).to_have_url(f"{served.url}/masuk")
    page.goto(served.url + "/centre/feeds")
    expect(page).to_have_url(f"{served.url}/masuk?ke=%2Fcentre%2Ffeeds")


def test_signing_in_needs_no_script_and_turns_the_wrong_role_away_in_words(own, look):
    served = own("empty")
    phone = enrolled(served)
    seen = look(served.url + "/masuk", width=390, java_script_enabled=False)
    page = seen.page
    for name, text in (("nama", "dewi"), ("sandi", "buatan admin saja")):
        page.fill(f"#{name}", text)
    page.fill("#kode", phone.at(served.clock.at))
    page.get_by_role("button", name="Masuk").click()
    expect(page).to_have_url(f"{served.url}/akun")
    page.fill("#lama", "buatan admin saja")
    page.fill("#baru", RIGHT)
    page.fill("#ulang", RIGHT)
    page.get_by_role("button", name="Ganti kata sandi").click()
    with served.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE accounts SET role = 'viewer' WHERE account_id = 'dewi'")
    page.goto(served.url + "/centre/audit")
    expect(page.locator("main")).to_contain_text("Yang boleh: Analis, Perwira piket, Penyetuju")
    seen.complaints.clear()  # the browser tells of the status 403
