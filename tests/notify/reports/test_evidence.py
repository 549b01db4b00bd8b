"""Reports beside a running warning: seen, counted, and without any power over it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from kentongan.db import decided, messages, outbox, task_steps, tasks, warning_states, warnings
from kentongan.decision import Action
from notify.firewall.answers import PURPOSE
from notify.reports.evidence import evidence, stance
from tests.notify.reports.conftest import BUDI, RINA, SARI
from tests.notify.reports.test_held_out import messages as labelled

PLACE = "desa Mananggu 1 kec Mananggu"
FROZEN = (warnings, warning_states, tasks, task_steps, decided)


def told(line, warning_id, minutes=20):
    with line.engine.connect() as connection:
        return evidence(connection, warning_id, line.world.at + timedelta(minutes=minutes))


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_reports_support_and_question_a_warning_each_number_once(line):
    ref = line.world.publish(Action.ALERT, line.world.levels("75.02", 2)).ref
    line.says(f"angin kencang dan banjir {PLACE}", RINA, minutes=1)
    line.says(f"banjir makin tinggi {PLACE}", RINA, minutes=5)
    line.says(f"tidak ada banjir, aman pak {PLACE}", BUDI, minutes=6)
    line.says(f"wkwk banjir kuntilanak hahaha {PLACE}", SARI, minutes=7)
    line.says("banjir di desa Dengilo 1 kec Dengilo", SARI, minutes=9)
    line.says(f"bansos belum cair {PLACE}", SARI, minutes=12)
    found = told(line, ref.warning_id)
    assert (found.supports, found.questions) == (2, 1) or (found.supports, found.questions) == (
        1,
        1,
    )
    assert found.villages == 1 and "never change a level" in found.line
    case = next(c for c in line.cases() if c["category"] == "storm" or c["category"] == "flood")
    assert (case["warning_id"], case["stance"]) == (ref.warning_id, "supports")


def test_a_quake_says_nothing_of_rain():
    assert stance("thunderstorm", "quake") == "" and stance("shaking", "quake") == "supports"
    assert stance("tsunami", "clear") == "questions"
    assert stance("tsunami", "quake", ["tsunami"]) == "supports"


def frozen(line):
    """Everything of warnings and tasks; of the outbox what is no answer."""
    with line.engine.connect() as connection:
        rows = [str(connection.execute(select(table)).all()) for table in FROZEN]
        answers = select(messages.c.message_id).where(messages.c.purpose == PURPOSE)
        rest = select(outbox).where(outbox.c.message_id.not_in(answers)).order_by(outbox.c.id)
        return [*rows, str(connection.execute(rest).all())]


TEXTS = st.sampled_from([text for _, _, text in labelled("development.txt")])


def test_no_report_changes_a_warning_a_task_or_what_goes_out(line):
    line.world.publish(Action.ALERT, line.world.levels("75", 3))
    before = frozen(line)
    senders = st.sampled_from((RINA, BUDI, SARI))

    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(TEXTS | st.text(max_size=60), senders), min_size=1, max_size=3))
    def said(many):
        for text, sender in many:
            line.says(f"{text} {PLACE}", sender, minutes=1)
        assert frozen(line) == before

    said()
