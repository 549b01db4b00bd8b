"""What each bundled scenario must end in, from BMKG's documents to messages and tasks."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from console import words
from kentongan.db import alerts, audit, messages, outbox, records, tasks, warning_states, warnings
from risk.layers.layerset import LayerSet, load_layers

Step = Mapping[str, Any]
NAMES = ("blind-night", "cianjur", "flores", "thunderstorm")


@pytest.fixture(scope="session")
def layers() -> LayerSet:
    return load_layers()


def of_hazard(step: Step, hazard_id: str) -> list[Mapping[str, Any]]:
    return [w for w in step["warnings"] if w["hazard_id"] == hazard_id]


def only(items: Sequence[Any]) -> Any:
    assert len(items) == 1, items
    return items[0]


def feed(step: Step, source_id: str) -> Mapping[str, Any]:
    return only([f for f in step["feeds"] if f["source_id"] == source_id])


def warned_by(played: Any) -> list[Any]:
    """All but tasks: these go on after a warning, and escalate by themselves."""
    return [s for s in played.sent if s.purpose != "task"]


def villages_of(layers: LayerSet, *districts: str) -> set[str]:
    codes = layers.villages["adm4_code"]
    return {str(c) for d in districts for c in codes[layers.within(d)]}


# --- all of them -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_scenario_is_ever_actual(play, name):
    played = play(name)
    assert played.document["re_creation"]
    assert {w["status"] for s in played.steps for w in s["warnings"]} <= {"Exercise"}
    assert all(s.text.startswith("LATIHAN") for s in played.sent)


@pytest.mark.parametrize("name", NAMES)
def test_each_recipient_gets_each_warning_version_once_per_channel(play, name):
    counts = Counter(
        (s.recipient_id, s.purpose, s.warning_id, s.version, s.channel)
        for s in play(name).sent
        if s.purpose != "task"
    )
    assert counts
    assert max(counts.values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_text_is_one_sms_and_names_bmkg(play, name):
    for text in {s.text for s in play(name).sent if s.channel == "sms" and s.purpose == "alert"}:
        assert len(text) <= 160
        assert "BMKG" in text


@pytest.mark.parametrize("name", NAMES)
def test_every_step_draws_its_map(play, name):
    for step in play(name).steps:
        assert Path(step["outputs"]["map"]).is_file()


# --- cianjur ---------------------------------------------------------------------------

EPICENTRE = (-6.84, 107.05)


def test_cianjur_has_one_shaking_warning_of_level_3(play):
    played = play("cianjur")
    seen = {(w["warning_id"], w["hazard_id"]) for s in played.steps for w in s["warnings"]}
    assert seen == {("w-shaking-20221121T062110Z", "shaking")}
    assert [w["level"] for s in played.steps[1:] for w in s["warnings"]] == [3] * 4
    assert not played.steps[0]["warnings"]


def test_cianjur_is_level_3_near_the_epicentre_and_2_around(play, layers):
    levels = only(play("cianjur").step("06:26")["warnings"])["levels"]
    distance = {code: distance_km(layers, code) for code in levels}
    near = [code for code, level in levels.items() if level == 3]
    around = [code for code, level in levels.items() if level == 2]
    assert near
    assert len(around) > len(near)
    assert levels[min(distance, key=distance.__getitem__)] == 3
    assert max(distance[c] for c in near) < 10
    assert max(distance[c] for c in around) > max(distance[c] for c in near)


def kilometres(from_point: tuple[float, float], to_point: tuple[float, float]) -> float:
    """Great circle between two (latitude, longitude), sphere of 6,371 km."""
    (a, b), (c, d) = ((math.radians(v) for v in p) for p in (from_point, to_point))
    h = math.sin((c - a) / 2) ** 2 + math.cos(a) * math.cos(c) * math.sin((d - b) / 2) ** 2
    return 2 * 6371.0 * math.asin(math.sqrt(h))


def distance_km(layers: LayerSet, code: str) -> float:
    row = layers.villages.iloc[int(layers.index([code])[0])]
    return kilometres(EPICENTRE, (float(row["latitude"]), float(row["longitude"])))


def test_cianjur_asks_for_assess_tasks_where_it_is_level_3_only(play):
    played = play("cianjur")
    levels = only(played.step("06:26")["warnings"])["levels"]
    near = {code for code, level in levels.items() if level == 3}
    assert played.tasks
    assert {t["kind"] for t in played.tasks} == {"assess"}
    assert {t["adm4_code"] for t in played.tasks} == near
    assert any(t["team_id"] for t in played.tasks)


def test_cianjur_tells_the_villages_around_too_and_everybody_once(play):
    played = play("cianjur")
    levels = only(played.step("06:26")["warnings"])["levels"]
    told = {s.adm4_code for s in played.sent if s.purpose == "alert" and s.channel == "sms"}
    assert told == set(levels)
    assert {s.at for s in warned_by(played)} == {"2022-11-21T06:26:00Z"}


def test_cianjur_ends_by_itself_after_six_hours(play):
    played = play("cianjur")
    states = [only(s["warnings"])["state"] for s in played.steps[1:]]
    assert states == ["released", "released", "released", "expired"]
    assert only(played.steps[-1]["warnings"])["expires"] == "2022-11-21T12:21:10Z"


# --- flores ----------------------------------------------------------------------------

TSUNAMI = "w-tsunami-20260814T215823Z"


def tsunami_at(played: Any, clock: str) -> Mapping[str, Any]:
    return only(of_hazard(played.step(clock), "tsunami"))


def residents(sent: Sequence[Any]) -> set[str]:
    return {s.recipient_id for s in sent if s.role == "resident"}


def test_flores_is_one_tsunami_and_one_linked_shaking_event(play):
    for step in play("flores").steps[1:]:
        events = {e["hazard_id"]: e for e in step["events"]}
        assert len(step["events"]) == len(events) == 2
        tsunami, shaking = events["tsunami"], events["shaking"]
        links = {tsunami["linked_event_id"], shaking["linked_event_id"]}
        assert links & {tsunami["event_id"], shaking["event_id"]}


def test_flores_pd_1_gives_messages_and_no_task(play, layers):
    played = play("flores")
    first = tsunami_at(played, "22:01")
    assert (first["level"], first["msg_type"], first["state"]) == (2, "Alert", "released")
    # Ngada, and Nagekeo that was split off from it.
    assert {code[:5] for code in first["adm4_codes"]} == {"53.09", "53.16"}
    told = [s for s in played.sent if s.at == "2026-08-14T22:01:00Z" and s.warning_id == TSUNAMI]
    assert {s.adm4_code for s in told if s.purpose == "alert"} == set(first["adm4_codes"])
    assert {s.purpose for s in told} == {"alert", "readiness"}
    assert not played.step("22:01")["tasks"]


def test_flores_counts_the_doubled_zone_once(play, layers):
    played = play("flores")
    first = tsunami_at(played, "22:01")
    people = layers.villages["people"].to_numpy()[layers.index(first["adm4_codes"])].sum()
    assert 0 < first["exposed_people"] <= people
    assert len(set(first["adm4_codes"])) == len(first["adm4_codes"])


def test_flores_pd_2_raises_to_siaga_in_four_provinces(play):
    second = tsunami_at(play("flores"), "22:10:30")
    assert (second["level"], second["msg_type"]) == (3, "Update")
    assert {code[:2] for code in second["adm4_codes"]} == {"52", "53", "73", "74"}
    assert set(second["levels"].values()) == {2, 3}
    assert not second["unresolved"]


def test_flores_pd_2_plans_to_receive_people_outside_the_zone(play, layers):
    played = play("flores")
    zone = set(tsunami_at(played, "22:10:30")["levels"])
    planned = [t for t in played.tasks if t["warning_id"] == TSUNAMI]
    assert planned
    assert {t["kind"] for t in planned} == {"receive"}
    assert {t["body"]["after"] for t in planned} == {"PD-4"}
    where = dict(zip(layers.shelters["shelter_id"], layers.shelters["adm4_code"], strict=True))
    sheltered = [where[t["shelter_id"]] for t in planned if t["shelter_id"]]
    assert sheltered
    assert not zone & set(sheltered)


def test_flores_sends_nobody_into_the_tsunami_zone_before_pd_4(play):
    played = play("flores")
    for step in played.steps[1:7]:
        zone = set(only(of_hazard(step, "tsunami"))["levels"])
        inside = [t for t in step["tasks"] if t["kind"] != "receive" and t["adm4_code"] in zone]
        assert not [t for t in inside if t["team_id"]]
        assert {t["after"] for t in inside} <= {"PD-4"}


def test_flores_levels_never_fall_before_pd_4(play):
    played = play("flores")
    before: dict[str, int] = {}
    for step in played.steps[1:7]:
        levels = only(of_hazard(step, "tsunami"))["levels"]
        assert all(levels.get(code, 0) >= level for code, level in before.items())
        before = levels


def test_flores_is_told_at_each_raise_and_not_at_each_bulletin(play):
    told = Counter(
        s.at for s in warned_by(play("flores")) if s.warning_id == TSUNAMI and s.channel == "sms"
    )
    assert set(told) == {"2026-08-14T22:01:00Z", "2026-08-14T22:10:30Z", "2026-08-15T00:32:00Z"}


def test_flores_pd_4_is_the_only_all_clear_and_reaches_exactly_those_warned(play):
    played = play("flores")
    cleared = [s for s in played.sent if s.purpose == "all-clear"]
    assert {(s.warning_id, s.at) for s in cleared} == {(TSUNAMI, "2026-08-15T00:32:00Z")}
    warned = [
        s
        for s in played.sent
        if s.warning_id == TSUNAMI and s.purpose != "all-clear" and s.role != "official"
    ]
    assert residents(cleared) == residents(warned)
    assert {s.recipient_id for s in warned} <= {s.recipient_id for s in cleared}
    assert tsunami_at(played, "00:32")["state"] == "ended"


def test_flores_a_stale_bulletin_after_pd_4_raises_nothing(play):
    played = play("flores")
    assert not [s for s in warned_by(played) if s.at > "2026-08-15T00:32:00Z"]
    for clock in ("00:40", "04:10"):
        assert tsunami_at(played, clock)["state"] == "ended"


def test_flores_shaking_ends_by_itself(play):
    played = play("flores")
    shaking = only(of_hazard(played.steps[-1], "shaking"))
    assert shaking["state"] == "expired"
    assert only(of_hazard(played.step("00:40"), "shaking"))["state"] == "released"


# --- thunderstorm ----------------------------------------------------------------------

DISTRICTS = {
    "CJB20260214001": ("32.01.24", "32.01.25", "32.01.26"),
    "CBT20260214001": ("36.02.04", "36.02.22", "36.02.25"),
    "CJB20260214002": ("32.17.01", "32.17.02"),
    "CJK20260214001": ("31.74.01", "31.74.08", "31.75.03"),
    "CBT20260214002": ("36.01.16", "36.01.17", "36.01.28"),
    "CJB20260214003": ("32.05.20", "32.05.21", "32.05.22"),
}


@pytest.mark.parametrize("code", DISTRICTS)
def test_thunderstorm_warns_the_named_districts_and_no_others(play, layers, code):
    last = play("thunderstorm").steps[-1]
    warning = only([w for w in last["warnings"] if w["warning_id"].endswith(code)])
    assert set(warning["adm4_codes"]) == villages_of(layers, *DISTRICTS[code])


def test_thunderstorm_is_level_2_with_readiness_notices_and_no_task(play):
    played = play("thunderstorm")
    assert {w["level"] for s in played.steps for w in s["warnings"]} == {2}
    assert {s.purpose for s in played.sent} == {"alert", "readiness"}
    assert {s.role for s in played.sent if s.purpose == "readiness"} == {"coordinator"}
    assert not played.tasks


def test_thunderstorm_sends_an_alert_once_however_often_its_guid_changes(play):
    played = play("thunderstorm")
    storms = of_hazard(played.steps[-1], "thunderstorm")
    assert len(storms) == 6
    assert {w["version"] for w in storms} == {1}
    times = {(s.warning_id, s.at) for s in played.sent if "thunderstorm" in s.warning_id}
    assert len(times) == 6


def test_thunderstorm_has_two_warnings_in_force_in_one_province(play):
    storms = of_hazard(play("thunderstorm").step("06:30"), "thunderstorm")
    west_java = [w for w in storms if "CJB" in w["warning_id"] and w["state"] == "released"]
    assert len(west_java) == 2


@pytest.mark.parametrize("name", ["thunderstorm", "blind-night"])
def test_warnings_end_at_their_own_time_and_never_before(play, name):
    for step in play(name).steps:
        for warning in step["warnings"]:
            ended = warning["expires"] <= step["at"]
            assert warning["state"] == ("expired" if ended else "released"), (step["at"], warning)


def test_thunderstorm_ends_with_nothing_in_force(play):
    last = play("thunderstorm").steps[-1]
    assert {w["state"] for w in last["warnings"]} == {"expired"}
    assert {e["state"] for e in last["events"]} == {"ended"}


def test_thunderstorm_sends_at_most_one_estimate_per_province_and_hour(play):
    rain = of_hazard(play("thunderstorm").steps[-1], "rain")
    assert rain
    assert {w["version"] for w in rain} == {1}
    assert all(re.fullmatch(r"w-rain-\d\d-20260214T\d\d00Z", w["warning_id"]) for w in rain)


# --- blind night -----------------------------------------------------------------------

FAILURES = [
    ("13:00", "bmkg-nowcast", "blocked", "HTML"),
    ("13:30", "bmkg-quakes", "down", "503"),
    ("13:30", "bmkg-nowcast", "blocked", "HTML"),
    ("14:00", "bmkg-inatews", "down", "no answer"),
    ("14:20", "himawari-rp", "frozen", ""),
    ("14:20", "bmkg-nowcast", "fresh", "1 of 3 links"),
    ("15:00", "bmkg-forecast", "down", "503"),
    ("15:30", "bmkg-nowcast", "down", "503"),
]


BLIND_AT_THE_END = ("bmkg-nowcast", "bmkg-quakes", "bmkg-inatews", "himawari-rp")


@pytest.mark.parametrize(("clock", "source_id", "state", "word"), FAILURES)
def test_blind_night_names_each_failure(play, clock, source_id, state, word):
    found = feed(play("blind-night").step(clock), source_id)
    assert found["state"] == state
    assert word in found["detail"]


def test_blind_night_shows_the_dead_link_as_a_province_warned_by_bmkg(play):
    unknown = only(play("blind-night").step("14:20")["unknown_areas"])
    assert unknown["province_code"] == "73"
    assert unknown["until"] == "2026-10-18T16:35:00Z"


def test_blind_night_ends_no_warning_because_a_feed_is_blind(play):
    played = play("blind-night")
    expiry = {"CSN20261018001": "2026-10-18T15:50:00Z", "CSK20261018001": "2026-10-18T14:35:00Z"}
    for step in played.steps:
        for warning in of_hazard(step, "thunderstorm"):
            expires = expiry[warning["warning_id"].rsplit("-", 1)[1]]
            assert warning["expires"] == expires
            assert warning["state"] == ("expired" if expires <= step["at"] else "released")
    in_force = [w["warning_id"] for w in played.steps[-1]["warnings"] if w["state"] == "released"]
    assert in_force == ["w-thunderstorm-CSN20261018001"]


def test_blind_night_sends_no_word_while_it_is_blind(play):
    played = play("blind-night")
    assert not [s for s in played.sent if s.at > "2026-10-18T13:00:00Z"]
    assert not [s for s in played.sent if s.purpose == "all-clear"]


def test_blind_night_map_says_since_when_it_is_blind(play):
    played = play("blind-night")
    first, last = (Path(played.steps[i]["outputs"]["map"]).read_text("utf-8") for i in (0, -1))
    blind = re.findall(r'<li class="blind"><strong>([^<]+)</strong>:[^<]*<strong>buta sejak', last)
    failing = {words.FEED_TITLES[name] for name in BLIND_AT_THE_END}
    assert failing <= set(blind)
    assert not failing & set(re.findall(r'<li class="blind"><strong>([^<]+)</strong>', first))


# --- twice -----------------------------------------------------------------------------

OF_THE_MACHINE = {"lease_until", "lease_owner", "provider_id", "attempts", "sent_at", "final_at"}


@pytest.mark.parametrize("name", NAMES)
def test_a_scenario_played_twice_gives_the_same_bytes_and_tables(play, play_into, tmp_path, name):
    once, again = play(name), play_into(name, tmp_path)
    for folder in ("cap", "runs", "recorder"):
        assert once.files(folder).keys() == again.files(folder).keys()
        assert once.files(folder) == again.files(folder), folder
    for table in (records, warnings, warning_states, alerts, messages, tasks, outbox, audit):
        drop = OF_THE_MACHINE
        left, right = (
            [{k: v for k, v in row.items() if k not in drop} for row in played.rows(table)]
            for played in (once, again)
        )
        assert left == right, table.name
