"""Not known is never safe: no face says that nothing is in force where nobody could know."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import insert, select, text, update

from kentongan.db import cycles, event_versions, events, warning_states
from kentongan.times import iso, parse_instant

STATE = "/centre/map/state.json"
FAR = "91.03.01.1001"
"""A village of Papua; no warning of the scenes is near it."""


def state(place, **params):
    return place.get(STATE, params=params).json()


def area(place, code):
    return place.get(f"/api/v1/areas/{code}", params={"status": "exercise"}).json()


def app(place, code):
    return place.get(f"/app/status/{code}.json").json()


def names(found):
    return {one["warning_id"] for one in found["warnings"]}


def test_a_warning_past_its_end_that_nobody_closed_stays_on_the_map(own):
    place = own("thunderstorm")
    before = state(place)
    ends = [datetime.fromisoformat(one["expires"]) for one in before["warnings"]]
    place.clock.at = max(ends) + timedelta(minutes=1)
    then = place.clock.at
    listed = names(place.get("/warnings.json").json())
    assert listed == names(before)
    # The past first: the present may be kept for seconds.
    place.clock.forward(minutes=5)
    past = state(place, at=iso(then))
    assert names(past) == listed
    assert past["villages"] == before["villages"]
    panel = place.get("/centre/map/panel", params={"at": iso(then)}).text
    assert all(f'data-warning="{name}"' in panel for name in listed)


def test_the_present_of_the_map_keeps_what_is_past_its_end(own):
    place = own("thunderstorm")
    place.clock.forward(hours=6)
    found = state(place)
    assert names(found) == names(place.get("/warnings.json").json()) != set()
    assert found["elsewhere"] == -1


def test_ahead_of_now_what_is_overdue_stays_and_what_will_end_goes(own):
    place = own("thunderstorm")
    ends = {one["warning_id"]: parse_instant(one["expires"]) for one in state(place)["warnings"]}
    first = min(ends.values())
    place.clock.at = first + timedelta(minutes=1)
    ahead = place.clock.at + timedelta(hours=1)
    wanted = {name for name, end in ends.items() if end <= place.clock.at or end > ahead}
    assert names(state(place, at=iso(ahead))) == wanted
    assert set(ends) > wanted > {name for name, end in ends.items() if end > ahead}


@pytest.fixture
def stopped(own):
    """Feeds are read, and nothing is worked out of them any more."""
    place = own("thunderstorm")
    with place.engine.begin() as connection:
        before = iso(place.clock.at - timedelta(minutes=11))
        connection.execute(update(cycles).values(at=before))
    return place


def test_while_nothing_is_worked_out_no_face_knows_that_nothing_is_in_force(stopped):
    place = stopped
    assert place.get("/warnings.json").json()["blind_feeds"] == []
    assert state(place)["elsewhere"] == -1
    found = area(place, FAR)
    assert (found["level"], found["level_word"]["en"]) == (None, "not known")
    assert app(place, FAR)["state"] == "unclear"
    for path in ("/", "/warnings"):
        assert "sejak itu tidak ada yang baru" in place.get(path).text
    assert "TIDAK DIHITUNG" in place.get("/centre").text
    for path in ("/api/v1/warnings", "/warnings.json"):
        newest = place.get(path).json()["newest_run"]
        assert place.clock.at - datetime.fromisoformat(newest) == timedelta(minutes=11)


def test_a_machine_that_never_worked_says_so(own):
    place = own("empty")
    assert area(place, FAR)["level"] is None
    assert place.get("/api/v1/warnings").json()["newest_run"] is None
    assert "Belum ada data yang pernah diolah" in place.get("/").text


def test_where_all_is_read_the_quiet_villages_stand_at_0(own):
    place = own("thunderstorm")
    assert state(place)["elsewhere"] == 0
    assert area(place, FAR)["level"] == 0
    assert app(place, FAR)["state"] == "none"
    assert "sejak itu tidak ada yang baru" not in place.get("/").text
    assert "TIDAK DIHITUNG" not in place.get("/centre").text


def impact_of(place, event_id):
    query = select(event_versions.c.impact_uri).where(event_versions.c.event_id == event_id)
    with place.engine.connect() as connection:
        return (
            place.home
            / connection.execute(
                query.order_by(event_versions.c.version.desc()).limit(1)
            ).scalar_one()
        )


def nowcast(place):
    with place.engine.connect() as connection:
        return connection.execute(
            select(events.c.event_id).where(
                events.c.hazard_id == "thunderstorm", events.c.valid_to > iso(place.clock.at)
            ).order_by(events.c.event_id)
        ).scalars().all()[-1]  # fmt: skip


def test_a_name_of_bmkg_that_led_nowhere_makes_its_province_not_known(own):
    place = own("thunderstorm")
    event = nowcast(place)
    path = impact_of(place, event)
    table = pd.read_parquet(path)
    table.attrs["unresolved"] = ["Antah Berantah"]
    path.chmod(0o600)
    path.write_bytes(_bytes(table))
    with place.engine.connect() as connection:
        body = connection.execute(
            select(event_versions.c.body).where(event_versions.c.event_id == event)
        ).scalars().all()[-1]  # fmt: skip
    (province,) = json.loads(body)["province_codes"]
    found = state(place)
    assert [one["province_code"] for one in found["unknown_areas"]] == [province]
    code = next(code for code, row in found["villages"].items() if row[0] == -1)
    seen = app(place, code)
    assert (seen["state"], seen["level"]) == ("unclear", -1)
    assert "Antah Berantah" in seen["doubts"][0]["id"]
    assert area(place, code)["level"] is None
    for address in ("/", "/warnings", "/centre", "/centre/map/panel"):
        assert "Antah Berantah" in place.get(address).text
    assert app(place, FAR)["state"] == "none"


def test_a_village_of_which_a_field_knows_nothing_is_not_known_to_its_people(own):
    place = own("thunderstorm")
    path = impact_of(place, nowcast(place))
    table = pd.read_parquet(path)
    row = table.index[table["adm4_code"] != ""][0]
    code = str(table.loc[row, "adm4_code"])
    gone = {"level": 0, "people_unknown": int(table.loc[row, "people"])}
    table.loc[[row], list(gone)] = list(gone.values())
    path.chmod(0o600)
    path.write_bytes(_bytes(table))
    with place.engine.begin() as connection:  # no warning speaks of it
        connection.execute(text("DELETE FROM warning_states"))
    seen = app(place, code)
    assert (seen["state"], seen["level"]) == ("unclear", -1)
    assert "tidak terbaca" in seen["doubts"][0]["id"]
    assert area(place, code)["level"] is None
    assert area(place, code[:8])["level"] is None
    assert state(place)["villages"][code][0] == -1


def _bytes(table):
    out = io.BytesIO()
    table.to_parquet(out)
    return out.getvalue()


def test_a_warning_sent_by_a_clock_that_is_ahead_is_not_withheld_for_good(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        sent = iso(place.clock.at + timedelta(minutes=8)).replace("Z", "+00:00")
        connection.execute(text("UPDATE alerts SET sent = :sent"), {"sent": sent})
    query = {"status": "exercise"}
    assert place.get("/api/v1/warnings", params=query).json()["warnings"] == []
    place.clock.forward(minutes=4)
    assert place.get("/api/v1/warnings", params=query).json()["warnings"] != []


def test_of_the_hours_ahead_nobody_says_that_no_village_will_be_warned(own):
    place = own("cianjur")
    with place.engine.begin() as connection:
        connection.execute(text("DELETE FROM warning_states"))
    ahead = iso(place.clock.at + timedelta(hours=2))
    panel = place.get("/centre/map/panel", params={"at": ahead}).text
    assert "belum diketahui" in panel
    assert "Tidak ada desa yang diperingatkan" not in panel
    assert "Tidak ada desa yang diperingatkan" in place.get("/centre/map/panel").text


def test_what_was_ended_is_not_told_as_one_that_nobody_ended(own):
    place = own("thunderstorm")
    ends = {one["warning_id"]: parse_instant(one["expires"]) for one in state(place)["warnings"]}
    name = min(ends, key=lambda one: ends[one])
    place.clock.at = ends[name] + timedelta(minutes=1)
    still = "anggap masih berlaku"
    assert still in place.get(f"/archive/{name}").text
    with place.engine.begin() as connection:
        released = warning_states.c.warning_id == name, warning_states.c.state == "released"
        for version in connection.execute(
            select(warning_states.c.version).where(*released)
        ).scalars().all():  # fmt: skip
            connection.execute(insert(warning_states).values(
                warning_id=name, version=version, state="ended", at=iso(place.clock.at),
                actor="test"))  # fmt: skip
    page = place.get(f"/archive/{name}").text
    assert still not in page
    assert "Semula sampai" in page
