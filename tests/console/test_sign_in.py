"""Signing in and out over a real socket: the right person, the wrong ones, and floods of them."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from console.web import create_app
from console.web.access.headers import closing
from console.web.access.names import browser_name
from console.web.access.pace import REMEMBERED, Pace, Paces
from console.web.access.sign_in import HOME, own_path
from console.web.app import allowed_hosts
from kentongan.accounts import office, passwords, sessions
from kentongan.accounts.gate import Actor, admit
from kentongan.accounts.leaving import set_password
from kentongan.accounts.roles import Act, Role
from kentongan.accounts.sign_in import PER_DEVICE, PER_NAME, PER_NETWORK
from kentongan.db import accounts, audit, make_engine
from kentongan.db import sessions as sessions_table
from kentongan.errors import RuleViolation
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from kentongan.transactions import writing
from tests.console.access_matrix import FORM, NOBODY, Asker
from tests.console.test_web import served

START = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
RIGHT = "kopi susu tanpa gula"
CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Argon2id with so little work that a test may try many passwords."""
OWN = {"Sec-Fetch-Site": "same-origin"}
WRONG = "Nama, kata sandi, atau kode tidak cocok"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    passwords._of_nobody.cache_clear()
    monkeypatch.setattr(passwords, "hasher", lambda: CHEAP)
    yield
    passwords._of_nobody.cache_clear()


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **units: float) -> None:
        self.at += timedelta(**units)


@dataclass
class Site:
    """An installation with an admin and an approver who have passwords and phones."""

    url: str
    clock: Clock
    desk: office.Office
    phones: dict[str, pyotp.TOTP] = field(default_factory=dict)

    def browser(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers=OWN, **more)

    def code(self, name: str) -> str:
        """The next code that nobody used."""
        self.clock.forward(seconds=30)
        return self.phones[name].at(self.clock.at)

    def enter(self, browser: httpx.Client, name: str = "ani", **fields: str) -> httpx.Response:
        form = {"nama": name, "sandi": RIGHT} | fields
        if "kode" not in form:
            form["kode"] = self.code(name if name in self.phones else "ani")
        return browser.post("/masuk", data=form)

    def audit(self) -> list[tuple[str, str, str]]:
        with self.desk.engine.connect() as connection:
            rows = connection.execute(select(audit).order_by(audit.c.seq)).all()
        return [(row.actor, row.action, row.body) for row in rows if "session" in row.action]

    def count(self, name: str = "ani") -> int:
        with self.desk.engine.connect() as connection:
            return len(sessions.of_account(connection, name))


def enrol(desk: office.Office, clock: Clock, phones: dict[str, pyotp.TOTP], name: str, role: Role):
    by = None
    if phones:
        clock.forward(seconds=30)
        by = Actor("admin", phones["admin"].at(clock.at))
    made = office.add(
        desk, name, name=name.title(), role=role, areas=(), by=by, host="test", at=clock.at
    )
    phones[name] = pyotp.parse_uri(made.uri)
    for given_by in ("admin", name)[: 1 if name != "admin" else 2][-1:]:
        clock.forward(seconds=30)
        actor = Actor(given_by, phones[given_by].at(clock.at))
        set_password(desk, name, RIGHT, by=actor, at=clock.at)


@contextmanager
def site_of(folder: Path, **changes: Any) -> Iterator[Site]:
    own = Settings(_env_file=None, home=folder, **changes)
    engine = make_engine(own.resolved_database_url)
    migrate(engine)
    clock = Clock()
    desk = office.Office(engine, secrets_key(own))
    phones: dict[str, pyotp.TOTP] = {}
    enrol(desk, clock, phones, "admin", Role.ADMIN)
    enrol(desk, clock, phones, "ani", Role.APPROVER)
    with engine.begin() as connection:
        connection.execute(update(accounts).values(password_initial=False))
    with served(own, clock) as url:
        yield Site(url, clock, desk, phones)
    engine.dispose()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_of(tmp_path) as found:
        yield found


# --- in and out -----------------------------------------------------------------------------


