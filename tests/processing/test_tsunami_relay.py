"""InaTEWS' bulletins relayed: levels never fall before PD-4, nothing is invented or dropped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.hazard import ZONES
from kentongan.records import Bulletin, GaugeReading, TsunamiZone
from kentongan.times import WIB
from kentongan.types import DocumentStatus, Level, TsunamiStatus
from processing.run import hazard_fields
from processing.shaking import shaking_fields
from processing.tsunami import tsunami_fields, valid_to

NGADA = ("NTT", "NGADA BAGIAN UTARA")
ENDE = ("NTT", "ENDE BAGIAN UTARA")
FLORES = datetime(2026, 8, 14, 21, 58, 23, tzinfo=UTC)
SENT = datetime(2026, 8, 14, 22, 0, 37, tzinfo=WIB)


def only(records, policy, gazetteer, at=None):
    at = at or max(record.sent for record in records) + timedelta(minutes=1)
    (field,) = tsunami_fields(records, at=at, policy=policy, gazetteer=gazetteer)
    return field


def test_first_bulletin_with_a_doubled_zone_counts_it_once(policy, gazetteer, bulletin):
    first = bulletin(1, 2, ((*NGADA, "WASPADA"), (*NGADA, "WASPADA")))
    field = only([first], policy, gazetteer)
    assert list(field.zones.columns) == list(ZONES)
    assert field.zones[["zone", "hazard_level", "adm_codes", "side"]].to_dict("records") == [
        {
            "zone": "NTT/NGADA BAGIAN UTARA",
            "hazard_level": 2,
            "adm_codes": "53.09,53.16",
            "side": "N",
        }
    ]
    event = field.event
    assert event.event_id == "tsunami-20260814T215823Z"
    assert (event.level, event.official, event.official_end) == (Level.WASPADA, True, False)
    assert event.valid_to == first.sent + timedelta(hours=2)
    assert event.evidence["zones"] == 1
    assert field.zones.crs == "EPSG:4326"


def test_absence_from_a_later_bulletin_is_no_all_clear(policy, gazetteer, bulletin):
    one = bulletin(2, 10, ((*NGADA, "SIAGA"), (*ENDE, "AWAS")))
    two = bulletin(3, 50, ((*NGADA, "WASPADA"),))
    levels = only([one, two], policy, gazetteer).zones.set_index("zone").hazard_level
    assert levels.to_dict() == {"NTT/NGADA BAGIAN UTARA": 3, "NTT/ENDE BAGIAN UTARA": 4}


def test_only_pd4_ends_it_and_a_later_bulletin_re_opens(policy, gazetteer, bulletin):
    one, end = bulletin(1, 2, ((*NGADA, "SIAGA"),)), bulletin(4, 150)
    ended = only([one, end], policy, gazetteer)
    assert ended.event.official_end
    assert ended.event.level == Level.SIAGA
    assert len(ended.zones) == 1, "the all-clear reaches those who were warned"
    again = bulletin(3, 160, ((*NGADA, "SIAGA"),))
    assert not only([one, end, again], policy, gazetteer).event.official_end


def test_a_corrected_bulletin_raises_and_the_first_one_lowers_nothing(policy, gazetteer, bulletin):
    first = bulletin(2, 10, ((*NGADA, "SIAGA"),))
    corrected = bulletin(2, 13, ((*NGADA, "WASPADA"), (*ENDE, "AWAS")))
    event = only([first, corrected], policy, gazetteer).event
    levels = only([corrected, first], policy, gazetteer).zones.set_index("zone").hazard_level
    assert levels.to_dict() == {"NTT/NGADA BAGIAN UTARA": 3, "NTT/ENDE BAGIAN UTARA": 4}
    assert (event.level, event.valid_from) == (Level.AWAS, corrected.sent)
    assert (event.evidence["bulletin"], event.evidence["bulletins"]) == ("PD-2", 2)


def test_two_readings_of_one_bulletin_count_once_and_the_fuller_one_wins(
    policy, gazetteer, bulletin
):
    partial = bulletin(2, 10, ((*NGADA, "SIAGA"),), key="a")
    whole = bulletin(2, 10, ((*NGADA, "SIAGA"), (*ENDE, "AWAS")), key="b")
    event = only([partial, whole], policy, gazetteer).event
    assert (event.level, event.evidence["zones"], event.evidence["bulletins"]) == (4, 2, 1)
    both = [partial, whole, bulletin(4, 150)]
    assert only(both, policy, gazetteer).event.official_end


def test_unknown_names_are_shown_with_their_level_and_never_spread(policy, gazetteer, bulletin):
    field = only(
        [bulletin(2, 10, ((*NGADA, "WASPADA"), ("NTT", "ATLANTIS", "AWAS"), ("X", "Y", "SIAGA")))],
        policy,
        gazetteer,
    )
    assert field.unresolved == (
        "NTT/ATLANTIS AWAS: name not known",
        "X/Y SIAGA: name not known",
    )
    assert set(field.zones.adm_codes) == {"53.09,53.16"}
    assert field.event.level == Level.AWAS, "the unknown zone counts"


def test_a_bulletin_without_zones_is_a_warning_whose_zones_are_not_known(
    policy, gazetteer, bulletin
):
    field = only([bulletin(1, 2)], policy, gazetteer)
    assert field.event.level == Level.WASPADA
    assert len(field.zones) == 0
    assert field.unresolved == ("zones of PD-1: the bulletin names none",)


def test_no_bulletin_no_tsunami(policy, gazetteer, quake):
    great = quake(magnitude=9.0, latitude=-8.4, longitude=121.4, potential="Potensi tsunami")
    at = great.origin_time + timedelta(minutes=5)
    assert tsunami_fields([great], at=at, policy=policy, gazetteer=gazetteer) == []


@pytest.mark.parametrize("magnitude", [None, 9.9])
def test_a_bulletin_counts_though_its_magnitude_is_not_known(
    policy, gazetteer, bulletin, magnitude
):
    told = bulletin(2, 10, ((*NGADA, "AWAS"),), of={"magnitude": magnitude})
    field = only([told], policy, gazetteer)
    assert (field.event.level, len(field.zones)) == (Level.AWAS, 1)
    assert field.event.evidence["magnitude"] == magnitude


def test_what_is_not_known_is_called_so(policy, gazetteer, bulletin):
    told = bulletin(2, 10, ((*NGADA, "AWAS"),), of={"magnitude": None})
    told = told.model_copy(update={"quake": told.quake.model_copy(update={"depth_km": None})})
    event = only([told], policy, gazetteer).event
    words = "Gempa magnitudo tidak diketahui kedalaman tidak diketahui"
    assert event.title.startswith(f"Peringatan dini tsunami, {words}, ")
    assert (event.evidence["magnitude"], event.evidence["depth_km"]) == (None, None)


def test_a_known_magnitude_of_an_earlier_bulletin_stands_in(policy, gazetteer, bulletin):
    first = bulletin(1, 2, ((*NGADA, "WASPADA"),))
    second = bulletin(2, 10, ((*ENDE, "AWAS"),), of={"magnitude": None})
    event = only([first, second], policy, gazetteer).event
    assert (event.level, event.evidence["bulletin"]) == (Level.AWAS, "PD-2")
    assert event.evidence["magnitude"] == 7.0


def test_an_unknown_magnitude_shakes_nothing_and_hides_no_known_one(
    policy, gazetteer, bulletin, quake
):
    told = bulletin(2, 10, ((*NGADA, "AWAS"),), of={"magnitude": None})
    assert shaking_fields([told], policy=policy) == []
    listed = quake(key="list", origin_time=FLORES, latitude=-8.33, longitude=121.32, magnitude=7.4)
    (field,) = shaking_fields([told, listed], policy=policy)
    assert field.event.evidence["magnitude"] == 7.4
    at = told.sent + timedelta(minutes=1)
    both = hazard_fields(
        [told, listed], at=at, policy=policy, gazetteer=gazetteer, read=lambda _: b""
    )
    ids = {f.event.event_id: f.event.linked_event_id for f in both}
    assert ids == dict(zip(sorted(ids), sorted(ids)[::-1], strict=True))
    assert len(ids) == 2


def test_an_exercise_stays_one(policy, gazetteer, bulletin):
    field = only([bulletin(1, 2, status=DocumentStatus.TEST)], policy, gazetteer)
    assert field.event.status is DocumentStatus.TEST
    assert field.event.event_id.endswith("-test")


def test_highest_gauge_is_in_the_evidence(policy, gazetteer, bulletin):
    gauge = GaugeReading(
        location="MAUROLE-ENDE", latitude=-8.5, longitude=121.8, height_m=0.94, observed_at=None
    )
    field = only([bulletin(3, 70, gauges=(gauge,)), bulletin(2, 10)], policy, gazetteer)
    assert field.event.evidence["gauge_max_m"] == 0.94
    assert field.event.evidence["gauge_max_place"] == "MAUROLE-ENDE"


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [(0, 2), (89, 2), (90, 2), (91, 4), (120, 4), (600, 12), (24 * 60, 26)],
)
def test_silence_moves_the_end_on_before_it_is_reached(policy, minutes, hours):
    at = SENT + timedelta(minutes=minutes)
    assert valid_to(SENT, at, policy.tsunami) == SENT + timedelta(hours=hours)


zones = st.lists(
    st.tuples(
        st.sampled_from(["NGADA BAGIAN UTARA", "ENDE", "SIKKA", "PULAU ENDE", "NOWHERE"]),
        st.sampled_from(list(TsunamiStatus)),
    ),
    max_size=4,
)


@given(st.lists(zones, min_size=1, max_size=4), st.randoms())
def test_levels_never_fall_as_bulletins_come_and_order_does_not_matter(
    policy, gazetteer, bulletin, told, random
):
    bulletins = [
        bulletin(3, 10.0 + number, tuple(("NTT", name, level) for name, level in one))
        for number, one in enumerate(told)
    ]
    before: dict[tuple[str, str], int] = {}
    for count in range(1, len(bulletins) + 1):
        field = only(bulletins[:count], policy, gazetteer)
        rows = field.zones.set_index(["zone", "adm_codes"]).hazard_level.to_dict()
        assert all(rows.get(key, -1) >= level for key, level in before.items())
        before = rows
    shuffled = only(random.sample(bulletins, len(bulletins)), policy, gazetteer)
    assert shuffled.event == field.event
    assert shuffled.zones.equals(field.zones)
    assert shuffled.unresolved == field.unresolved


def flores(samples, bulletin) -> list[Bulletin]:
    """The recorded sequence of 15 August 2026, as far as this step needs it."""
    path = samples / "bmkg" / "inatews" / "last30tsunamievent-2026-08-15-M7.7.xml"
    found = []
    for info in path.read_text(encoding="utf-8").split("<info>")[1:]:
        label = re.search(r"Warning Tsunami (PD-[\d.]+)", info)[1]
        sent = _wib(re.search(r"<timesent>(.*?)WIB", info)[1], "%d/%m/%Y %H:%M:%S")
        longitude, latitude = re.search(r"<coordinates>(.*?)<", info)[1].split(",")
        origin = _wib(
            " ".join(re.search(r"<date>(.*?)</date>\s*<time>(.*?) WIB", info).groups()),
            "%d-%m-%y %H:%M:%S",
        )
        row = r"<province>(.*?)</province>\s*<district>(.*?)</district>\s*<level>(.*?)</level>"
        when = r"\s*<date>(.*?)</date>\s*<time>(.*?) WIB"
        told = [
            TsunamiZone(
                province=p,
                district=d,
                level=TsunamiStatus(level),
                arrival=_wib(f"{day} {clock}", "%d-%m-%Y %H:%M:%S"),
            )
            for p, d, level, day, clock in re.findall(row + when, info)
        ]
        found.append(
            bulletin(
                int(label[3]),
                0,
                label=label,
                key=label + str(sent),
                sent=sent,
                document_time=sent,
                sha256=f"{len(found):064d}",
                of={
                    "origin_time": origin,
                    "latitude": float(latitude),
                    "longitude": float(longitude),
                    "magnitude": float(re.search(r"<magnitude>(.*?)<", info)[1]),
                },
            ).model_copy(update={"zones": tuple(told)})
        )
    return found


def _wib(text: str, form: str) -> datetime:
    return datetime.strptime(text, form).replace(tzinfo=WIB)


def test_the_recorded_flores_sequence(samples, policy, gazetteer, bulletin):
    sequence = sorted(flores(samples, bulletin), key=lambda one: one.sent)
    august = [one for one in sequence if one.sent.month == 8]
    history = []
    for count in range(1, len(august) + 1):
        field = only(august[:count], policy, gazetteer)
        event, names = field.event, field.zones.zone.nunique()
        history.append((event.evidence["bulletin"], event.level, names, event.official_end))
        assert event.event_id == "tsunami-20260814T215823Z"
        assert field.unresolved == ()
    assert history == [
        ("PD-1", 2, 1, False),
        ("PD-2", 3, 22, False),
        ("PD-3.1", 3, 22, False),
        ("PD-3.2", 3, 22, False),
        ("PD-3.3", 3, 22, False),
        ("PD-3.4", 3, 22, False),
        ("PD-4", 3, 22, True),
    ]
    siaga = field.zones[field.zones.hazard_level == 3].zone.nunique()
    assert siaga == 8
    assert field.event.title.startswith("Peringatan dini tsunami, Gempa M7,7 kedalaman 15 km")


def test_the_end_of_another_quake_ends_only_that_one(samples, policy, gazetteer, bulletin):
    fields = tsunami_fields(flores(samples, bulletin), at=SENT, policy=policy, gazetteer=gazetteer)
    assert [f.event.event_id[:17] for f in fields] == ["tsunami-20260607T", "tsunami-20260814T"]
    assert fields[0].event.level == Level.NONE
