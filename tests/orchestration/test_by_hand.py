"""Two people release an estimate, and take it back to everybody whom it reached."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from ingest.play.feedserver import ScenarioServer
from kentongan.db import alerts, messages, outbox, recipients
from kentongan.errors import RuleViolation
from kentongan.settings import Settings, data_dir
from orchestration import by_hand
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.scenarios import find

PUBLISHED = 1
"""Step of the scenario in which the quake stands on the feed."""
WARNING = "w-shaking-20221121T062110Z"


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The Cianjur quake under a policy that asks two people for our own estimates."""
    home = tmp_path_factory.mktemp("home")
    scenario = find("cianjur")
    with ScenarioServer(scenario) as server:
        settings = Settings(_env_file=None, policy=data_dir() / "policy" / "actual.toml")
        settings = settings.with_feed_server(server.url, home=home)
        with open_context(settings, live=False, re_creation=True) as context:
            server.show(PUBLISHED)
            at = scenario.steps[PUBLISHED].at
            yield context, at, run_cycle(context, at)


def reached(context, version: int) -> set[str]:
    query = (
        select(outbox.c.recipient_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(messages.c.version == version, messages.c.purpose != "task")
    )
    with context.engine.connect() as connection:
        return set(connection.execute(query).scalars())


def content(context) -> str:
    from notify import versions

    with context.engine.connect() as connection:
        return versions.newest(connection, WARNING).content_hash


def test_from_draft_to_correction(played):
    context, at, document = played
    (warning,) = document["warnings"]
    assert (warning["state"], warning["cap"], document["tasks"]) == ("draft", None, [])
    assert document["messages"]["sms"]["recorded"] == 0

    with pytest.raises(RuleViolation, match="content hash"):
        by_hand.approve(context, WARNING, actor="Ani", content="0" * 12, at=at)
    seen = content(context)[:12]
    for _ in range(2):
        told = by_hand.approve(context, WARNING, actor="Ani", content=seen, at=at)
        assert told["released"] == [] and reached(context, 1) == set()
    told = by_hand.approve(context, WARNING, actor="Budi", content=seen, at=at)
    assert told["messages"]["sms"]["recorded"] > 0
    warned = reached(context, 1)

    later = at + timedelta(minutes=2)
    by_hand.cancel(context, WARNING, actor="Ani", reason="a drill by mistake", at=later)
    assert reached(context, 2) == set()
    by_hand.approve(context, WARNING, actor="Budi", content=content(context), at=later)
    assert reached(context, 2) == warned
    with context.engine.connect() as connection:
        statuses = connection.execute(select(alerts.c.version, alerts.c.sent)).all()
    assert [row.version for row in statuses] == [1, 2]


def test_bmkgs_own_word_is_not_ours_to_end(played):
    context, at, _ = played
    with pytest.raises(RuleViolation, match="none of that name"):
        by_hand.all_clear(context, "w-none", actor="Ani", reason="x", at=at)
    with pytest.raises(RuleViolation, match="already"):
        by_hand.cancel(context, WARNING, actor="Ani", reason="again", at=at)