def test_a_person_signs_in_reads_and_signs_out(site):
    with site.browser() as browser:
        assert browser.get("/centre/audit").headers["location"] == "/masuk?ke=%2Fcentre%2Faudit"
        answer = site.enter(browser, ke="/centre/audit")
        assert (answer.status_code, answer.headers["location"]) == (303, "/centre/audit")
        assert "no-store" in answer.headers["cache-control"]
        page = browser.get("/centre/audit")
        assert page.status_code == 200 and "Ani" in page.text
        assert page.headers["cache-control"] == "private, no-store"
        assert site.count() == 1
        kept = browser.cookies["kentongan"]
        out = browser.post("/keluar")
        assert (out.status_code, out.headers["location"]) == (303, "/masuk")
        assert site.count() == 0 and "kentongan" not in browser.cookies
        browser.cookies.set("kentongan", kept)
        assert browser.get("/centre/audit").status_code == 303, "the old cookie opens nothing"
    actions = [(actor, action) for actor, action, _ in site.audit()]
    assert actions == [("ani", "session.start"), ("ani", "session.end")]


def test_the_cookie_is_for_our_own_pages_alone_and_its_text_is_nowhere_else(site, caplog):
    with site.browser() as browser, caplog.at_level(logging.DEBUG):
        said = site.enter(browser).headers.get_list("set-cookie")
        token = browser.cookies["kentongan"]
        browser.get("/akun")
    session = next(line for line in said if line.startswith("kentongan="))
    parts = {part.strip().lower() for part in session.split(";")[1:]}
    assert parts == {"httponly", "path=/", "samesite=lax"}, "no Secure before one's own screen"
    assert len(token) >= 43
    with site.desk.engine.connect() as connection:
        rows = connection.execute(select(sessions_table)).all()
        everything = str(rows) + str(connection.execute(select(audit)).all())
    assert token not in everything and sessions.hash_of(token) in everything
    ours = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("http"))
    assert token not in ours and RIGHT not in ours


def test_behind_tls_the_cookies_carry_the_prefix_and_the_plain_name_opens_nothing(tmp_path):
    public = "https://pusat.example.org"
    with site_of(tmp_path, public_url=public) as site:
        headers = {**OWN, "Host": "pusat.example.org", "X-Forwarded-Proto": "https",
                   "X-Forwarded-For": "198.51.100.7"}  # fmt: skip
        with httpx.Client(base_url=site.url, headers=headers) as browser:
            answer = site.enter(browser)
            assert answer.status_code == 303
            said = answer.headers.get_list("set-cookie")
            assert all(line.startswith("__Host-kentongan") for line in said)
            assert all("; Secure" in line and "HttpOnly" in line for line in said)
            assert answer.headers["strict-transport-security"] == "max-age=31536000"
            token = re.search(r"__Host-kentongan=([^;]+)", said[0])[1]
            opened = {"Cookie": f"__Host-kentongan={token}"}
            assert httpx.get(f"{site.url}/akun", headers=headers | opened).status_code == 200
            page = httpx.get(f"{site.url}/akun", headers=headers | opened).text
            assert "198.51.100.7" in page
            plain = {"Cookie": f"kentongan={token}"}
            assert httpx.get(f"{site.url}/akun", headers=headers | plain).status_code == 303


def test_without_tls_nobody_signs_in_from_elsewhere(tmp_path):
    own = Settings(_env_file=None, home=tmp_path, web_host="::")
    asker = Asker(NOBODY, create_app(own, clock=lambda: START))
    scope_http = {"host": "10.1.2.3:8080"}
    assert asker.answer("GET", "/masuk", **scope_http).status == 200  # asked over TLS
    plain = _plain(asker.app, "GET")
    assert plain[0] == 200 and "tanpa HTTPS" in plain[1] and "<form" not in plain[1]
    assert _plain(asker.app, "POST")[0] == 403


