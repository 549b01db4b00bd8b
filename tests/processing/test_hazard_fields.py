"""The step as a whole: what matters when, links, and the same bytes in any order."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import NaiveTime
from kentongan.hazard import HazardField
from kentongan.types import Level
from processing.run import hazard_fields

ZONES = (("NTT", "NGADA BAGIAN UTARA", "SIAGA"), ("NTT", "ENDE", "WASPADA"))


def nothing(_):
    raise AssertionError("no image in these records")


def fingerprint(field: HazardField) -> tuple[str, bytes]:
    if field.raster is not None:
        # As stored: the other engine writes the time of writing into the file.
        return field.event.model_dump_json(), bytes(field.raster.to_netcdf(engine="scipy"))
    out = io.BytesIO()
    field.zones.to_parquet(out)
    return field.event.model_dump_json() + str(field.unresolved), out.getvalue()


@pytest.fixture(scope="module")
def sequence(bulletin, quake):
    first = bulletin(1, 2, ZONES[:1])
    better = {
        "origin_time": first.quake.origin_time + timedelta(seconds=1),
        "latitude": -8.41,
        "longitude": 121.39,
        "magnitude": 7.7,
    }
    listed = quake(key="list", depth_km=15.0, **better)
    return [first, listed, bulletin(2, 11, ZONES, of=better), bulletin(4, 153, of=better)]


def run(records, at, policy, gazetteer, **more):
    return hazard_fields(records, at=at, policy=policy, gazetteer=gazetteer, read=nothing, **more)


def test_flores_is_one_tsunami_and_one_linked_shaking(sequence, policy, gazetteer):
    at = sequence[2].sent + timedelta(minutes=1)
    shaking, tsunami = run(sequence, at, policy, gazetteer)
    assert (shaking.event.hazard_id, tsunami.event.hazard_id) == ("shaking", "tsunami")
    assert shaking.event.linked_event_id == tsunami.event.event_id
    assert tsunami.event.linked_event_id == shaking.event.event_id
    assert shaking.event.event_id in shaking.raster.attrs["event"]
    assert tsunami.event.event_id in shaking.raster.attrs["event"]
    assert not tsunami.event.official_end, "PD-4 is not yet known"


def test_documents_dated_after_at_are_not_known(sequence, policy, gazetteer):
    at = sequence[0].sent
    fields = run([sequence[0], *sequence[2:]], at, policy, gazetteer)
    tsunami = fields[-1].event
    assert tsunami.level == Level.SIAGA
    assert tsunami.evidence["bulletin"] == "PD-1"


@pytest.mark.parametrize(
    ("hours", "hazards"),
    [
        pytest.param(5.9, ["shaking", "tsunami"], id="both"),
        pytest.param(6.2, ["shaking", "tsunami"], id="just-over"),
        pytest.param(6.3, ["tsunami"], id="shaking-is-over"),
        pytest.param(40, ["tsunami"], id="silence-never-ends-a-tsunami"),
    ],
)
def test_what_matters_without_an_all_clear(sequence, policy, gazetteer, hours, hazards):
    at = sequence[0].quake.origin_time + timedelta(hours=hours)
    fields = run(sequence[:3], at, policy, gazetteer)
    assert [field.event.hazard_id for field in fields] == hazards
    assert fields[-1].event.valid_to > at


def test_an_official_end_is_passed_on_late_but_not_for_ever(sequence, policy, gazetteer):
    end = sequence[-1].sent
    late = run(sequence, end + timedelta(hours=20), policy, gazetteer)
    assert [field.event.official_end for field in late] == [True]
    assert run(sequence, end + timedelta(hours=25), policy, gazetteer) == []


def test_an_expired_nowcast_stays_for_a_quarter_of_an_hour(nowcast, policy, gazetteer):
    told = nowcast()
    for minutes, count in ((0, 1), (14, 1), (15, 0)):
        at = told.expires + timedelta(minutes=minutes)
        assert len(run([told], at, policy, gazetteer)) == count


def test_no_records_no_hazard(policy, gazetteer, sequence):
    assert run([], sequence[0].sent, policy, gazetteer) == []


def test_a_naive_instant_is_refused(policy, gazetteer):
    with pytest.raises(NaiveTime):
        run([], datetime(2026, 1, 1), policy, gazetteer)


def test_the_same_records_in_any_order_give_the_same_bytes(sequence, nowcast, policy, gazetteer):
    at = sequence[-1].sent + timedelta(minutes=5)
    sent = at - timedelta(minutes=30)
    warned = [nowcast(code=f"CGT2026081400{n}", sent=sent + timedelta(minutes=n)) for n in range(3)]
    records = [*sequence, *warned]
    expected = [fingerprint(field) for field in run(records, at, policy, gazetteer)]

    # Inside, so that a failing order is printed and not all these records.
    @settings(max_examples=8)
    @given(st.permutations(range(len(records))))
    def holds(order):
        shuffled = [records[number] for number in order]
        assert [fingerprint(field) for field in run(shuffled, at, policy, gazetteer)] == expected

    holds()
