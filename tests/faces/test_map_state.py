"""The state of the live map says what the tables say, for now, then and later; never more."""

from __future__ import annotations

import gzip
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from sqlalchemy import delete, insert, select, update

from console.live_state.document import scoped
from console.live_state.pieces import piece, whole
from ingest.known import unknown_areas
from kentongan.db import (
    alerts,
    cases,
    escalations,
    event_versions,
    events,
    feed_log,
    make_engine,
    records,
    task_steps,
    tasks,
    warning_states,
    warnings,
)
from kentongan.grid import BASE_GRID
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.times import iso, parse_instant
from kentongan.types import HazardId
from notify.listing import in_force
from notify.tasks.listing import task_lines
from orchestration.live_map.held import held_at
from orchestration.live_map.moment import Moment, times
from orchestration.live_map.rain_ahead import RainAhead, _Layers, _read, worse
from orchestration.live_map.situation import situation_at
from orchestration.live_map.villages import HAZARDS, Coloured, rolled_up
from orchestration.scenarios import find
from risk.layers.layerset import load_layers

STATE = "/centre/map/state.json"
SCENES = ("flores", "cianjur", "thunderstorm", "blind-night")
AREAS = ("villages", "districts", "regencies", "provinces")


def state(place, at=None, **params):
    params |= {"at": iso(at)} if at else {}
    answer = place.get(STATE, params=params, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(place):
    return [listed.version for listed in in_force(place.engine, place.clock.at)]


# --- the present --------------------------------------------------------------------------


@pytest.mark.parametrize("scene", SCENES)
def test_villages_have_the_highest_level_of_the_warnings_in_force(served, scene):
    place = served(scene)
    found = state(place)
    wanted: dict[str, int] = {}
    for version in stored(place):
        for code, level in version.body.levels.items():
            wanted[code] = max(level, wanted.get(code, 0))
    shown = {code: row[0] for code, row in found["villages"].items() if row[0] > 0}
    assert shown == wanted
    assert (found["kind"], found["live"], found["mode"]) == ("now", True, "exercise")
    assert found["elsewhere"] == (-1 if scene == "blind-night" else 0), "every feed is blind there"


@pytest.mark.parametrize("scene", SCENES)
def test_people_are_those_of_warnings_impact_tables_and_layers(served, scene):
    place = served(scene)
    found, layers = state(place), load_layers("")
    people = dict(zip(layers.villages["adm4_code"], layers.villages["people"], strict=True))
    listed = {(one["warning_id"], one["version"]): one for one in found["warnings"]}
    held = stored(place)
    bodies = {version.warning_id: version.body for version in held}
    for version in held:
        one = listed.pop((version.warning_id, version.version))
        assert one["exposed"] == version.body.exposed_people
        assert one["uncovered"] == version.body.uncovered_people
        assert one["villages"] == len(version.body.levels)
        assert one["people"] == sum(int(people[code]) for code in version.body.levels)
    assert not listed
    for code, (level, hazard, lives, exposed, uncovered, number) in found["villages"].items():
        if level < 0:
            assert (hazard, exposed, uncovered, number) == (-1, -1, -1, -1)
            continue
        body = bodies[found["warnings"][number]["warning_id"]]
        assert HAZARDS[hazard] == body.hazard_id
        assert (exposed, uncovered) == tuple(body.exposure[code])
        assert lives == people[code]


def test_exposed_people_of_a_village_stand_in_the_impact_table(served):
    import pandas as pd

    place = served("cianjur")
    query = select(events.c.impact_uri).where(events.c.hazard_id == "shaking")
    with place.engine.connect() as connection:
        path = connection.execute(query).scalar_one()
    impact = pd.read_parquet(place.home / path).set_index("adm4_code")
    for code, row in state(place)["villages"].items():
        assert row[3] == impact.loc[code, "exposed_people"]


@pytest.mark.parametrize("scene", SCENES)
def test_districts_and_above_add_up(served, scene):
    found = state(served(scene))
    villages = found["villages"]
    for name, characters in (("districts", 8), ("regencies", 5), ("provinces", 2)):
        groups: dict[str, list[list[int]]] = {}
        for code, row in villages.items():
            groups.setdefault(code[:characters], []).append(row)
        assert set(groups) == set(found[name])
        for code, rows in groups.items():
            known = [row for row in rows if row[0] >= 0]
            counted = known or rows
            level, _, people, exposed, uncovered, _, not_known = found[name][code]
            assert level == max(row[0] for row in rows)
            assert people == sum(row[2] for row in counted)
            assert exposed == sum(max(0, row[3]) for row in counted)
            assert uncovered == sum(max(0, row[4]) for row in counted)
            assert not_known == len(rows) - len(known)


def test_tasks_are_those_of_the_task_board(served):
    place = served("flores")
    lines = {
        line.task_id: line
        for version in stored(place)
        for line in task_lines(place.engine, version.warning_id, load_layers("").villages)
    }
    found = {task["task_id"]: task for task in state(place)["tasks"]}
    assert found
    assert set(found) == set(lines)
    for task_id, task in found.items():
        line = lines[task_id]
        assert (task["state"], task["level"], task["people"], task["unmet"], task["adm4"]) == (
            line.state, line.level, line.people, line.unmet_people, line.adm4_code,
        )  # fmt: skip
        assert task["lon"] == pytest.approx(line.longitude, abs=1e-4)
        assert task["url"] == f"/centre/tasks/{task_id}"


def test_an_installation_that_never_polled_knows_of_no_village_that_it_is_safe(served):
    found = state(served("empty"))
    assert found["elsewhere"] == -1
    assert {feed["state"] for feed in found["feeds"]} <= {"unknown", "unconfigured"}


def test_a_province_that_is_warned_somewhere_is_not_known_everywhere_else(served):
    place = served("blind-night")
    areas = unknown_areas(place.engine, place.clock.at)
    assert [area.province_code for area in areas] == ["73"]
    found = state(place)
    assert [area["province_code"] for area in found["unknown_areas"]] == ["73"]
    layers = load_layers("")
    inside = layers.villages["adm4_code"].iloc[layers.within("73")]
    levels = {found["villages"][code][0] for code in inside}
    assert -1 in levels
    assert 0 not in levels
    assert found["provinces"]["73"][6] == sum(found["villages"][c][0] == -1 for c in inside)


def test_a_draft_is_shown_as_one_that_waits(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        row = dict(connection.execute(select(warnings)).mappings().one())
        code = "32.04.05.2001"
        body = {**row["body"], "levels": {**row["body"]["levels"], code: 4},
                "exposure": {**row["body"]["exposure"], code: [7, 3]}}  # fmt: skip
        row |= {"version": 2, "body": body, "content_hash": "f" * 64}
        connection.execute(insert(warnings).values(**row))
        connection.execute(insert(warning_states).values(
            warning_id=row["warning_id"], version=2, state="draft", at=iso(place.clock.at),
            actor="test",
        ))  # fmt: skip
    found = state(place)
    assert [(one["version"], one["state"]) for one in found["warnings"]] in (
        [(1, "released"), (2, "draft")], [(2, "draft"), (1, "released")],
    )  # fmt: skip
    assert {one["version"]: one["sent"] is None for one in found["warnings"]} == {1: False, 2: True}
    level, _, _, exposed, uncovered, number = found["villages"][code]
    assert (level, exposed, uncovered) == (4, 7, 3)
    assert found["warnings"][number]["state"] == "draft"


# --- the bytes ----------------------------------------------------------------------------


def test_a_state_that_is_known_is_not_sent_again(served):
    place = served("flores")
    first = place.get(STATE)
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["cache-control"] == "private, no-cache"
    again = place.get(STATE, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = place.get(STATE, headers={"Accept-Encoding": "identity"})
    assert plain.json() == first.json()
    assert "content-encoding" not in plain.headers


def test_levels_that_a_reader_has_are_left_out(served):
    place = served("flores")
    found = state(place)
    less = state(place, have=found["areas"])
    assert less == {key: value for key, value in found.items() if key not in AREAS}
    assert state(place, have="0" * 16) == found


def test_many_who_ask_at_once_get_what_was_made_once(own, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from console.live_state.shelf import StateShelf

    made = []
    for name in ("_make", "_pack"):
        right = getattr(StateShelf, name)
        monkeypatch.setattr(
            StateShelf, name,
            lambda *args, right=right, name=name: (made.append(name), right(*args))[1],
        )  # fmt: skip
    place = own("cianjur")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: place.get(STATE, timeout=60).content, range(24)))
    assert len(set(answers)) == 1
    assert sorted(made) == ["_make", "_pack"]


def test_pieces_in_a_row_are_one_gzip_file():
    parts = [piece(text) for text in (b"{", b'"a":1' * 5000, b"", b",", b"x" * 70_000)]
    data, packed = whole(parts)
    assert gzip.decompress(packed) == data == b"".join(part.data for part in parts)


def test_a_change_is_in_the_very_next_answer_after_it_was_looked_for(own):
    place = own("cianjur")
    assert len(state(place)["warnings"]) == 1
    with place.engine.begin() as connection:
        connection.execute(insert(warning_states).values(
            warning_id=stored(place)[0].warning_id, version=1, state="ended",
            at=iso(place.clock.at), actor="test",
        ))  # fmt: skip
    import time

    time.sleep(1.05)  # as long as nobody was told of a change, a state holds for a second
    found = state(place)
    assert found["warnings"] == []
    assert found["villages"] == {}


HOSTILE = "</script><img src=x onerror=alert(1)>'\"\u202e"


def test_hostile_words_stay_words_and_have_an_end(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        body = connection.execute(select(warnings.c.body)).scalar_one()
        body = {**body, "title": HOSTILE + "x" * 5000}
        connection.execute(update(warnings).values(body=body, content_hash="e" * 64))
    answer = place.get(STATE)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    (one,) = answer.json()["warnings"]
    assert one["title"] == (HOSTILE + "x" * 5000)[:200]


@pytest.mark.parametrize(
    "at",
    ["yesterday", "2026-08-14", "2026-08-14T23:50:00", "1970-01-01T00:00:00Z", "9999-12-31T23:59Z",
     "2026-08-16T00:00:00Z", "' OR 1=1 --", "\x00", "9" * 5000, "2026-08-14T23:50:00+99:99"],
)  # fmt: skip
def test_an_instant_that_is_none_is_refused(served, at):
    for path in (STATE, "/centre/map/hazards.json"):
        answer = served("flores").get(path, params={"at": at})
        if "\x00" in at:
            assert answer.status_code == 400, "no page takes such a letter"
            continue
        assert answer.status_code == 422
        assert "expected an instant" in answer.json()["detail"]


def test_the_slider_has_whole_steps_of_a_day_back_and_three_hours_ahead(served):
    place = served("flores")
    found = place.get("/centre/map/times.json").json()
    instants = [parse_instant(one["at"]) for one in found["times"]]
    assert found["now"] == iso(place.clock.at)
    assert {b - a for a, b in pairwise(instants)} == {timedelta(minutes=10)}
    assert all(at.minute % 10 == 0 and at.second == 0 for at in instants)
    assert place.clock.at - timedelta(hours=24) <= instants[0]
    assert (
        instants[-1] <= place.clock.at + timedelta(hours=3) < instants[-1] + timedelta(minutes=10)
    )
    kinds = [one["kind"] for one in found["times"]]
    assert kinds == sorted(kinds, reverse=True), "observed, then forecast"


@pytest.mark.parametrize("second", [0, 1, 599])
def test_steps_are_whole_at_any_second(second):
    now = datetime(2026, 1, 1, 12, 0, tzinfo=UTC) + timedelta(seconds=second)
    assert len(times(now)) == (163 if second == 0 else 162)


# --- the past -----------------------------------------------------------------------------

ADDED = {
    alerts: None, warning_states: "at", event_versions: "at", task_steps: "at",
    escalations: "at", feed_log: "polled_at", records: "known_at",
}  # fmt: skip
"""Tables to which rows are only added, with the column that says when."""


def as_of(place, at, folder):
    """The home as it was: every row that came later is taken out."""
    shutil.copy(place.home / "kentongan.sqlite", folder / "kentongan.sqlite")
    (folder / "runs").symlink_to(place.home / "runs")
    engine = make_engine(f"sqlite:///{folder / 'kentongan.sqlite'}")
    with engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for table, column in ADDED.items():
            if column:
                connection.execute(delete(table).where(table.c[column] > iso(at)))
        later = select(warnings.c.warning_id, warnings.c.version).where(
            warnings.c.created_at > iso(at)
        )
        gone = {tuple(row) for row in connection.execute(later)}
        for table in (alerts, warnings):
            for warning_id, version in gone:
                connection.execute(delete(table).where(
                    table.c.warning_id == warning_id, table.c.version == version,
                ))  # fmt: skip
        connection.execute(delete(tasks).where(tasks.c.created_at > iso(at)))
    return engine


def told(engine, home, moment):
    """What the past may tell, without what a later plan writes over."""
    settings = Settings(_env_file=None, home=home)
    found = situation_at(engine, Store(str(home)), load_layers(""), settings, moment)
    steps = {}
    with engine.connect() as connection:
        for row in connection.execute(select(task_steps).order_by(task_steps.c.id)):
            steps[row.task_id] = row.state
    return {
        "villages": dict(zip(found.areas.villages.codes, found.areas.villages.rows(), strict=True)),
        "elsewhere": found.elsewhere,
        "warnings": [(one.warning_id, one.version, one.state, one.sent) for one in found.held],
        "unknown": [(area.province_code, area.title, area.until) for area in found.unknown_areas],
        "events": [(one.event.event_id, one.version, one.runs) for one in found.events],
        "quakes": found.quakes,
        "feeds": found.feeds,
        "tasks": {one.task_id: one.state if not moment.live else steps[one.task_id]
                  for one in found.tasks},
    }  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_the_past_knows_nothing_that_came_later(served, tmp_path, scene):
    place = served(scene)
    steps = [step.at for step in find(scene).steps if step.at < place.clock.at]
    instants = [*steps, *(at + timedelta(minutes=7) for at in steps), steps[0] - timedelta(hours=1)]
    passed = sorted(at for at in instants if at < place.clock.at)
    for number, at in enumerate(passed):
        folder = tmp_path / str(number)
        folder.mkdir()
        before = as_of(place, at, folder)
        try:
            now = told(before, folder, Moment(at, at, live=True))
            past = told(place.engine, place.home, Moment(at, place.clock.at))
        finally:
            before.dispose()
        assert past == now, iso(at)


def test_figures_that_a_later_plan_wrote_over_are_not_known_then(own):
    place = own("flores")
    with place.engine.connect() as connection:
        first = connection.execute(select(warnings.c.created_at).order_by(
            warnings.c.created_at)).scalars().first()  # fmt: skip
        query = select(tasks.c.task_id, tasks.c.version, tasks.c.created_at).where(
            tasks.c.created_at == first, tasks.c.version > 1
        )
        written_over = connection.execute(query).all()
    at = parse_instant(first) + timedelta(seconds=30)
    found = {task["task_id"]: task for task in state(place, at)["tasks"]}
    for row in written_over:
        assert found[row.task_id]["people"] is None
    known = [task for task in found.values() if task["people"] is not None]
    assert len(known) + len(written_over) == len(found)


def test_a_case_was_open_before_it_was_closed(own):
    from kentongan.db import case_steps, reports

    place = own("cianjur")
    opened, taken, closed = (place.clock.at - timedelta(minutes=m) for m in (50, 40, 20))
    with place.engine.begin() as connection:
        connection.execute(insert(cases).values(
            case_id="K7F3AC", category="flood", adm4_code="32.03.01.2001", urgency=2, unit="bpbd",
            state="closed", opened_at=iso(opened), due_at=iso(closed), closed_at=iso(closed),
        ))  # fmt: skip
        for act, at in (("opened", opened), ("taken", taken), ("closed", closed)):
            connection.execute(insert(case_steps).values(
                case_id="K7F3AC", at=iso(at), actor="x", act=act))  # fmt: skip
        for number, at in enumerate((opened, taken)):
            connection.execute(insert(reports).values(
                report_id=f"r{number}", via="sms", received_at=iso(at), text="081234567890 tolong",
                reasons={}, case_id="K7F3AC", state="closed"))  # fmt: skip

    def seen(minutes):
        return [(r["state"], r["count"]) for r in
                state(place, place.clock.at - timedelta(minutes=minutes))["reports"]]  # fmt: skip

    assert state(place)["reports"] == []
    assert seen(60) == []
    assert seen(45) == [("open", 1)]
    assert seen(30) == [("taken", 2)]
    assert seen(10) == []
    text = place.get(STATE, params={"at": iso(place.clock.at - timedelta(minutes=30))}).text
    assert "081234567890" not in text


# --- ahead --------------------------------------------------------------------------------


@pytest.mark.parametrize("scene", SCENES)
def test_ahead_a_warning_holds_until_its_end_and_the_rest_is_not_known(served, scene):
    place = served(scene)
    for minutes in (10, 60, 170):
        at = place.clock.at + timedelta(minutes=minutes)
        found = state(place, at)
        assert found["kind"] == "forecast"
        holding = {v.warning_id for v in stored(place) if v.body.expires > at}
        assert {one["warning_id"] for one in found["warnings"]} == holding
        assert found["elsewhere"] == -1
        assert found["forecast"]["rain_known"] is False
        assert found["forecast"]["rain_issued"] is None


def field(levels):
    """A national field: `levels` gives (rows, columns, level) at each lead."""
    shape = (len(levels), BASE_GRID.rows, BASE_GRID.columns)
    values = np.zeros(shape, dtype=np.int8)
    for lead, boxes in enumerate(levels):
        for rows, columns, level in boxes:
            values[lead, rows, columns] = level
    dims = ("lead_time", "latitude", "longitude")
    return xr.Dataset(
        {"hazard_level_by_lead": (dims, values), "hazard_level": (dims[1:], values.max(axis=0))},
        coords={
            "latitude": BASE_GRID.latitude, "longitude": BASE_GRID.longitude,
            "lead_time": ("lead_time", [0, 30, 60], {"units": "minutes"}),
        },
        attrs={"outside": "unknown", "value_variable": ""},
    )  # fmt: skip


def kept(home, levels):
    store = Store(str(home))
    store.write(
        "runs/rain/x/0123456789abcdef/field.nc", bytes(field(levels).to_netcdf(engine="scipy"))
    )
    return store


def test_the_nowcast_of_a_village_is_the_worse_of_the_leads_around(tmp_path):
    layers = load_layers("")
    cianjur = BASE_GRID.window(107.0, -7.0, 107.2, -6.8)
    papua = BASE_GRID.window(138.0, -5.0, 139.0, -4.0)
    store = kept(tmp_path, [
        [(*cianjur, 2), (*papua, -1)], [(*cianjur, 3), (*papua, -1)], [(*papua, -1)],
    ])  # fmt: skip
    issued = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    ahead = _read(store.root, "runs/rain/x/0123456789abcdef", "rain-x", issued, _Layers(layers))

    def levels(minutes):
        found = ahead.villages_at(issued + timedelta(minutes=minutes))
        return None if found is None else dict(zip(found[0], found[1].tolist(), strict=True))

    assert ahead.minutes == (0, 30, 60)
    points = layers.villages[["longitude", "latitude"]].to_numpy()
    inside = (np.abs(points - [107.1, -6.9]) < 0.05).all(axis=1)
    wet = layers.villages["adm4_code"].to_numpy()[inside].tolist()
    assert {levels(0)[code] for code in wet} == {2}
    assert {levels(10)[code] for code in wet} == {3}
    assert {levels(45)[code] for code in wet} == {3}
    assert not set(wet) & set(levels(60))
    inside = (np.abs(points - [138.5, -4.5]) < 0.4).all(axis=1)
    blind = layers.villages["adm4_code"].to_numpy()[inside].tolist()
    assert blind
    assert all({levels(minutes)[code] for code in blind} == {-1} for minutes in (0, 30, 60))
    assert levels(61) is None
    assert levels(-1) is None


def test_what_cannot_be_read_is_no_nowcast(tmp_path):
    layers, issued = _Layers(load_layers("")), datetime(2026, 1, 1, tzinfo=UTC)
    store = Store(str(tmp_path))
    assert _read(store.root, "runs/rain/gone", "rain-x", issued, layers) is None
    store.write("runs/rain/bad/field.nc", b"no netcdf")
    assert _read(store.root, "runs/rain/bad", "rain-x", issued, layers) is None


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [(0, 0, 0), (0, -1, -1), (1, -1, -1), (2, -1, 2), (-1, -1, -1), (1, 3, 3)],
)
def test_the_worse_of_two_levels(a, b, expected):
    for pair in ((a, b), (b, a)):
        found = worse(*(np.array([value], dtype=np.int8) for value in pair))
        assert found.tolist() == [expected]


def test_rain_ahead_colours_villages_and_what_it_does_not_know_is_not_known(own):
    place = own("cianjur")
    issued = place.clock.at - timedelta(minutes=5)
    wet = BASE_GRID.window(110.0, -7.5, 110.5, -7.0)
    dark = BASE_GRID.window(138.0, -5.0, 139.0, -4.0)
    kept(place.home, [[(*wet, 2), (*dark, -1)], [(*wet, 3), (*dark, -1)], [(*dark, -1)]])
    with place.engine.begin() as connection:
        row = dict(connection.execute(select(event_versions)).mappings().first())
        body = json.loads(row["body"]) | {
            "event_id": "rain-now", "hazard_id": "rain", "onset": iso(issued), "official": False,
            "valid_from": iso(issued), "valid_to": iso(issued + timedelta(hours=1)),
            "province_codes": [],
        }  # fmt: skip
        new = {"event_id": "rain-now", "field_hash": "0123456789abcdef" * 4,
               "body": json.dumps(body),
               "impact_uri": "runs/rain/x/0123456789abcdef/impact.parquet"}  # fmt: skip
        connection.execute(insert(event_versions).values(**{**row, **new, "at": iso(issued)}))
        connection.execute(insert(events).values(
            **new, hazard_id="rain", level=3, valid_from=iso(issued),
            valid_to=iso(issued + timedelta(hours=1)), state="active", updated_at=iso(issued),
        ))  # fmt: skip
    found = state(place, issued + timedelta(minutes=20))
    rain = HAZARDS.index(HazardId.RAIN)
    wetted = [row for row in found["villages"].values() if row[1] == rain]
    assert {tuple(row[i] for i in (0, 3, 4, 5)) for row in wetted if row[0] == 3} == {
        (3, -1, -1, -1)
    }
    assert -1 in {row[0] for row in found["villages"].values()}
    assert found["elsewhere"] == 0
    assert found["forecast"]["rain_issued"] == iso(issued)
    assert found["forecast"]["rain_leads_min"] == [0, 30]
    assert found["forecast"]["rain_known"] is True
    beyond = state(place, issued + timedelta(minutes=70))
    assert beyond["elsewhere"] == -1
    assert beyond["forecast"]["rain_known"] is False
    listed = place.get(
        "/centre/map/hazards.json", params={"at": iso(issued + timedelta(minutes=20))}
    ).json()
    (picture,) = [one for one in listed if one["event_id"] == "rain-now"]
    assert picture["url"].endswith("-0-30.png")
    assert [one["level"] for one in picture["legend"]] == [3, -1]
    assert place.get(picture["url"]).content.startswith(b"\x89PNG")


# --- areas of readers, areas of people ----------------------------------------------------


def test_a_reader_sees_tasks_teams_and_reports_of_their_areas(served):
    place = served("flores")
    settings = Settings(_env_file=None, home=place.home)
    layers = load_layers("")
    moment = Moment(place.clock.at, place.clock.at, live=True)
    found = situation_at(place.engine, Store(str(place.home)), layers, settings, moment)
    mine = scoped(found, layers, lambda code: code.startswith("53.10."))
    everybody = scoped(found, layers, lambda _code: True)
    nobody = scoped(found, layers, lambda _code: False)
    assert {task["adm4"][:5] for task in mine["tasks"]} == {"53.10"}
    assert 0 < len(mine["teams"]) < len(everybody["teams"])
    assert (nobody["tasks"], nobody["teams"], nobody["reports"]) == ([], [], [])
    assert len(nobody["shelters"]) == len(everybody["shelters"])
    assert {row[5] for row in nobody["shelters"]} == {0}


def test_levels_of_nothing_and_of_codes_that_are_no_more():
    empty = np.array([], dtype=np.int64)
    none = Coloured([], empty.astype(np.int8), *[empty] * 6)
    assert rolled_up(none, 5) is none
    one = np.array([3], dtype=np.int64)
    gone = Coloured(["99.99.99.9999"], one.astype(np.int8), one, -one, one, one, one, 0 * one)
    assert rolled_up(gone, 2).rows() == [(3, 3, 0, 3, 3, 3, 0)]


def test_a_warning_of_a_village_that_the_layers_lost_is_still_shown(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        body = connection.execute(select(warnings.c.body)).scalar_one()
        body = {**body, "levels": {**body["levels"], "32.99.99.2999": 4}}
        connection.execute(update(warnings).values(body=body, content_hash="d" * 64))
    (held,) = held_at(place.engine, Moment(place.clock.at, place.clock.at, live=True))
    assert "32.99.99.2999" in held.content.codes
    assert state(place)["villages"]["32.99.99.2999"] == [4, HAZARDS.index("shaking"), -1, -1, -1, 0]


def test_a_nowcast_is_asked_between_its_leads_alone():
    levels = np.array([[0], [2]], dtype=np.int8)
    issued = datetime(2026, 1, 1, tzinfo=UTC)
    ahead = RainAhead("rain-x", "runs/x", issued, (0, 30), ("11.01.01.2001",), levels)
    assert ahead.leads_at(issued) == (0, 0)
    assert ahead.leads_at(issued + timedelta(minutes=30)) == (30, 30)
    assert ahead.villages_at(issued)[0] == ()
    assert ahead.leads_at(issued + timedelta(minutes=31)) is None


def test_netcdf_of_a_field_reads_back():
    data = field([[], [], []]).to_netcdf(engine="scipy")
    with xr.open_dataset(io.BytesIO(bytes(data)), engine="scipy") as found:
        assert found.sizes["lead_time"] == 3
