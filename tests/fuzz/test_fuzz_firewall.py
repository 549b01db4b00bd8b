"""Some hundred cases against the firewall; `python -m tests.fuzz --firewall N` judges more."""

from __future__ import annotations

import logging

import pytest

from tests.fuzz import firewall


@pytest.fixture(autouse=True)
def _quiet():
    """Switches are thrown on purpose."""
    logging.getLogger("notify.sending.dispatch").setLevel(logging.ERROR)
    yield
    logging.getLogger("notify.sending.dispatch").setLevel(logging.NOTSET)


def test_nothing_but_what_is_real_by_every_witness_reaches_a_phone():
    result = firewall.campaign(120)
    assert result.faults == []
    assert min(result.ends.values()) > 5 and len(result.ends) == 3, "both ends were tried"


def test_a_case_is_known_by_its_number():
    assert [firewall.case(i) for i in range(50)] == [firewall.case(i) for i in range(50)]


def test_a_hole_would_be_found(monkeypatch):
    """With the last look taken out, the campaign speaks."""
    from notify.firewall import clearance

    monkeypatch.setattr(clearance, "_refusals", lambda *_: iter(()))
    assert firewall.campaign(60).faults
