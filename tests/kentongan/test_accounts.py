"""Who may act: roles, areas, sealed secrets, codes that work once."""

from __future__ import annotations

import base64
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from kentongan.accounts import Account, Act, Actor, Role, admit, codes, may, office, registry
from kentongan.accounts.roles import PERMISSIONS
from kentongan.db import accounts, audit, make_engine, metadata, totp_used
from kentongan.errors import RuleViolation, SettingsError
from kentongan.sealing import Keys, seal, secrets_key, unseal
from kentongan.settings import Settings

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
STEP = timedelta(seconds=codes.STEP_S)


@pytest.fixture
def desk(tmp_path: Path):
    engine = make_engine(f"sqlite:///{tmp_path / 'k.sqlite'}")
    metadata.create_all(engine)
    yield office.Office(engine, secrets_key(Settings(_env_file=None, home=tmp_path)))
    engine.dispose()


def first(desk, at=AT):
    made = office.add(
        desk, "admin", name="Ibu Admin", role=Role.ADMIN, areas=(), by=None, host="test", at=at
    )
    return pyotp.parse_uri(made.uri)


def enrol(desk, app, name, role, *areas, at):
    made = office.add(
        desk, name, name=name, role=role, areas=areas, by=Actor("admin", app.at(at)), host="test",
        at=at,
    )  # fmt: skip
    return pyotp.parse_uri(made.uri)


def enter(desk, name, code, act=Act.APPROVE, *, at, areas=(), code_needed=True):
    return admit(
        desk.engine, Actor(name, code), act, at=at, key=desk.key, areas=areas,
        code_needed=code_needed,
    )  # fmt: skip


def test_every_act_is_given_to_somebody_and_an_admin_approves_nothing():
    given_to = {act: {role for role in Role if may(role, act)} for act in Act}
    assert set(PERMISSIONS) == set(Role) and all(given_to.values())
    assert given_to[Act.APPROVE] == {Role.DUTY_OFFICER, Role.APPROVER}
    assert given_to[Act.REVIEW] == given_to[Act.RESUME] == {Role.APPROVER}
    assert given_to[Act.ACCOUNTS] == {Role.ADMIN}
    assert PERMISSIONS[Role.VIEWER] == {Act.VIEW}


def account_of(*areas: str) -> Account:
    return Account("ani", "Ani", Role.APPROVER, areas, None, "", None)


@pytest.mark.parametrize(
    ("areas", "code", "inside"),
    [
        pytest.param((), "91.01.01.2001", True, id="the-nation"),
        pytest.param(("32",), "32.04.01.2001", True, id="province"),
        pytest.param(("32",), "32", True, id="itself"),
        pytest.param(("32",), "31.74.01.1001", False, id="another-province"),
        pytest.param(("32.04",), "32.04.01.2001", True, id="regency"),
        pytest.param(("32.04",), "32.05.01.2001", False, id="next-regency"),
        pytest.param(("32.04.01.2001",), "32.04.01.2001", True, id="village"),
        pytest.param(("32.04.01.2001",), "32.04.01.2002", False, id="next-village"),
        pytest.param(("75", "32"), "32.04.01.2001", True, id="second"),
    ],
)
def test_areas_are_prefixes_at_their_dots(areas, code, inside):
    assert account_of(*areas).covers([code]) is inside


@given(
    st.lists(st.sampled_from(["11", "32", "32.04", "75.02.07"]), max_size=3),
    st.lists(st.sampled_from(["32.04.01.2001", "75.02.07.2001", "11.01.01.2001"]), min_size=1),
)
def test_one_place_outside_is_enough(areas, places):
    person = account_of(*areas)
    assert person.covers(places) == all(person.covers([place]) for place in places)
    assert person.covers(places) == (not person.outside(places))


@pytest.mark.parametrize("area", ["3", "320", "32.", "32.4", "32.04.01.20", "id", "32 ", ""])
def test_what_is_no_area_is_refused(area):
    with pytest.raises(RuleViolation, match="dotted Kemendagri code"):
        registry.check_areas([area])