def _plain(app: Any, method: str) -> tuple[int, str]:
    async def ask() -> tuple[int, str]:
        transport = httpx.ASGITransport(app=app, client=("10.9.9.9", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3") as client:
            data = {"nama": "ani"} if method == "POST" else None
            found = await client.request(method, "/masuk", data=data, headers=OWN)
            return found.status_code, found.text

    return asyncio.run(ask())


# --- every wrong one ------------------------------------------------------------------------


def test_every_wrong_way_gets_the_same_page(site):
    used = site.code("ani")
    with site.browser() as first:
        assert site.enter(first, kode=used).status_code == 303
    pages = set()
    for fields in (
        {"sandi": "kopi susu dengan gula"}, {"kode": "000000"}, {"kode": used}, {"kode": ""},
        {"name": "budi"}, {"name": "nobody"}, {"name": "kentongan"}, {"sandi": ""},
        {"sandi": RIGHT + " "}, {"kode": "１２３４５６"},
    ):  # fmt: skip
        with site.browser() as browser:
            answer = site.enter(browser, **fields)
        assert (answer.status_code, WRONG in answer.text) == (401, True), fields
        assert not answer.headers.get_list("set-cookie")
        name = fields.get("name", "ani")
        told = re.sub(r"Keadaan pada.*UTC", "", answer.text).replace(f'value="{name}"', "")
        pages.add(told)
    assert len(pages) == 1
    refused = [(actor, body) for actor, action, body in site.audit() if action.endswith("refused")]
    assert all(actor == "nobody" for actor, _ in refused)
    assert not any("budi" in body for _, body in refused), "a name nobody has may be a password"
    reasons = [re.search(r'"reason":"([^"]+)"', body)[1] for _, body in refused]
    assert set(reasons) == {"wrong password", "wrong code", "a code that was used already"}


def test_a_disabled_account_and_one_without_a_password_get_the_same_page(site):
    for values in ({"disabled_at": "2026-11-22T06:00:00Z"}, {"password_hash": None}):
        with site.desk.engine.begin() as connection:
            connection.execute(
                update(accounts).where(accounts.c.account_id == "ani").values(values)
            )
        with site.browser() as browser:
            answer = site.enter(browser)
        assert (answer.status_code, WRONG in answer.text) == (401, True)
        with site.desk.engine.begin() as connection:
            connection.execute(
                update(accounts).where(accounts.c.account_id == "ani").values(disabled_at=None)
            )


def test_an_unknown_name_takes_as_long_as_a_wrong_password(monkeypatch):
    """One hash each, with the parameters of today."""
    calls: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str, password: str) -> bool:
            calls.append(hash)
            return super().verify(hash, password)

    counting = Counting(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", lambda: counting)
    stored = counting.hash(RIGHT)
    assert passwords.matches(stored, RIGHT)
    assert not passwords.matches(stored, "another one")
    assert not passwords.matches(None, RIGHT)
    assert not passwords.matches(stored, "x" * 100_000)
    assert len(calls) == 4
    assert len({tuple(text.split("$")[1:4]) for text in calls}) == 1


def test_the_real_hash_is_argon2id_with_64_mib(monkeypatch):
    monkeypatch.undo()
    found = passwords.hashed(RIGHT)
    assert found.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(found, RIGHT) and not passwords.outdated(found)
    assert passwords.outdated(CHEAP.hash(RIGHT))


def test_a_hash_of_other_parameters_is_made_anew_at_sign_in(site, monkeypatch):
    better = PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)
    monkeypatch.setattr(passwords, "hasher", lambda: better)
    with site.browser() as browser:
        assert site.enter(browser).status_code == 303
    with site.desk.engine.connect() as connection:
        query = select(accounts.c.password_hash).where(accounts.c.account_id == "ani")
        assert "m=128,t=2" in connection.execute(query).scalar_one()
    with site.browser() as browser:
        assert site.enter(browser).status_code == 303


@pytest.mark.parametrize(
    ("password", "sound"),
    [
        ("short", False), ("elevenchars", False), ("twelve chars", True), ("a" * 300, False),
        ("aaaaaaaaaaaabbbb", False), ("ani-ani-makan", False), ("tanpa nama akun", True),
        ("ｋｏｐｉ ｓｕｓｕ ｍａｎｉｓ", True), ("\ud800" * 12, False), ("", False),
    ],
)  # fmt: skip
def test_what_is_strong_enough(password, sound):
    assert (passwords.trouble_of(password, "ani") == "") is sound


def test_one_password_is_one_however_it_is_typed():
    assert passwords.matches(CHEAP.hash("kafe\u0301 di pojok"), "kaf\u00e9 di pojok") is False
    stored = passwords.hashed("kafe\u0301 di pojok")
    assert passwords.matches(stored, "kaf\u00e9 di pojok")


# --- floods ---------------------------------------------------------------------------------


def test_a_stranger_who_guesses_does_not_keep_the_person_out(site):
    with site.browser() as known:
        assert site.enter(known).status_code == 303
        known.post("/keluar")
        with site.browser() as stranger:
            answers = [
                site.enter(stranger, sandi=f"tebakan ke-{i} ini") for i in range(PER_NAME - 1)
            ]
            assert {a.status_code for a in answers} == {401}
            last = site.enter(stranger)
            assert (last.status_code, last.headers["retry-after"]) == (429, "600")
        assert site.enter(known).status_code == 303, "a browser that the account knows"
        site.clock.forward(hours=1)
        with site.browser() as stranger:
            assert site.enter(stranger).status_code == 303
    told = [body for _, action, body in site.audit() if "attempts in the hour" in body]
    assert len(told) == 1


def test_a_known_browser_is_known_to_one_account_alone_and_may_not_guess_for_ever(site):
    with site.browser() as browser:
        site.enter(browser)
        device = browser.cookies["kentongan-device"]
    with site.browser(cookies={"kentongan-device": device}) as browser:
        codes = {site.enter(browser, "admin", sandi="x" * 12).status_code for _ in range(PER_NAME)}
        assert codes == {401} and site.enter(browser, "admin").status_code == 429
        tries = [site.enter(browser, sandi="salah semua ya").status_code for _ in range(PER_DEVICE)]
        assert tries.count(401) == PER_DEVICE
        assert site.enter(browser).status_code == 429
    forged = f"{'0' * 32}.{'0' * 64}"
    with site.browser(cookies={"kentongan-device": forged}) as browser:
        statuses = [site.enter(browser, sandi="salah semua ya").status_code for _ in range(11)]
    assert statuses[-1] == 429


def test_one_network_tries_so_often_and_no_more(site):
    with site.browser() as browser:
        found = [
            browser.post("/masuk", data={"nama": f"orang{i}", "sandi": "x", "kode": "1"})
            for i in range(PER_NETWORK + 2)
        ]
    assert [a.status_code for a in found] == [401] * PER_NETWORK + [429] * 2
    rows = [body for _, _, body in site.audit()]
    assert len(rows) == 1 and "60 attempts" in rows[0]


def test_two_hashes_at_once_and_few_who_wait(monkeypatch):
    lane, running, most = passwords.Lane(waiting=3), [0], [0]
    busy: list[int] = []

    def hash_one(number: int) -> None:
        try:
            with lane.turn():
                running[0] += 1
                most[0] = max(most[0], running[0])
                time.sleep(0.02)
                running[0] -= 1
        except passwords.Busy:
            busy.append(number)

    threads = [threading.Thread(target=hash_one, args=(i,)) for i in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and 1 <= len(busy) <= 8
    with lane.turn():
        pass
    assert passwords.KNOWN is not passwords.STRANGERS


def test_a_full_lane_says_come_again(site, monkeypatch):
    full = passwords.Lane(waiting=-1)
    monkeypatch.setattr(passwords, "STRANGERS", full)
    with site.browser() as browser:
        answer = site.enter(browser)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_signing_in_uses_a_code_up_and_guesses_do_not_shut_the_door_of_acts(site):
    """Approvals ask for a code of their own; a stranger at the form takes nobody's away."""

    def approve(code: str) -> str:
        return admit(
            site.desk.engine, Actor("ani", code), Act.APPROVE, at=site.clock.at,
            key=site.desk.key, code_needed=True,
        )  # fmt: skip

    with site.browser() as browser:
        code = site.code("ani")
        assert site.enter(browser, kode=code).status_code == 303
    with pytest.raises(RuleViolation, match="used already"):
        approve(code)
    with site.browser() as stranger:
        for _ in range(PER_NAME + 2):
            site.enter(stranger, kode="000000")
    assert approve(site.code("ani")) == "ani"


def test_the_same_on_postgresql(tmp_path, postgres):
    with site_of(tmp_path, database_url=postgres.url(postgres._create())) as site:
        with site.browser() as browser:
            assert site.enter(browser, "a\x00b").status_code == 401
            assert site.enter(browser, sandi="salah semua ya").status_code == 401
            assert site.enter(browser).status_code == 303
            assert browser.get("/akun").status_code == 200
            assert browser.post("/keluar").status_code == 303
        assert site.count() == 0


# --- sessions -------------------------------------------------------------------------------


def test_a_session_ends_idle_and_in_any_case(site):
    with site.browser() as browser:
        site.enter(browser)
        for _ in range(4):
            site.clock.forward(hours=5.5)
            assert browser.get("/akun").status_code == 200
        site.clock.forward(hours=2.1)
        assert browser.get("/akun").status_code == 303, "24 hours in any case"
        site.enter(browser)
        site.clock.forward(hours=8)
        assert browser.get("/akun").status_code == 303, "8 hours idle"


def test_pages_are_read_while_somebody_else_writes(site):
    with site.browser() as browser:
        site.enter(browser)
        site.clock.forward(minutes=5)
        with writing(site.desk.engine):
            began = time.monotonic()
            assert browser.get("/akun").status_code == 200
            assert time.monotonic() - began < 10, "not the 30 s of a patient writer"
        with site.desk.engine.connect() as connection:
            before = sessions.of_account(connection, "ani")[0].seen_at
        assert browser.get("/akun").status_code == 200
        with site.desk.engine.connect() as connection:
            assert sessions.of_account(connection, "ani")[0].seen_at > before
        site.clock.forward(hours=9)
        with writing(site.desk.engine):
            assert browser.get("/akun").status_code == 303
        with site.desk.engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_signing_in_gives_another_session_and_ends_the_old_one(site):
    with site.browser() as browser:
        browser.cookies.set("kentongan", "chosen-by-a-stranger")
        site.enter(browser)
        assert site.count() == 1
        before = [c.value for c in browser.cookies.jar if c.name == "kentongan"]
        site.enter(browser)
        after = [c.value for c in browser.cookies.jar if c.name == "kentongan"]
        assert site.count() == 1 and before != after


def test_the_oldest_session_ends_when_there_are_too_many(site):
    for _ in range(sessions.MOST + 2):
        site.clock.forward(hours=0.3)
        with site.browser() as browser:
            assert site.enter(browser).status_code in (303, 429)
    assert site.count() <= sessions.MOST


def test_one_sees_and_ends_ones_own_sessions_and_nobody_elses(site):
    with site.browser() as phone, site.browser() as desk, site.browser() as admin:
        phone.headers["User-Agent"] = "<script>alert(1)</script>"
        site.enter(phone)
        site.enter(desk)
        site.enter(admin, "admin")
        page = desk.get("/akun").text
        assert "&lt;script&gt;" in page and "<script>alert" not in page
        assert page.count('name="sesi"') == 2 and page.count("peramban ini") == 1
        with site.desk.engine.connect() as connection:
            other = sessions.of_account(connection, "admin")[0].session_hash[:12]
            mine = [one.session_hash[:12] for one in sessions.of_account(connection, "ani")]
        desk.post("/akun/sesi", data={"sesi": other})
        desk.post("/akun/sesi", data={"sesi": ""})
        assert admin.get("/akun").status_code == 200 and site.count() == 2
        assert desk.post("/akun/sesi", data={"sesi": mine[0]}).headers["location"].endswith("sesi")
        assert phone.get("/akun").status_code == 303
        assert desk.get("/akun").status_code == 200
        assert desk.post("/akun/sesi", data={"sesi": mine[1]}).headers["location"] == "/masuk"
        assert site.count() == 0


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
         "Chrome di Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1",
         "Safari di iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
         "Firefox di Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge di Windows"),
        ("curl/8.5.0", "curl/8.5.0"), ("", "–"),
    ],
)  # fmt: skip
def test_browsers_have_names_that_their_owners_know(agent, name):
    assert browser_name(agent) == name


