"""A warning taken apart: shaking (cells) and a nowcast (zones), as a duty officer asks for it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

import pytest

from console.explanation import as_json, as_text, village_map
from kentongan.errors import DataError
from kentongan.settings import Settings
from kentongan.times import parse_instant
from orchestration.context import open_context
from orchestration.explaining import explain
from orchestration.quakes import quake, quakes
from orchestration.scenarios import run_scenario

SHAKING = "w-shaking-20221121T062110Z"
AT = parse_instant("2022-11-21T07:00:00Z")


@pytest.fixture(scope="module")
def cianjur(tmp_path_factory):
    home = tmp_path_factory.mktemp("explain")
    run_scenario("cianjur", Settings(home=home, _env_file=None))
    settings = Settings(home=home / "scenarios" / "cianjur", _env_file=None)
    with open_context(settings, live=False, reading=True) as context:
        yield context


def test_the_cells_of_a_village_add_up_to_its_people(cianjur):
    found = explain(cianjur, SHAKING).village
    assert found.agrees is True
    assert sum(cell.people for cell in found.cells) == pytest.approx(found.people, abs=0.01)
    assert sum(found.people_by_level.values()) == found.people
    assert max(cell.level for cell in found.cells) >= found.level


def test_a_level_carries_its_evidence_its_hold_and_the_size_of_its_event(cianjur):
    found = explain(cianjur, SHAKING)
    row = found.decision.evidence
    assert row["level"] == found.decision.stands_at == 3
    assert row["value"] >= row["threshold"] == 6.5
    assert (row["likelihood"], row["probability"], row["decided_by"]) == ("high", None, "matrix")
    held = found.decision.falls_not_before - found.decision.raised_at
    assert held == timedelta(minutes=90)
    assert found.decision.runs and all(level >= 3 for _, level in found.decision.runs)
    assert found.decision.size.grave_people > 0
    text = as_text(found)
    assert "matrix gives 3" in text and "Kentongan founders, 2026-11-22" in text
    assert as_json(found, AT)["decision"]["evidence"]["impact_class"] == 3


def test_sources_are_named_with_their_age_and_bytes(cianjur):
    (source,) = explain(cianjur, SHAKING).sources
    assert source.source_id == "bmkg-quakes"
    assert len(source.sha256) == 64
    assert source.kept
    assert 0 < source.age_minutes < 60


def test_text_and_json_tell_the_same(cianjur):
    found = explain(cianjur, SHAKING, "32.03.01.2001")
    text, document = as_text(found), as_json(found, AT)
    assert "Village 32.03.01.2001 Babakankaret" in text
    assert "the same people as stored" in text
    assert document["village"]["adm4_code"] == "32.03.01.2001"
    assert document["method"] in text
    assert json.loads(json.dumps(document, allow_nan=False))["level"] == 3


def test_the_map_is_an_image_of_the_village(cianjur):
    found = explain(cianjur, SHAKING)
    root = ElementTree.fromstring(village_map(found, cianjur.layers))
    assert root.tag.endswith("svg")
    assert len(root.findall("{*}rect")) == len(found.village.cells) + 1


def test_a_village_that_is_not_touched_is_named(cianjur):
    with pytest.raises(DataError, match=r"99\.01\.01\.2001: not touched"):
        explain(cianjur, SHAKING, "99.01.01.2001")


def test_a_warning_that_does_not_exist_is_named(cianjur):
    with pytest.raises(DataError, match="kentongan warning list"):
        explain(cianjur, "w-none")


def test_another_layer_set_is_said(cianjur):
    from dataclasses import replace

    other = replace(cianjur.layers, version="another-set")
    found = explain(replace(cianjur, layers=other), SHAKING)
    assert not found.same_layers
    assert "NOT the set that is loaded" in as_text(found)


def test_a_lost_impact_table_is_said(cianjur):
    from orchestration.event_store import stored

    event = stored(cianjur.engine, "shaking-20221121T062110Z")
    path = Path(cianjur.runs.uri(event.impact_path))
    moved = path.with_suffix(".gone")
    path.rename(moved)
    try:
        with pytest.raises(DataError, match="restore the home"):
            explain(cianjur, SHAKING)
    finally:
        moved.rename(path)


def test_one_quake_in_three_feeds_is_one_event_with_its_history(cianjur):
    at = parse_instant("2022-11-21T13:00:00Z")
    group = quake(cianjur.engine, at, "shaking-20221121T062110Z", since=timedelta(days=2))
    assert group.event_key == "20221121T062110Z"
    assert len({one.source_id for one in group.history}) > 1
    assert [one.said for one in group.history] == sorted(one.said for one in group.history)
    newest = quakes(cianjur.engine, at, since=timedelta(days=2))[0]
    assert newest.event_key == group.event_key


def test_an_unknown_quake_is_named(cianjur):
    with pytest.raises(DataError, match="kentongan quakes"):
        quake(cianjur.engine, AT, "20200101T000000Z", since=timedelta(days=2))