def test_a_sealed_secret_opens_for_its_owner_with_its_key_alone():
    key, other = Keys((bytes(32),)), Keys((bytes([1]) * 32,))
    sealed = seal(key, "JBSWY3DPEHPK3PXP", owner="ani")
    assert "JBSWY3DPEHPK3PXP" not in sealed and sealed != seal(key, "JBSWY3DPEHPK3PXP", owner="ani")
    assert unseal(key, sealed, owner="ani") == "JBSWY3DPEHPK3PXP"
    head, _, body = sealed.rpartition(":")
    raw = bytearray(base64.b64decode(body))
    raw[-1] ^= 1
    changed = f"{head}:{base64.b64encode(bytes(raw)).decode()}"
    for used, text, owner in (
        (other, sealed, "ani"), (key, sealed, "budi"), (key, changed, "ani"), (key, "v1:x", "ani"),
    ):  # fmt: skip
        with pytest.raises(RuleViolation, match="does not open"):
            unseal(used, text, owner=owner)


def test_the_key_is_made_once_for_its_owner_alone(tmp_path):
    settings = Settings(_env_file=None, home=tmp_path)
    key = secrets_key(settings)
    path = tmp_path / "keys" / "secrets.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and len(key.secrets) == 1
    assert secrets_key(settings) == key
    path.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        secrets_key(settings)


@pytest.mark.parametrize("content", [b"", b"short", base64.b64encode(bytes(16)), b"\xff" * 44])
def test_a_key_that_is_none_is_refused(tmp_path, content):
    path = tmp_path / "mine.key"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="32 bytes in base64"):
        secrets_key(Settings(_env_file=None, home=tmp_path, secrets_key=path))


def test_a_key_that_the_operator_names_is_never_made(tmp_path):
    with pytest.raises(SettingsError, match="gone"):
        secrets_key(Settings(_env_file=None, home=tmp_path, secrets_key=tmp_path / "gone.key"))
    assert not (tmp_path / "gone.key").exists()


@pytest.mark.parametrize(
    ("seconds", "eight"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_rfc_6238(seconds, eight):
    """Appendix B, SHA-1; six digits are the last six of the eight printed there."""
    secret = base64.b32encode(b"12345678901234567890").decode()
    at = datetime.fromtimestamp(seconds, UTC)
    assert codes.counter_of(secret, eight[-6:], at) == seconds // 30


@pytest.mark.parametrize(
    ("off", "found"), [(0, True), (30, True), (-30, True), (60, False), (-60, False)]
)
def test_a_phone_may_be_half_a_minute_off(off, found):
    secret = codes.new_secret()
    code = pyotp.TOTP(secret).at(AT + timedelta(seconds=off))
    assert (codes.counter_of(secret, code, AT) is not None) is found


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "000000\n"])
def test_what_is_no_code_opens_nothing(code):
    assert codes.counter_of(codes.new_secret(), code, AT) is None


def test_a_code_works_once_and_an_older_one_never_again(desk):
    app = first(desk)
    ani = enrol(desk, app, "ani", Role.APPROVER, at=AT)
    assert enter(desk, "ani", ani.at(AT), at=AT) == "ani"
    with pytest.raises(RuleViolation, match="used already"):
        enter(desk, "ani", ani.at(AT), at=AT)
    enter(desk, "ani", ani.at(AT + 4 * STEP), at=AT + 4 * STEP)
    before = AT + 2 * STEP
    with pytest.raises(RuleViolation, match="older than one that was"):
        enter(desk, "ani", ani.at(before), at=before)
    with desk.engine.connect() as connection:
        rows = connection.execute(select(totp_used).where(totp_used.c.account_id == "ani")).all()
    assert len(rows) == 2


def test_five_wrong_codes_shut_the_door_for_five_minutes(desk):
    app = first(desk)
    ani = enrol(desk, app, "ani", Role.APPROVER, at=AT)
    wrong = next(c for c in ("000000", "111111", "222222") if c != ani.at(AT))
    for _ in range(5):
        with pytest.raises(RuleViolation, match="wrong code"):
            enter(desk, "ani", wrong, at=AT)
    with pytest.raises(RuleViolation, match="5 wrong codes within 5 minutes"):
        enter(desk, "ani", ani.at(AT), at=AT)
    later = AT + timedelta(minutes=6)
    assert enter(desk, "ani", ani.at(later), at=later) == "ani"


