"""A desk over the small country of the parent folder, and an inbox before it."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

from kentongan.db import case_steps, cases, inbound, messages, reports
from kentongan.sealing import Keys
from notify.channels.channel import InboundMessage
from notify.inbox.handling import work
from notify.inbox.store import keep
from notify.reports.desk import Desk
from notify.reports.handler import Reports
from notify.reports.place import Gazette

KEYS = Keys((b"k" * 32,))
RINA, BUDI, SARI = "+999811", "+999812", "+999813"


class Line:
    """One number in: what somebody writes, and what goes back."""

    def __init__(self, world):
        self.world, self.engine = world, world.engine
        self.gazette = Gazette.of(world.areas)
        self.desk = Desk.of(lambda: self.gazette)
        self.handlers = [Reports(KEYS, self.desk)]
        self.numbers = itertools.count(1)

    def says(self, text, sender=RINA, minutes=0.0):
        """The answer; empty: none."""
        at = self.world.at + timedelta(minutes=minutes)
        key = f"m-{next(self.numbers)}"
        number = keep(self.engine, KEYS, InboundMessage("kannel", key, sender, text, at))
        work(self.engine, KEYS, self.handlers, at=at)
        with self.engine.connect() as connection:
            query = select(messages.c.text).where(messages.c.message_id == f"answer/{number}")
            return connection.execute(query).scalar() or ""

    def reports(self):
        return sorted(self.world.rows(reports), key=lambda r: r["inbound_id"] or 0)

    def cases(self):
        return sorted(self.world.rows(cases), key=lambda r: r["opened_at"])

    def steps(self, case_id):
        return [r["act"] for r in self.world.rows(case_steps) if r["case_id"] == case_id]

    def inbox(self):
        return self.world.rows(inbound)


@pytest.fixture
def line(world):
    return Line(world)