def test_another_password_ends_the_other_sessions(site):
    anew = "teh manis hangat sekali"
    with site.browser() as here, site.browser() as there:
        site.enter(here)
        site.enter(there)

        def change(**fields: str) -> httpx.Response:
            return here.post(
                "/akun/sandi", data={"lama": RIGHT, "baru": anew, "ulang": anew} | fields
            )

        for fields, told in (
            ({"ulang": "lain sekali lagi"}, "tidak sama"),
            ({"lama": "bukan ini ya"}, "lama tidak cocok"),
            ({"baru": "pendek", "ulang": "pendek"}, "terlalu lemah"),
            ({"baru": RIGHT, "ulang": RIGHT}, "sama dengan yang lama"),
        ):
            answer = change(**fields)
            assert (answer.status_code, told in answer.text) == (422, True), fields
        assert change().status_code == 303
        assert here.get("/akun?beres=sandi").text.count("Kata sandi diganti") == 1
        assert there.get("/akun").status_code == 303
        assert site.enter(there).status_code == 401
        assert site.enter(there, sandi=anew).status_code == 303
        guesses = [change(lama=f"tebakan nomor {i}").status_code for i in range(12)]
        assert guesses[-1] == 429, "a stolen session does not guess the password"


def test_a_password_of_an_admins_making_is_changed_first(site):
    site.clock.forward(seconds=30)
    by = Actor("admin", site.phones["admin"].at(site.clock.at))
    set_password(site.desk, "ani", "buatan admin saja", by=by, at=site.clock.at)
    with site.browser() as browser:
        answer = site.enter(browser, sandi="buatan admin saja", ke="/tasks")
        assert answer.headers["location"] == "/akun"
        assert browser.get("/tasks").headers["location"] == "/akun"
        page = browser.get("/akun")
        assert page.status_code == 200 and "dibuat admin" in page.text
        form = {"lama": "buatan admin saja", "baru": RIGHT, "ulang": RIGHT}
        assert browser.post("/akun/sandi", data=form).status_code == 303
        assert browser.get("/tasks").status_code == 200