def test_the_door_asks_for_role_area_and_life(desk):
    app = first(desk)
    ani = enrol(desk, app, "ani", Role.APPROVER, "32", at=AT)
    places = ["32.04.01.2001", "75.02.07.2001"]
    with pytest.raises(RuleViolation, match=r"1 of 2 places lie outside.*75\.02"):
        enter(desk, "ani", ani.at(AT), at=AT, areas=places)
    with pytest.raises(RuleViolation, match="may not accounts"):
        enter(desk, "ani", ani.at(AT), Act.ACCOUNTS, at=AT)
    assert enter(desk, "ani", ani.at(AT), at=AT, areas=places[:1]) == "ani"
    admin = Actor("admin", app.at(AT + STEP))
    office.disable(desk, "ani", by=admin, at=AT + STEP)
    with pytest.raises(RuleViolation, match="disabled"):
        enter(desk, "ani", ani.at(AT + STEP), at=AT + STEP)


def test_without_codes_a_name_is_enough_but_an_account_keeps_to_its_role(desk):
    app = first(desk)
    enrol(desk, app, "dewi", Role.VIEWER, at=AT)
    assert enter(desk, "Anybody", "", at=AT, code_needed=False) == "Anybody"
    for name, words in (
        ("dewi", "may not approve"),
        (" ", "no person"),
        ("kentongan", "no person"),
    ):
        with pytest.raises(RuleViolation, match=words):
            enter(desk, name, "", at=AT, code_needed=False)


def test_who_was_refused_stands_in_the_audit(desk):
    first(desk)
    with pytest.raises(RuleViolation):
        enter(desk, "nobody\nat all", "1", at=AT)
    with desk.engine.connect() as connection:
        last = connection.execute(select(audit).order_by(audit.c.seq.desc())).first()
    assert (last.actor, last.action) == ("nobody at all", "account.refused")


def test_the_first_account_is_an_admins_and_the_last_admin_stays(desk):
    with pytest.raises(RuleViolation, match="first account must be an admin"):
        office.add(desk, "ani", name="Ani", role=Role.APPROVER, areas=(), by=None, host="t", at=AT)
    app = first(desk)
    with pytest.raises(RuleViolation, match="accounts exist"):
        first(desk)
    with pytest.raises(RuleViolation, match="last admin"):
        office.disable(desk, "admin", by=Actor("admin", app.at(AT)), at=AT)
    with pytest.raises(RuleViolation, match="last admin"):
        later = AT + STEP
        office.set_role(desk, "admin", Role.VIEWER, by=Actor("admin", app.at(later)), at=later)
    second = AT + 2 * STEP
    enrol(desk, app, "rina", Role.ADMIN, at=second)
    third = AT + 3 * STEP
    office.disable(desk, "admin", by=Actor("admin", app.at(third)), at=third)


def test_a_new_secret_ends_the_old_one_and_only_an_admin_recovers_alone(desk):
    app = first(desk)
    ani = enrol(desk, app, "ani", Role.APPROVER, at=AT)
    with pytest.raises(RuleViolation, match="an admin gives the new code"):
        office.new_code(desk, "ani", by=None, host="root", at=AT)
    made = office.new_code(desk, "admin", by=None, host="root", at=AT)
    fresh = pyotp.parse_uri(made.uri)
    with pytest.raises(RuleViolation, match="wrong code"):
        enter(desk, "admin", app.at(AT + STEP), Act.ACCOUNTS, at=AT + STEP)
    by = Actor("admin", fresh.at(AT + STEP))
    office.new_code(desk, "ani", by=by, host="root", at=AT + STEP)
    with pytest.raises(RuleViolation, match="wrong code"):
        enter(desk, "ani", ani.at(AT + STEP), at=AT + STEP)
    with desk.engine.connect() as connection:
        actors = connection.execute(
            select(audit.c.actor).where(audit.c.action == "account.totp")
        ).scalars()
        stored = str(connection.execute(select(accounts)).all())
    assert list(actors) == ["host:root", "admin"]
    assert fresh.secret not in stored and ani.secret not in stored


@pytest.mark.parametrize("name", ["Ani", "a", "x" * 41, "kentongan", "a b", "../x", "é"])
def test_a_name_that_reads_like_something_else_is_refused(desk, name):
    app = first(desk)
    with pytest.raises(RuleViolation, match="expected 2 to 40"):
        enrol(desk, app, name, Role.VIEWER, at=AT)
