"""What a duty officer reads at three in the morning, and what `make run` ends with."""

from __future__ import annotations

from typing import Any

from console.report import cycle_report, scenario_row, scenarios_table


def feed(**changes: Any) -> dict[str, Any]:
    return {
        "source_id": "bmkg-quakes",
        "outcome": "new",
        "state": "fresh",
        "received": 1,
        "quarantined": 0,
        "newest": None,
        "detail": "",
    } | changes


def warning(**changes: Any) -> dict[str, Any]:
    return {
        "warning_id": "w-1",
        "version": 1,
        "hazard_id": "tsunami",
        "title": "Gempa M7,7 Flores",
        "level": 3,
        "state": "released",
        "reason": "PD-2",
        "adm4_codes": ["53.10.01.2001", "53.10.01.2002"],
        "exposed_people": 12345,
        "uncovered_people": 678,
        "expires": "2026-08-15T08:00:00Z",
        "unresolved": [],
    } | changes


def document(**changes: Any) -> dict[str, Any]:
    return {
        "at": "2026-08-15T06:00:00Z",
        "mode": "exercise",
        "re_creation": True,
        "feeds": [feed()],
        "unknown_areas": [],
        "warnings": [warning()],
        "tasks": [{"task_id": "t", "kind": "receive", "people": 500, "unmet_people": 20}],
        "messages": {"sms": {"accepted": 0, "recorded": 40}, "push": {"recorded": 3}},
        "outputs": {"map": "var/maps/situation.html"},
    } | changes


def test_the_report_names_level_villages_people_and_end():
    text = cycle_report(document())
    assert "SIAGA   Tsunami, Gempa M7,7 Flores, until 2026-08-15 15.00 WIB" in text
    assert "2 villages, 12.345 people exposed, 678 of them uncovered" in text
    assert "1 (1 receive) for 500 people, 20 of them without a team or a place" in text
    assert "sms 40 recorded; push 3 recorded" in text
    assert "Map: var/maps/situation.html" in text


def test_feeds_with_trouble_come_first_each_on_one_line():
    feeds = [feed(), feed(source_id="bmkg-nowcast", state="blocked", detail="expected XML,\nfound")]
    lines = cycle_report(document(feeds=feeds)).splitlines()
    assert "Feeds: 2 polled, 1 with trouble" in lines
    assert "  ! bmkg-nowcast: blocked: expected XML, found" in lines
    assert "    read well: bmkg-quakes" in lines


def test_quarantined_documents_are_trouble():
    text = cycle_report(document(feeds=[feed(quarantined=2, detail="unclosed polygon")]))
    assert "! bmkg-quakes: fresh, 2 quarantined: unclosed polygon" in text


def test_nothing_in_force_is_no_all_clear():
    assert "this is not an all-clear" in cycle_report(document(warnings=[]))


def test_an_unknown_area_is_told():
    area = {"province": "Riau", "title": "Hujan lebat", "until": "2026-08-15T07:00:00Z"}
    text = cycle_report(document(unknown_areas=[area]))
    assert "  ? Riau: Hujan lebat, until 2026-08-15 14.00 WIB" in text


def test_a_draft_is_marked_as_not_sent_and_a_closed_warning_stands_apart():
    warnings = [warning(state="draft"), warning(warning_id="w-2", state="expired")]
    text = cycle_report(document(warnings=warnings))
    assert "Warnings in force: 1" in text
    assert "[draft: not sent]" in text
    assert "Closed in the last day: 1" in text


def test_only_exercise_says_that_nothing_left_the_machine():
    assert "Nothing left this machine" in cycle_report(document())
    assert "Nothing left this machine" not in cycle_report(document(mode="actual"))


def scenario() -> dict[str, Any]:
    ended = document(warnings=[warning(state="ended", adm4_codes=[], exposed_people=0)])
    steps = [document(), ended]
    return {**ended, "scenario": "flores", "title": "F", "seconds": 2.345, "steps": steps}


def test_a_scenario_counts_over_all_its_steps():
    row = ("flores", "1", "2", "12.345", "86", "1", "2.3", "var/maps/situation.html")
    assert scenario_row(scenario()) == row


def test_the_table_ends_with_where_nothing_went():
    text = scenarios_table([scenario()])
    assert text.splitlines()[0].split() == [
        "scenario", "warnings", "villages", "people", "messages", "tasks", "seconds",
    ]  # fmt: skip
    assert "LATIHAN: nothing left this machine" in text
    assert "flores: var/maps/situation.html" in text


def test_a_feed_that_says_why_it_is_thin_is_not_called_well_read():
    from console.report import _feeds

    feed = {
        "source_id": "bmkg-forecast", "state": "empty", "quarantined": 0, "problems": [],
        "detail": "20 of 20 asked for are not published and not assessed",
    }  # fmt: skip
    lines = _feeds([feed])
    assert lines[1:] == [
        "  ~ bmkg-forecast: empty: 20 of 20 asked for are not published and not assessed"
    ]