# --- where to ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "evil",
        "/%5cevil\\", "javascript:alert(1)", "/a\nb", "/\t/evil.example", "", "/" * 400,
        "/masuk", "/masuk/luar?ke=/x", "/keluar", "///evil.example", "/\x00", "/\u202eevil",
    ],
)  # fmt: skip
def test_no_open_redirect(text):
    assert own_path(text) == HOME


@pytest.mark.parametrize("text", ["/", "/tasks", "/centre/map?at=1&x=2", "/masukan", "/t/a#b"])
def test_ones_own_path_is_kept(text):
    assert own_path(text) == text


@given(st.text())
def test_whatever_is_asked_for_stays_here(text):
    found = own_path(text)
    assert httpx.URL("https://pusat.example.org").join(found).host == "pusat.example.org"


# --- hostile forms ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wide_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """An application whose limits are out of the way, asked without a socket."""
    own = Settings(_env_file=None, home=tmp_path_factory.mktemp("fuzz"))
    app = create_app(own, clock=lambda: START)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kentongan.accounts.sign_in.PER_NETWORK", 10**9)
        patch.setattr("kentongan.accounts.sign_in.PER_NAME", 10**9)
        yield app


def _post(app: Any, body: bytes, kind: str = FORM, **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            told = {**OWN, "Content-Type": kind, **headers}
            return await client.post("/masuk", content=body, headers=told)

    return asyncio.run(ask())


SLOW = settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@SLOW
@given(st.binary(max_size=6000))
def test_any_bytes_are_answered(wide_open, body):
    assert _post(wide_open, body).status_code in (400, 401, 413)


@SLOW
@given(st.fixed_dictionaries({n: st.text(max_size=300) for n in ("nama", "sandi", "kode", "ke")}))
def test_any_text_in_the_fields_is_answered(wide_open, fields):
    body = str(httpx.QueryParams({k: v.encode("utf-8", "replace") for k, v in fields.items()}))
    answer = _post(wide_open, body.encode())
    assert answer.status_code in (400, 401, 413)
    assert "<script" not in answer.text.lower()


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data"])
def test_what_is_no_form_is_refused(wide_open, kind):
    assert _post(wide_open, b"nama=ani", kind).status_code == 400


def test_many_fields_are_refused(wide_open):
    assert _post(wide_open, b"&".join(b"a%d=1" % i for i in range(500))).status_code == 400


def test_ten_megabytes_are_refused_before_they_are_read(site):
    began = time.monotonic()
    with site.browser(timeout=30) as browser:
        try:
            answer = browser.post(
                "/masuk", content=b"a" * 10_000_000, headers={"Content-Type": FORM}
            )
            assert answer.status_code == 413
        except httpx.WriteError:
            pass  # the server hung up while the rest was still coming
        assert browser.get("/masuk").status_code == 200
    assert time.monotonic() - began < 20


def test_ten_megabytes_without_a_length_are_refused_too(site):
    def parts() -> Iterator[bytes]:
        for _ in range(1_000):
            yield b"nama=" + b"a" * 10_000

    with site.browser(timeout=30) as browser:
        try:
            answer = browser.post("/masuk", content=parts(), headers={"Content-Type": FORM})
            assert answer.status_code == 413
        except (httpx.WriteError, httpx.RemoteProtocolError):
            pass
        assert browser.get("/masuk").status_code == 200


# --- paces and headers ------------------------------------------------------------------------


def test_a_pace_gives_way_to_others_and_remembers_few():
    now = [0.0]
    paces = Paces(Pace(at_once=5, per_s=2), lambda: now[0])
    assert [paces.takes("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert paces.takes("b")
    now[0] = 1.0
    assert [paces.takes("a") for _ in range(3)] == [True, True, False]
    for number in range(3 * REMEMBERED):
        paces.takes(str(number))
    assert len(paces) == REMEMBERED


def test_who_reads_too_fast_is_asked_to_wait_and_the_others_are_not(tmp_path, monkeypatch):
    monkeypatch.setattr("console.web.access.guard.NETWORK", Pace(20, 0.001))
    app = create_app(
        Settings(_env_file=None, home=tmp_path, public_url="https://x.example"),
        clock=lambda: START,
    )

    async def ask(address: str, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="https://x.example") as client:
            return await client.get(path)

    found = [asyncio.run(ask("198.51.100.9", "/masuk")) for _ in range(22)]
    assert [a.status_code for a in found] == [200] * 20 + [429] * 2
    assert found[-1].headers["retry-after"] == "1"
    assert asyncio.run(ask("198.51.100.10", "/masuk")).status_code == 200
    hook = asyncio.run(ask("198.51.100.9", "/hooks/none/receipt"))
    assert hook.status_code == 404, "a gateway has a pace of its own"


def test_headers_close_the_pages_and_the_app_alone_may_ask_for_a_position():
    plain = closing(Settings(_env_file=None), "/tasks")
    assert "Strict-Transport-Security" not in plain
    assert plain["Permissions-Policy"].startswith("geolocation=(),")
    public = Settings(_env_file=None, public_url="https://kentongan.bpbd.example")
    for path in ("/app", "/app/", "/app/desa"):
        assert closing(public, path)["Permissions-Policy"].startswith("geolocation=(self),")
    assert closing(public, "/apples")["Permissions-Policy"].startswith("geolocation=(),")
    assert closing(public, "/")["Strict-Transport-Security"] == "max-age=31536000"
    over_http = Settings(_env_file=None, public_url="http://10.0.0.1")
    assert "Strict-Transport-Security" not in closing(over_http, "/")


def test_the_public_name_is_one_of_ours():
    own = Settings(_env_file=None, public_url="https://Kentongan.BPBD.example:8443/x")
    assert "kentongan.bpbd.example" in allowed_hosts(own)
    assert allowed_hosts(Settings(_env_file=None, web_host="::")) == ["*"]
