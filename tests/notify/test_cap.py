"""CAP: what we write is valid, complete and the same each time; what we read is judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.decision import Action
from kentongan.errors import DataError
from kentongan.types import HazardId
from notify import cap
from notify.area.geocodes import expanded
from notify.cap import Alert, Area, Info, Pair
from notify.cap import rules as cap_rules
from notify.cap.alert import urgency

TEXT = st.text(max_size=40)
MOMENT = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1),
    timezones=st.sampled_from([timezone(timedelta(hours=h)) for h in (-5, 0, 7, 8, 9)]),
)  # fmt: skip
NUMBER = st.floats(-90, 90, allow_nan=False)
PAIRS = st.lists(st.builds(Pair, name=TEXT, value=TEXT), max_size=3).map(tuple)
RINGS = st.lists(
    st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=5).map(tuple), max_size=2
).map(tuple)
AREAS = st.builds(Area, description=TEXT, polygons=RINGS, circles=st.just(()), geocodes=PAIRS)
INFOS = st.builds(
    Info,
    language=st.sampled_from(["id-ID", "en-US"]),
    categories=st.just(("Geo",)),
    event=TEXT,
    response_types=st.sampled_from([(), ("Evacuate", "Avoid")]),
    urgency=st.just("Immediate"),
    severity=st.just("Severe"),
    certainty=st.just("Likely"),
    audience=st.none(),
    event_codes=PAIRS,
    effective=MOMENT,
    onset=st.none() | MOMENT,
    expires=MOMENT,
    sender_name=st.none() | TEXT,
    headline=TEXT,
    description=TEXT,
    instruction=st.none() | TEXT,
    web=TEXT,
    contact=st.none(),
    parameters=PAIRS,
    areas=st.lists(AREAS, max_size=2).map(tuple),
)
ALERTS = st.builds(
    Alert,
    identifier=TEXT,
    sender=TEXT,
    sent=MOMENT,
    status=st.sampled_from(["Actual", "Exercise", "Test"]),
    msg_type=st.sampled_from(["Alert", "Update", "Cancel"]),
    source=st.none(),
    scope=st.just("Public"),
    restriction=st.none(),
    addresses=st.none(),
    codes=st.just(()),
    note=st.none() | TEXT,
    references=st.none() | TEXT,
    incidents=st.none(),
    infos=st.lists(INFOS, max_size=2).map(tuple),
)


@given(ALERTS)
def test_what_is_written_is_read_back_and_written_the_same(alert):
    xml = cap.to_xml(alert)
    assert cap.parse(xml) == alert
    assert cap.to_xml(cap.parse(xml)) == xml


def test_coordinates_are_latitude_then_longitude():
    """Gorontalo lies at 0.5 N 122 E; the other way round it would be off the earth."""
    area = Area(
        description="x", polygons=(((0.5, 122.1), (0.6, 122.1), (0.6, 122.2), (0.5, 122.1)),)
    )
    info = Info(
        language="id-ID", categories=("Met",), event="x", urgency="Immediate", severity="Severe",
        certainty="Likely", areas=(area,),
    )  # fmt: skip
    alert = Alert(
        identifier="i", sender="s", sent=datetime(2026, 9, 24, tzinfo=UTC), status="Test",
        msg_type="Alert", scope="Public", infos=(info,),
    )  # fmt: skip
    assert b"<polygon>0.5,122.1 0.6,122.1 0.6,122.2 0.5,122.1</polygon>" in cap.to_xml(alert)


def test_times_carry_their_offset_and_never_z():
    moment = datetime(2026, 9, 24, 7, 27, tzinfo=UTC)
    assert cap.format_time(moment) == "2026-09-24T07:27:00-00:00"
    wita = moment.astimezone(timezone(timedelta(hours=8)))
    assert cap.format_time(wita) == "2026-09-24T15:27:00+08:00"


@pytest.mark.parametrize("hazard", HazardId)
@pytest.mark.parametrize("action", ["alert", "update", "renew", "all-clear"])
def test_every_hazard_and_action_is_valid_and_without_advice(world, hazard, action):
    levels = {**world.levels("75", 2), **world.levels("53", 4)}
    done = world.publish(Action.ALERT, levels, hazard=hazard)
    if action != "alert":
        later = world.at + timedelta(minutes=5)
        new = {} if action == "all-clear" else dict.fromkeys(levels, 4)
        done = world.publish(Action(action), new, hazard=hazard, at=later)
    xml = world.store.read(done.alert.path)
    assert {finding.rule for finding in cap_rules.check(xml)} <= {"FAR-APART"}
    alert = cap.parse(xml)
    assert alert.msg_type == ("Alert" if action == "alert" else "Update")
    assert alert.status == "Exercise" and alert.note.startswith("LATIHAN")


def test_one_alert_has_levels_from_the_highest_and_two_languages_with_equal_facts(world):
    levels = {**world.levels("75.02", 4), **world.levels("75.04", 3), **world.levels("53", 2)}
    done = world.publish(Action.ALERT, levels, hazard=HazardId.TSUNAMI)
    infos = cap.parse(world.store.read(done.alert.path)).infos
    assert [(i.severity, i.language) for i in infos] == [
        (severity, language)
        for severity in ("Extreme", "Severe", "Moderate")
        for language in ("id-ID", "en-US")
    ]
    texts = {"language", "event", "headline", "description", "instruction", "areas", "parameters"}
    for indonesian, english in zip(infos[::2], infos[1::2], strict=True):
        assert indonesian.model_dump(exclude=texts) == english.model_dump(exclude=texts)
        for a, b in zip(indonesian.areas, english.areas, strict=True):
            assert (a.polygons, a.geocodes) == (b.polygons, b.geocodes)
    codes = [g.value for info in infos[::2] for area in info.areas for g in area.geocodes]
    assert expanded(codes, levels) == sorted(levels)
    assert {g.name for i in infos for a in i.areas for g in a.geocodes} == {
        "Kemendagri:Kepmendagri-300.2.2-2430-2025"
    }


def test_response_category_and_codes_by_hazard(world):
    def first(hazard: HazardId, level: int) -> Info:
        done = world.publish(Action.ALERT, world.levels("75", level), hazard=hazard)
        return cap.parse(world.store.read(done.alert.path)).infos[0]

    storm = first(HazardId.THUNDERSTORM, 2)
    assert storm.categories == ("Met",) and storm.certainty == "Observed"
    assert storm.event_codes == (Pair(name="OET:v1.2", value="OET-194"),)
    wave = first(HazardId.TSUNAMI, 4)
    assert (wave.categories, wave.response_types) == (("Geo",), ("Evacuate",))
    assert wave.event_codes == () and wave.certainty == "Likely"
    assert first(HazardId.SHAKING, 3).categories == ("Geo",)


def test_the_onset_of_bmkg_stands_in_the_alert_with_the_local_offset(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    xml = world.store.read(done.alert.path)
    assert b"<onset>2026-09-24T15:27:00+08:00</onset>" in xml
    assert b"<expires>2026-09-24T17:27:00+08:00</expires>" in xml
    assert b"<sent>2026-09-24T15:10:00+08:00</sent>" in xml


def test_an_end_says_all_clear_and_refers_to_all_unexpired(world):
    first = world.publish(Action.ALERT, world.levels("53", 3), hazard=HazardId.TSUNAMI)
    at = world.at + timedelta(minutes=5)
    second = world.publish(Action.UPDATE, world.levels("53", 4), hazard=HazardId.TSUNAMI, at=at)
    at = world.at + timedelta(minutes=9)
    done = world.publish(Action.ALL_CLEAR, hazard=HazardId.TSUNAMI, at=at)
    alert = cap.parse(world.store.read(done.alert.path))
    assert alert.references.split() == [
        f"{a.sender},{a.identifier},{a.sent}" for a in (first.alert, second.alert)
    ]
    assert all(i.response_types == ("AllClear",) and i.urgency == "Past" for i in alert.infos)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(-30, "Immediate"), (60, "Immediate"), (61, "Expected"), (180, "Expected"), (181, "Future")],
)
def test_urgency_by_the_time_that_is_left(minutes, expected):
    sent = datetime(2026, 9, 24, tzinfo=UTC)
    assert urgency(sent + timedelta(minutes=minutes), sent) == expected


def test_an_alert_with_an_error_is_never_released(world, monkeypatch):
    monkeypatch.setattr(
        "notify.release.publish.check_own", lambda _xml: [cap_rules.Finding("X", "error", "no")]
    )
    done = world.publish(Action.ALERT, world.levels("75", 2))
    assert done.alert is None and "not released" in done.refused
    from kentongan.db import alerts, outbox

    assert world.rows(alerts) == [] and world.rows(outbox) == []
    assert world.store.paths("cap") == []


def test_a_foreign_element_is_named_not_swallowed(world):
    done = world.publish(Action.ALERT, world.levels("75", 2))
    xml = world.store.read(done.alert.path)
    with pytest.raises(DataError, match="unknown element resource"):
        cap.parse(xml.replace(b"<area>", b"<resource/><area>", 1))
