"""A home as tables and fields: what is in it, nothing changed, nobody's number."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import numpy as np
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from console.analysis import open_home, play
from kentongan.db import make_engine
from kentongan.errors import DataError
from kentongan.impact import PEOPLE_BY_LEVEL
from kentongan.migrate import migrate
from tests.faces.scenes import AFTER, scene, scenes_folder


@pytest.fixture(scope="module")
def cianjur(tmp_path_factory):
    folder = scene(scenes_folder(tmp_path_factory), "cianjur").home
    home = open_home(folder)
    yield home
    home.close()


@pytest.fixture(scope="module")
def flores(tmp_path_factory):
    folder = scene(scenes_folder(tmp_path_factory), "flores").home
    home = open_home(folder)
    yield home
    home.close()


def test_now_is_the_newest_cycle_and_the_mode_is_the_homes(cianjur):
    assert "at 2022-11-21T06:26:00Z, mode exercise" in repr(cianjur)
    assert cianjur.settings.mode == "exercise"


def test_an_event_its_field_and_its_people_agree(cianjur):
    (event,) = cianjur.events().index
    field = cianjur.field(event)
    assert field.attrs["crs"] == "EPSG:4326"
    assert field["hazard_level"].dims == ("latitude", "longitude")
    impact = cianjur.impacts(event)
    assert impact.crs == "EPSG:4326"
    counted = impact[[*PEOPLE_BY_LEVEL, "people_unknown"]].sum(axis=1)
    np.testing.assert_array_equal(counted, impact["people"])
    assert impact.loc["unassigned"].geometry is None
    warned = cianjur.impacts(event, at_least=2)
    assert 0 < len(warned) < len(impact) and (warned["level"] >= 2).all()
    assert warned["regency"].str.startswith("K").all() and not warned.geometry.is_empty.any()


def test_a_warning_leads_back_to_the_bytes_that_it_rests_on(cianjur):
    (warning,) = cianjur.warnings().index
    documents = cianjur.documents(warning)
    for digest, row in documents.iterrows():
        raw = cianjur.document(digest)
        assert hashlib.sha256(raw).hexdigest() == digest and len(raw) == row["bytes"]
    assert cianjur.evidence(warning)["magnitude"] == 5.6
    assert cianjur.levels(warning)["word"].isin(["Waspada", "Siaga", "Awas"]).all()
    assert len(cianjur.levels(warning)) == cianjur.warnings().loc[warning, "villages"]


def test_what_was_said_is_what_was_released(cianjur):
    (warning,) = cianjur.warnings().index
    cap = cianjur.cap(warning)
    assert "<status>Exercise</status>" in cap and cianjur.versions(warning)["identifier"][1] in cap
    texts = cianjur.texts(warning)
    assert {"id", "en"} <= set(texts["language"])
    assert all(sms.startswith("LATIHAN") for sms in texts["sms"])
    told = cianjur.told(warning)
    messages = cianjur.messages(warning)
    assert told.to_numpy().sum() == messages["accepted"].sum() > 0
    assert set(told.index.get_level_values("route")) == {"recorder"}


def test_zones_are_polygons_and_a_raise_is_a_version(flores):
    (tsunami,) = [one for one in flores.events().index if one.startswith("tsunami")]
    zones = flores.field(tsunami)
    assert {"zone", "hazard_level", "onset"} <= set(zones.columns) and zones.crs == "EPSG:4326"
    assert len(flores.knowledge(tsunami)) > 1
    (warning,) = [one for one in flores.warnings().index if "tsunami" in one]
    first, *later = flores.versions(warning)["msg_type"]
    assert first == "Alert" and set(later) == {"Update"}
    assert flores.warnings()["in_force"].all()


def test_tasks_have_names_and_steps(flores):
    warnings = flores.warnings()
    found = flores.tasks(warnings.index[0])
    assert found["village"].notna().all() and found["level"].is_monotonic_decreasing
    steps = flores.steps(task_id=found.index[0])
    assert steps["at"].dt.tz is not None and list(steps["via"].unique()) == ["system"]
    assert flores.reports().empty


def test_nothing_can_be_written(cianjur):
    with pytest.raises(DBAPIError, match="readonly"), cianjur._engine.begin() as connection:
        connection.execute(text("UPDATE warnings SET level = 4"))


def test_the_same_on_postgresql(postgres, tmp_path):
    url = postgres.url(postgres._create())
    engine = make_engine(url)
    migrate(engine)
    engine.dispose()
    home = open_home(tmp_path, database_url=url, at=datetime(2026, 8, 15, tzinfo=UTC))
    assert home.warnings().empty and home.tasks().empty and not home.feeds().empty
    with pytest.raises(DBAPIError, match="read-only"), home._engine.begin() as connection:
        connection.execute(text("DELETE FROM warnings"))
    home.close()


def test_no_table_has_anybodys_number(cianjur, flores):
    for home in (cianjur, flores):
        for warning in home.warnings().index:
            tables = (home.messages(warning), home.told(warning), home.tasks(warning), home.steps())
            assert not any("+999" in table.to_csv() for table in tables)


def test_a_folder_that_is_no_home_says_so(tmp_path):
    with pytest.raises(DataError, match=r"no kentongan\.sqlite"):
        open_home(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_older_home_is_not_touched(tmp_path):
    (tmp_path / "kentongan.sqlite").touch()
    with pytest.raises(DataError, match="expected a database of schema"):
        open_home(tmp_path)


def test_names_that_are_not_there_are_said(cianjur):
    for ask in (cianjur.field, cianjur.impacts, cianjur.body, cianjur.cap, cianjur.document):
        with pytest.raises(DataError, match=r"none of that name|no such version|never received"):
            ask("x")


def test_a_home_may_be_looked_at_as_of_another_time(tmp_path_factory):
    found = scene(scenes_folder(tmp_path_factory), "cianjur")
    later = open_home(found.home, at=found.at + AFTER * 400)
    assert not later.warnings()["in_force"].any()
    later.close()


def test_play_leaves_a_home(tmp_path):
    home = play("cianjur", steps=1, home=tmp_path)
    assert home.events().empty and home.warnings().empty and not home.feeds().empty
    assert (tmp_path / "kentongan.sqlite").is_file()
    home.close()
