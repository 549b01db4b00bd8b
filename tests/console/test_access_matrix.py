"""Every route of the application by every kind of asker, as the tables say and not otherwise."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI, WebSocket
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, String, Table, create_engine, select, update
from starlette.routing import Mount

from console.web import create_app
from console.web.access.guard import FIRST, check, path_of
from console.web.access.pace import Pace
from console.web.access.rules import RULES, Need
from console.web.access.who import Who
from kentongan.accounts.roles import PERMISSIONS, Act, Role
from kentongan.db import accounts, make_engine
from kentongan.errors import RuleViolation
from kentongan.settings import Settings
from tests.console.access_matrix import (
    AT,
    DISABLED,
    EXPIRED,
    HOST,
    MACHINE,
    NOBODY,
    WRITES,
    Asker,
    Case,
    World,
    as_markdown,
    asked,
    cases,
    world,
)


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("matrix")) as found:
        yield found


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[World]:
    """Of one test that changes accounts."""
    with world(tmp_path) as found:
        yield found


def test_every_route_answers_every_asker_as_the_tables_say(tmp_path, monkeypatch):
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr("kentongan.accounts.passwords.hasher", lambda: cheap)
    with world(tmp_path) as found:
        rows = asyncio.run(asked(found))
    troubles = [
        f"{case.method} {case.path} by {asker.name}: {trouble}"
        for case, answers in rows
        for asker, answer in answers
        if (trouble := case.trouble(asker, answer))
    ]
    assert troubles == []
    assert {case.path for case, _ in rows} >= {"/tasks", "/akun", "/operator/lapor", "/metrics"}
    assert len(rows[0][1]) == len(Role) + 4
    table = as_markdown(rows)
    assert re.search(r"\| `/tasks` \| GET \| view \| sign in \| yes .*sign in \| sign in \|", table)


def test_no_role_gets_more_than_its_permissions(met):
    """The table of permissions by itself, over the acts that any route asks for."""
    for case in cases(met.askers[0].app):
        if isinstance(case.need, Act):
            let_in = {asker.role for asker in met.askers if asker.role and case.allows(asker)}
            assert let_in == {role for role in Role if case.need in PERMISSIONS[role]}


@pytest.mark.parametrize("name", [NOBODY, DISABLED, EXPIRED])
def test_who_has_no_session_is_sent_to_the_form_and_comes_back(met, name):
    found = met.asker(name).answer("GET", "/tasks/kab-1?semua=ya")
    assert found.status == 303
    assert found.headers["location"] == "/masuk?ke=%2Ftasks%2Fkab-1%3Fsemua%3Dya"
    assert (
        "private" in found.headers["cache-control"] or found.headers["cache-control"] == "no-store"
    )


def test_a_script_that_asks_is_told_401_and_gets_no_form(met):
    for dest in ("empty", "image", "script"):
        found = met.asker(NOBODY).answer("GET", "/tasks", sec_fetch_dest=dest)
        assert found.status == 401
    assert met.asker(NOBODY).answer("GET", "/tasks", sec_fetch_dest="document").status == 303


def test_no_line_speaks_of_a_route_that_is_not_there(met):
    assert set(RULES) == {path_of(route) for route in met.askers[0].app.routes}


def test_what_is_written_has_a_rule_for_writing_and_what_is_not_has_none(met):
    app = met.askers[0].app
    for route in app.routes:
        if isinstance(route, Mount):
            continue
        methods, rule = set(getattr(route, "methods", ()) or ()), RULES[path_of(route)]
        assert not (methods & set(WRITES)) or rule.write is not None, path_of(route)
        assert not (methods & {"GET", "HEAD"}) or rule.read is not None, path_of(route)


def test_head_answers_as_get_without_a_body(met):
    for case in cases(met.askers[0].app):
        if case.method != "GET" or case.need in (Need.OWN, Need.PUBLIC):
            continue
        for asker in (met.asker(NOBODY), met.asker(Role.VIEWER)):
            by_get, by_head = (asker.answer(how, case.filled).status for how in ("GET", "HEAD"))
            assert by_head in (by_get, 405), case.path


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no-such-page", 404),
        ("GET", "/centre/../etc/passwd", 404),
        ("GET", "/tasks\\x", 404),
        ("POST", "/no-such-page", 404),
        ("PUT", "/warnings", 405),
        ("DELETE", "/tasks", 405),
        ("POST", "/warnings", 405),
        ("GET", "/akun/sandi", 405),
        ("OPTIONS", "/akun", 405),
        ("TRACE", "/masuk", 405),
        ("BREW", "/masuk", 405),
    ],
)
@pytest.mark.parametrize("name", [NOBODY, Role.ADMIN])
def test_what_is_not_there_and_what_is_not_done(met, name, method, path, status):
    found = met.asker(name).answer(method, path)
    assert found.status == status
    assert status != 405 or "GET" in found.headers["allow"] or "POST" in found.headers["allow"]


# --- whose page posts it ---------------------------------------------------------------------

FOREIGN = {
    "another site": {"sec_fetch_site": "cross-site", "origin": "https://evil.example"},
    "a sibling": {"sec_fetch_site": "same-site", "origin": "https://www.example.org"},
    "typed": {"sec_fetch_site": "none"},
    "another origin": {"sec_fetch_site": "", "origin": "https://evil.example"},
    "no origin": {"sec_fetch_site": "", "origin": "null"},
    "our name inside": {"sec_fetch_site": "", "origin": f"https://{HOST}.evil.example"},
    "no header": {"sec_fetch_site": ""},
    "hostile": {"sec_fetch_site": "", "origin": "https://[::1"},
}


def guarded(asker: Asker) -> list[Case]:
    return [
        case
        for case in cases(asker.app)
        if case.method in WRITES and case.need not in (Need.PUBLIC, Need.OWN) and case.allows(asker)
    ]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_another_page_posts_is_refused_everywhere(met, headers):
    for asker in (met.asker(Role.APPROVER), met.asker(MACHINE)):
        for case in guarded(asker):
            assert asker.answer(case.method, case.filled, **headers).status == 403, case.path
    for path in ("/masuk", "/keluar"):
        assert met.asker(Role.APPROVER).answer("POST", path, **headers).status == 403


def test_an_old_browser_is_known_by_its_origin(met):
    own = {"sec_fetch_site": "", "origin": f"https://{HOST}"}
    asker = met.asker(Role.APPROVER)
    for case in guarded(asker):
        as_today = asker.answer(case.method, case.filled).status
        assert asker.answer(case.method, case.filled, **own).status == as_today != 403, case.path


def test_gateways_bring_their_own_proof_and_no_page_of_ours(met):
    headers = {"sec_fetch_site": "", "content_type": "application/json"}
    found = met.asker(NOBODY).answer("POST", "/hooks/none/receipt", **headers)
    assert found.status == 404  # of the page, which knows no such route


# --- changes hold from the next request on ---------------------------------------------------


def change(world_: World, name: str, **values: object) -> None:
    engine = make_engine(world_.url)
    with engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.account_id == name).values(**values))
    engine.dispose()


def test_another_role_and_the_end_of_an_account_hold_at_once(fresh):
    asker = fresh.asker(Role.ANALYST)
    assert asker.answer("GET", "/centre/audit").status == 200
    change(fresh, "analyst", role="viewer")
    assert asker.answer("GET", "/centre/audit").status == 403
    change(fresh, "analyst", role="duty-officer")
    assert asker.answer("GET", "/centre/audit").status == 200
    change(fresh, "analyst", disabled_at="2026-11-22T06:00:00Z")
    assert asker.answer("GET", "/centre/audit").sends_to_sign_in
    change(fresh, "analyst", disabled_at=None)
    assert asker.answer("GET", "/centre/audit").sends_to_sign_in, "the session itself is gone"


def test_with_a_password_of_an_admins_making_nothing_opens_but_another_one(fresh):
    asker = fresh.asker(Role.APPROVER)
    change(fresh, "approver", password_initial=True)
    for case in cases(asker.app):
        if case.need in (Need.PUBLIC, Need.OWN) or case.path in FIRST:
            continue
        found = asker.answer(case.method, case.filled)
        if case.method in WRITES:
            assert found.status == 403, case.path
        else:
            assert (found.status, found.headers["location"]) == (303, "/akun"), case.path
    assert asker.answer("GET", "/akun").status == 200


def test_a_clock_that_jumps_back_opens_no_session_again(tmp_path):
    now = [AT]
    with world(tmp_path, clock=lambda: now[0]) as found:
        asker = found.asker(Role.VIEWER)
        assert asker.answer("GET", "/tasks").status == 200
        now[0] = AT + timedelta(hours=25)
        assert asker.answer("GET", "/tasks").sends_to_sign_in
        now[0] = AT
        assert asker.answer("GET", "/tasks").sends_to_sign_in


def test_one_session_that_reads_too_fast_waits_and_the_others_do_not(tmp_path, monkeypatch):
    monkeypatch.setattr("console.web.access.guard.SESSION", Pace(3, 0.0001))
    with world(tmp_path) as found:
        fast, other = found.asker(Role.VIEWER), found.asker(Role.ANALYST)
        assert [fast.answer("GET", "/akun").status for _ in range(5)] == [200] * 3 + [429] * 2
        assert other.answer("GET", "/akun").status == 200


# --- without a database, without a rule ------------------------------------------------------


def test_public_pages_do_without_the_accounts_and_the_others_say_so(tmp_path):
    settings = Settings(
        _env_file=None, home=tmp_path, database_url=f"sqlite:///{tmp_path}",
        public_url=f"https://{HOST}",
    )  # fmt: skip
    app = create_app(settings, clock=lambda: AT)
    visitor = Asker(NOBODY, app, cookie="__Host-kentongan=abc")
    for path in ("/masuk", "/keluar", "/static/page.css", "/t/sw.js"):
        assert visitor.answer("GET", path).status == 200, path
    assert visitor.answer("GET", "/health").status == 503
    found = visitor.answer("GET", "/tasks")
    assert (found.status, found.headers["retry-after"]) == (503, "5")
    assert visitor.answer("POST", "/akun/sandi").status == 503
    assert visitor.answer("POST", "/masuk").status == 503


def secret() -> dict[str, str]:
    return {"what": "nobody thought of it"}


def test_a_route_without_a_rule_and_a_web_socket_are_refused():
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_api_route("/secret", secret)
    with pytest.raises(RuleViolation, match=r"without a line.*'/secret'"):
        check(app)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    async def talk(socket: WebSocket) -> None:
        await socket.close()

    app.add_api_websocket_route("/tasks", talk)
    with pytest.raises(RuleViolation, match=r"no guard sees.*'/tasks'"):
        check(app)


def test_a_stranger_with_the_headers_of_this_machine_is_a_stranger(met):
    """Host and proxy headers are the visitor's to write."""
    machine = met.asker(MACHINE)
    assert machine.answer("GET", "/tasks").status == 200
    for headers in (
        {"x_forwarded_for": "127.0.0.1"}, {"forwarded": "for=127.0.0.1"}, {"via": "1.1 me"},
        {"x_forwarded_proto": "https"}, {"x_real_ip": "::1"},
    ):  # fmt: skip
        assert machine.answer("GET", "/tasks", **headers).sends_to_sign_in, headers
    assert machine.answer("GET", "/tasks", host="evil.example").status == 400


@given(
    st.lists(st.sampled_from(["11", "32", "32.04", "32.0", "75.02.07", "3_", "%"]), max_size=3),
    st.lists(st.sampled_from(["32", "32.04.01.2001", "32.05", "75.02.07", "11.01", "3"])),
)
def test_a_query_finds_what_lies_within_ones_areas_and_nothing_else(areas, codes):
    person = Who(account_id="ani", role=Role.VIEWER, areas=tuple(areas))
    engine = create_engine("sqlite://")
    table = Table("places", MetaData(), Column("code", String))
    table.create(engine)
    with engine.connect() as connection:
        for code in codes:
            connection.execute(table.insert().values(code=code))
        found = connection.execute(select(table.c.code).where(person.within(table.c.code)))
        assert sorted(found.scalars()) == sorted(code for code in codes if person.covers(code))
    engine.dispose()


def test_the_page_for_admins_has_the_table_of_permissions():
    page = (Path(__file__).parents[2] / "docs" / "accounts.md").read_text(encoding="utf-8")
    head = f"| act | {' | '.join(Role)} |"
    assert head in page
    for act in Act:
        cells = ["yes" if act in PERMISSIONS[role] else "" for role in Role]
        assert f"| {act} | {' | '.join(cells)} |" in page
