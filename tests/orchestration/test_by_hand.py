"""Two people release an estimate, and take it back to everybody whom it reached; each is who they
say, and a wrong one stands in the audit."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import func, select

from ingest.play.feedserver import ScenarioServer
from kentongan.accounts import Actor, Role
from kentongan.accounts import office as accounts
from kentongan.audit.heads import audit_key
from kentongan.audit.verify import verify
from kentongan.db import alerts, audit, messages, outbox, recipients, releases
from kentongan.errors import RuleViolation
from kentongan.sealing import secrets_key
from kentongan.settings import Settings, data_dir
from notify.release.review import overdue_reviews
from notify.release.waiting import waiting
from orchestration import by_hand
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.scenarios import find

PUBLISHED = 1
"""Step of the scenario in which the quake stands on the feed."""
WARNING = "w-shaking-20221121T062110Z"
STEP = timedelta(seconds=30)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The Cianjur quake under a policy that asks two people for our own estimates, each with a
    code."""
    home = tmp_path_factory.mktemp("home")
    scenario = find("cianjur")
    with ScenarioServer(scenario) as server:
        settings = Settings(_env_file=None, policy=data_dir() / "policy" / "actual.toml")
        settings = settings.with_feed_server(server.url, home=home)
        with open_context(settings, live=False, re_creation=True) as context:
            server.show(PUBLISHED)
            at = scenario.steps[PUBLISHED].at
            yield context, at, run_cycle(context, at)


@pytest.fixture(scope="module")
def people(played):
    """name -> authenticator of an admin and five others."""
    context, at, _ = played
    desk = accounts.Office(context.engine, secrets_key(context.settings))
    apps = {}

    def enrol(name, role, *areas):
        by = None if not apps else Actor("admin", apps["admin"].at(enrol.at))
        made = accounts.add(
            desk, name, name=name, role=role, areas=areas, by=by, host="test", at=enrol.at
        )
        apps[name] = pyotp.parse_uri(made.uri)
        enrol.at += STEP

    enrol.at = at - timedelta(minutes=30)
    enrol("admin", Role.ADMIN)
    enrol("ani", Role.DUTY_OFFICER)
    enrol("budi", Role.APPROVER)
    enrol("citra", Role.APPROVER, "73")
    enrol("dewi", Role.VIEWER)
    enrol("eko", Role.APPROVER, "32", "31", "36", "33")
    return apps


def reached(context, version: int) -> set[str]:
    query = (
        select(outbox.c.recipient_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(messages.c.version == version, messages.c.purpose != "task")
    )
    with context.engine.connect() as connection:
        return set(connection.execute(query).scalars())


def binding(context, at) -> str:
    from notify import versions

    with context.engine.connect() as connection:
        version = versions.newest(connection, WARNING)
        return by_hand.desk_of(context).bind(connection, version, at).binding.digest


def waits(context, at) -> list[tuple[str, str]]:
    with context.engine.connect() as connection:
        found = waiting(connection, by_hand.desk_of(context), at)
    return [(line.what, line.waits_for) for line in found if line.warning_id == WARNING]


def test_from_draft_to_correction(played, people):
    context, at, document = played
    (warning,) = [w for w in document["warnings"] if w["warning_id"] == WARNING]
    assert (warning["state"], warning["cap"], document["tasks"]) == ("draft", None, [])
    assert document["messages"]["sms"]["recorded"] == 0
    seen = binding(context, at)[:12]

    def approve(name: str, when=at, content: str = seen, code: str | None = None):
        code = people[name].at(when) if code is None else code
        return by_hand.approve(context, WARNING, actor=Actor(name, code), content=content, at=when)

    refusals = (
        ("budi", "000000000000", None, "read it again"),
        ("budi", seen, "", "--code"),
        ("budi", seen, "000000", "wrong code"),
        ("citra", seen, None, "acts for 73"),
        ("dewi", seen, None, "may not approve; who may: duty-officer or approver"),
        ("admin", seen, None, "may not approve"),
    )
    for name, content, code, words in refusals:
        with pytest.raises(RuleViolation, match=words):
            approve(name, content=content, code=code)
    with pytest.raises(RuleViolation, match="no account of that name"):
        approve("zainal", code="123456")
    told = approve("ani")
    assert told["released"] == [] and "1 person" in told["waits_for"]
    with pytest.raises(RuleViolation, match="used already"):
        approve("ani")
    told = approve("ani", at + STEP)
    assert told["released"] == [] and reached(context, 1) == set()
    told = approve("budi", at + STEP)
    assert told["messages"]["sms"]["recorded"] > 0 and told["waits_for"] == ""
    warned = reached(context, 1)

    later = at + timedelta(minutes=2)
    ani = Actor("ani", people["ani"].at(later))
    told = by_hand.cancel(context, WARNING, actor=ani, reason="a drill by mistake", at=later)
    assert reached(context, 2) == set() and "besides ani" in told["waits_for"]
    assert waits(context, later) == [("cancel", told["waits_for"])]
    mine = binding(context, later + STEP)
    with pytest.raises(RuleViolation, match="another person must approve"):
        approve("ani", later + STEP, content=mine)
    approve("budi", later + STEP, content=binding(context, later + STEP))
    assert reached(context, 2) == warned
    with context.engine.connect() as connection:
        assert sorted(connection.execute(select(alerts.c.version)).scalars()) == [1, 2]


def test_one_person_releases_at_once_and_a_second_must_look(played, people):
    context, at, _ = played
    later = at + timedelta(minutes=20)
    with pytest.raises(RuleViolation, match="already"):
        by_hand.cancel(
            context, WARNING, actor=Actor("eko", people["eko"].at(later)), reason="again",
            at=later, at_once=True,
        )  # fmt: skip
    with pytest.raises(RuleViolation, match="no release waits for a review"):
        by_hand.review(
            context, WARNING, actor=Actor("budi", people["budi"].at(later)), remark="", at=later
        )
    assert overdue_reviews(context.engine, later) == []


def test_bmkgs_own_word_is_not_ours_to_end(played):
    context, at, _ = played
    with pytest.raises(RuleViolation, match="none of that name"):
        by_hand.all_clear(context, "w-none", actor=Actor("ani"), reason="x", at=at)


def test_all_of_it_stands_in_a_signed_chain(played, people):
    context, _, _ = played
    with context.engine.connect() as connection:
        proof = verify(connection, keys=[audit_key(context.settings).public_key()])
        actions = set(connection.execute(select(audit.c.action)).scalars())
        bodies = " ".join(connection.execute(select(audit.c.body)).scalars())
        count = connection.execute(select(func.count()).select_from(releases)).scalar_one()
    assert proof.broken is None and proof.heads > 3
    assert {"account.add", "account.refused", "warning.approve", "warning.release"} <= actions
    assert count == 2
    assert not any(app.secret in bodies for app in people.values())
