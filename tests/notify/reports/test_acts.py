"""What people do with cases, and what the reporters hear of it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import pytest

from kentongan import audit
from kentongan.db import audit as audit_table
from kentongan.db import reputation
from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from notify.reports import acts, listing
from notify.reports.acts import Verdict
from notify.reports.intake import Form, Refusal, from_voice, from_web
from notify.reports.routing import routing
from tests.notify.reports.conftest import BUDI, KEYS, RINA

PLACE = "desa Mananggu 1 kec Mananggu"


def do(line, act, *args, minutes=30, **more):
    with writing(line.engine) as connection:
        at = line.world.at + timedelta(minutes=minutes)
        return act(connection, *args, at=at, **more)


def close(line, case_id, verdict=Verdict.USEFUL, note="", minutes=30):
    return do(line, acts.close, KEYS, case_id, verdict, note, by="Dewi", minutes=minutes)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_taken_once_routed_anew_and_closed_once(line):
    line.says(f"banjir {PLACE}")
    case_id = line.cases()[0]["case_id"]
    do(line, acts.take, case_id, by="Dewi")
    with pytest.raises(RuleViolation, match="taken by Dewi"):
        do(line, acts.take, case_id, by="Agus")
    do(line, acts.route, case_id, "command-centre", rules=routing(), by="Dewi", minutes=31)
    assert (line.cases()[0]["state"], line.cases()[0]["taken_by"]) == ("open", None)
    with pytest.raises(RuleViolation, match="expected one that is valid now"):
        do(line, acts.route, case_id, "nobody", rules=routing(), by="Dewi")
    close(line, case_id)
    with pytest.raises(RuleViolation, match="closed since"):
        close(line, case_id)
    with pytest.raises(RuleViolation, match="empty name"):
        do(line, acts.take, case_id, by=" ")
    actions = [r["action"] for r in line.world.rows(audit_table)]
    assert actions[-3:] == ["case.taken", "case.routed", "case.closed"] and audit is not None


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_the_reporter_hears_of_the_end_only_as_an_answer(line):
    line.says(f"banjir {PLACE}", RINA)
    case_id = line.cases()[0]["case_id"]
    assert close(line, case_id).line == "0 reporter(s) told by SMS, 1 could not be"
    line.says(f"longsor {PLACE}", BUDI, minutes=40)
    other = line.cases()[1]["case_id"]
    line.says("masih turun", BUDI, minutes=45)  # a message that got no answer
    told = close(line, other, note="Tim sudah di lokasi.", minutes=60)
    assert (told.answered, told.not_sent) == (1, 0)
    assert line.steps(other)[-2:] == ["closed", "answered"]


def test_a_number_earns_its_name(line):
    for hour in range(3):
        line.says(f"banjir {PLACE}", RINA, minutes=120 * hour)
        close(line, line.cases()[-1]["case_id"], Verdict.PRANK, minutes=120 * hour + 5)
    line.says(f"banjir {PLACE}", RINA, minutes=600)
    report = line.reports()[-1]
    assert report["prank"] >= 0.3 and any(
        "closed as pranks" in r for r in report["reasons"]["prank"]
    )
    assert report["urgency"] == 1 and report["state"] == "routed"
    row = line.world.rows(reputation)[0]
    assert (row["reports"], row["pranks"], row["useful"]) == (4, 3, 0)


def test_overdue_is_what_nobody_took_in_time(line):
    line.says(f"banjir {PLACE}")
    with line.engine.connect() as connection:
        soon = listing.counts(connection, line.world.at + timedelta(minutes=59))
        late = listing.counts(connection, line.world.at + timedelta(minutes=61))
    assert (soon["overdue"], late["overdue"]) == (0, 1)


@pytest.mark.parametrize(
    "text", ["=1+1 banjir", "@SUM(A1) banjir", "<script>alert(1)</script> banjir"]
)
def test_what_strangers_write_is_harmless_in_a_spreadsheet(line, text):
    line.says(f"{text} {PLACE} hub 081234567890")
    with line.engine.connect() as connection:
        found = listing.case_lines(connection, line.gazette, routing(), line.world.at)
    said = next(csv.DictReader(io.StringIO(listing.as_csv(found))))["text"]
    assert said[:1] not in "=+-@" and "081234567890" not in said and "****" in said


def test_a_call_is_kept_with_its_caller_sealed_and_joins_the_rest(line):
    at = line.world.at
    line.says(f"banjir {PLACE}", RINA)
    form = Form("air sampai dada orang tidak bisa keluar", "desa Mananggu 1", RINA)
    found = from_voice(line.engine, KEYS, line.desk, form, operator="Dewi", at=at)
    assert found.taken is not None and found.taken.urgency == 3
    row = line.inbox()[-1]
    assert row["state"] == "done" and RINA not in str(row) and row["route"] == "voice"
    assert line.steps(found.taken.case_id)[-1] == "entered"
    with line.engine.connect() as connection:
        known = listing.of_caller(connection, KEYS, line.gazette, routing(), RINA, at)
    assert known["reports"] == 2 and len(known["cases"]) == 2
    empty = from_voice(line.engine, KEYS, line.desk, Form(""), operator="Dewi", at=at)
    assert empty is Refusal.EMPTY


def test_the_web_stores_first_limits_and_believes_no_typed_number(line):
    at, address = line.world.at, "203.0.113.9"
    form = Form("banjir selutut", "desa Mananggu 2", "0812 3456 7890")

    def post(one, many=1):
        return [
            from_web(line.engine, KEYS, line.desk, one, address=address, at=at) for _ in range(many)
        ][-1]

    found = post(form)
    assert found.taken is not None and line.inbox()[-1]["sender_blind"] != ""
    assert line.world.rows(reputation)[0]["reports"] == 1
    trapped = post(Form("x", trap="y"))
    assert trapped.taken is None and len(line.reports()) == 1
    assert post(Form("banjir", number="112")) is Refusal.NUMBER
    assert post(form, many=20) is Refusal.TOO_OFTEN
    assert len(line.reports()) <= routing().web_per_address_per_hour


def test_what_cannot_be_read_is_kept_for_a_person(line, monkeypatch):
    monkeypatch.setattr("notify.reports.desk.classify", lambda _: 1 / 0)
    form = Form("banjir", "desa Mananggu 2")
    found = from_web(line.engine, KEYS, line.desk, form, address="::1", at=line.world.at)
    assert found.taken is None
    assert [(r["state"], r["text"]) for r in line.inbox()] == [
        ("failed", "banjir\ndesa Mananggu 2")
    ]
