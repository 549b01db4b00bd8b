"""What was asked and what came, over restarts; older codes; coverage. Real polls, real database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from ingest.forecast_plan import coverage as cover
from ingest.forecast_plan.aliases import (
    Alias,
    Aliases,
    Place,
    derive,
    load_aliases,
    places_of,
    read_aliases,
    write_aliases,
)
from ingest.forecast_plan.plan import Came, nothing_known, plan_forecasts
from ingest.forecast_plan.state import known_forecasts, refresh
from ingest.forecast_plan.villages import make_villages
from ingest.play.feedserver import FeedServer, Payload
from ingest.run import poll
from kentongan.db import forecast_villages
from kentongan.errors import DataError, SettingsError

AT = datetime(2026, 11, 20, 7, 25, tzinfo=UTC)
CODES = ["33.01.01.2001", "33.01.01.2002", "33.01.02.2001", "96.01.01.2003"]
OLDER = "92.01.01.2004"
VILLAGES = make_villages(
    CODES, [9, 8, 7, 6], [-7.4, -7.5, -7.6, -0.9], [109.0, 109.1, 109.2, 131.5]
)
ALIASES = Aliases((Alias("96.01.01.2003", OLDER, "district"),))


@pytest.fixture
def bmkg(feeds):
    """Forecasts by the code that BMKG knows; what is changed on the mapping is served."""
    document = json.loads((feeds / "forecast.json").read_bytes())
    known: dict[str, dict[str, object]] = {}

    def add(code, *, lat=-7.4, lon=109.0, analysis="2026-11-20T00:00:00"):
        text = json.dumps(document).replace("33.01.01.2001", code)
        text = text.replace("2026-11-20T00:00:00", analysis)
        one = json.loads(text)
        one["lokasi"].update(lat=lat, lon=lon)
        known[code] = one

    def answer(path):
        code = path.rpartition("adm4=")[2]
        return Payload(json.dumps(known[code]).encode()) if code in known else None

    server = FeedServer(answer)
    server.start()
    yield server, add, known
    server.stop()


@pytest.fixture
def ask(bmkg, make_context):
    """Poll these codes at that time; gives the engine."""
    context = make_context(bmkg[0].url)

    def run(at, *codes):
        poll("bmkg-forecast", at=at, context=context, wanted=codes)
        return context.engine

    return run


def knowledge(engine, at=AT):
    refresh(engine, VILLAGES, ALIASES, at)
    return known_forecasts(engine, VILLAGES, at)


def seconds(*at):
    return datetime(*at, tzinfo=UTC).timestamp()


def test_a_poll_is_known_to_the_next_plan_whoever_made_it(ask, bmkg):
    bmkg[1](CODES[0])
    engine = ask(AT, CODES[0], CODES[1])
    known = knowledge(engine)
    assert known.came.tolist() == [Came.FORECAST, Came.ABSENT, Came.NOTHING_YET, Came.NOTHING_YET]
    assert known.asked_at[0] == known.answered_at[0] == AT.timestamp()
    assert known.analysis[0] == seconds(2026, 11, 20)
    assert not np.isfinite(known.analysis[1])


def test_a_process_that_died_before_it_took_over_loses_nothing(ask, bmkg):
    bmkg[1](CODES[0])
    ask(AT, CODES[0])
    engine = ask(AT + timedelta(minutes=1), CODES[1], CODES[2])
    later = AT + timedelta(minutes=2)
    assert refresh(engine, VILLAGES, ALIASES, later) == 3
    before = known_forecasts(engine, VILLAGES, later)
    assert refresh(engine, VILLAGES, ALIASES, later) == 2, "only the newest poll is looked at again"
    after = known_forecasts(engine, VILLAGES, later)
    assert after.came.tolist() == before.came.tolist()
    assert after.asked_at.tolist() == before.asked_at.tolist()


def test_an_instant_before_the_polls_knows_nothing(ask, bmkg):
    bmkg[1](CODES[0])
    engine = ask(AT, CODES[0])
    knowledge(engine)
    earlier = known_forecasts(engine, VILLAGES, AT - timedelta(minutes=1))
    assert earlier.came.tolist() == nothing_known(4).came.tolist()


def test_a_failure_leaves_the_last_forecast_in_place(ask, bmkg):
    _, add, known = bmkg
    add(CODES[0])
    ask(AT, CODES[0])
    known[CODES[0]] = {"lokasi": "gone"}
    later = AT + timedelta(hours=1)
    state = knowledge(ask(later, CODES[0]), later)
    assert state.came[0] == Came.FAILED
    assert state.asked_at[0] == later.timestamp()
    assert state.answered_at[0] == AT.timestamp()
    assert state.analysis[0] == seconds(2026, 11, 20)


def test_a_moved_village_is_found_under_its_older_code(ask, bmkg):
    bmkg[1](OLDER, lat=-0.9, lon=131.5)
    at = AT
    sent = []
    for _ in range(3):
        engine = ask(at, *sent[-1:]) if sent else ask(at, CODES[3])
        state = knowledge(engine, at)
        plan = plan_forecasts(
            VILLAGES,
            state,
            np.zeros(4, dtype=np.int8),
            budget=9,
            at=at,
            aliases=ALIASES.by_row(VILLAGES),
        )
        sent += [ask_.asked_as for ask_ in plan.asks if ask_.adm4_code == CODES[3]]
        at += timedelta(minutes=1)
    assert sent == [OLDER], "404, then the older code, then nothing until the next run"
    assert state.came[3] == Came.FORECAST
    assert state.asked_as == {3: OLDER}


def test_a_code_that_names_a_place_far_off_assesses_nothing(ask, bmkg):
    bmkg[1](CODES[0], lat=-0.9, lon=131.5)
    state = knowledge(ask(AT, CODES[0]))
    assert state.came[0] == Came.ELSEWHERE
    assert not np.isfinite(state.analysis[0])
    (entry,) = cover.coverage(VILLAGES, state, AT, area="33.01.01")[:1]
    assert (entry.code, entry.assessed, entry.absent) == (CODES[0], 0, 1)


def test_villages_of_another_layer_set_are_left_alone(ask, bmkg):
    bmkg[1]("11.01.01.2001")
    engine = ask(AT, "11.01.01.2001")
    assert knowledge(engine).came.tolist() == [0, 0, 0, 0]
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(forecast_villages)) == 1


# --- coverage --------------------------------------------------------------------------


def test_coverage_adds_up_at_each_level(ask, bmkg):
    add = bmkg[1]
    add(CODES[0])
    add(CODES[2], analysis="2026-11-16T12:00:00")
    state = knowledge(ask(AT, *CODES[:3]))
    whole = cover.whole(VILLAGES, state, AT)
    assert (whole.villages, whole.assessed, whole.not_assessed) == (4, 1, 3)
    assert whole.reasons() == {
        "never asked": 1,
        "unknown to BMKG": 1,
        "no answer that can be read": 0,
        "forecast run out": 1,
    }
    provinces = cover.coverage(VILLAGES, state, AT)
    assert [(p.code, p.villages, p.assessed) for p in provinces] == [("33", 3, 1), ("96", 1, 0)]
    districts = cover.coverage(VILLAGES, state, AT, area="33.01")
    assert [(d.code, d.outdated) for d in districts] == [("33.01.01", 0), ("33.01.02", 1)]
    assert provinces[0].analysis_time == datetime(2026, 11, 20, tzinfo=UTC)
    assert provinces[0].median_age == AT - datetime(2026, 11, 20, tzinfo=UTC)
    assert provinces[1].oldest_age is None
    assert cover.districts_reached(VILLAGES, state, AT) == 1
    for entry in (whole, *provinces, *districts):
        assert sum(entry.reasons().values()) == entry.not_assessed


def test_coverage_of_an_area_that_is_not_there():
    state = nothing_known(4)
    assert cover.coverage(VILLAGES, state, AT, area="55") == []
    assert cover.whole(VILLAGES, state, AT, area="55").villages == 0
    with pytest.raises(DataError, match="area code"):
        cover.coverage(VILLAGES, state, AT, area="West Java")


# --- older codes -----------------------------------------------------------------------


def place(code, name, district="Makbon", regency="Kabupaten Sorong"):
    return Place(code, name, district, regency)


def test_pairs_need_names_that_are_unique_on_both_sides():
    older = [
        place("92.01.01.2001", "Asbaken"),
        place("92.01.01.2002", "Twin"),
        place("92.01.02.2002", "Twin", "Other"),
        place("92.01.01.2003", "Moved", "Elsewhere"),
        place("92.01.01.2004", "Kwawor Kecil Mata Ata"),
        place("92.01.01.1005", "Kelurahan now Desa"),
        place("92.01.01.2006", "Same"),
    ]
    newer = [
        place("96.01.01.2009", "asbaken"),
        place("96.01.01.2002", "Twin", "Third"),
        place("96.01.01.2003", "Moved"),
        place("96.01.01.2004", "Kwamor Kecil Mata Ata"),
        place("96.01.01.2005", "Kelurahan now Desa"),
        place("92.01.01.2006", "Same"),
    ]
    found = {(p.adm4_code, p.older_code, p.found_by) for p in derive(older, newer)}
    assert found == {
        ("96.01.01.2009", "92.01.01.2001", "district"),
        ("96.01.01.2003", "92.01.01.2003", "regency"),
        ("96.01.01.2004", "92.01.01.2004", "spelling"),
    }


def test_the_bundled_pairs_fit_the_bundled_villages():
    from orchestration.forecasts import villages_of
    from risk.layers.layerset import load_layers

    villages, aliases = villages_of(load_layers("")), load_aliases()
    assert len(aliases.pairs) == len(aliases.by_row(villages)) == 1107
    assert write_aliases(aliases.pairs) == write_aliases(
        read_aliases(write_aliases(aliases.pairs), "x").pairs
    )
    moved = {p.older_code[:5] for p in aliases.pairs if p.adm4_code.startswith("96.")}
    assert moved == {"92.01", "92.04", "92.05", "92.09", "92.10", "92.71"}


def test_an_older_code_that_is_a_village_today_is_not_used():
    aliases = Aliases((Alias(CODES[1], CODES[0], "stated"),))
    assert aliases.by_row(VILLAGES) == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("adm4_code,older\n", "expected the columns"),
        (
            "adm4_code,older_code,found_by\n96.01.01.2003,92.01,district\n",
            "line 2: expected a vill",
        ),
        ("adm4_code,older_code,found_by\n96.01.01.2003,92.01.01.2004,luck\n", "found_by"),
        ("adm4_code,older_code,found_by\n96.01.01.2003,96.01.01.2003,stated\n", "the same"),
        (
            "adm4_code,older_code,found_by\n96.01.01.2003,92.01.01.2004,stated\n"
            "96.01.01.2005,92.01.01.2004,stated\n",
            "stands for 96.01.01.2003 and 96.01.01.2005",
        ),
    ],
)
def test_a_file_of_pairs_that_cannot_be_used(text, says):
    with pytest.raises(SettingsError, match=says):
        read_aliases(text, "pairs.csv")


def test_a_missing_file_of_pairs(tmp_path):
    with pytest.raises(SettingsError, match="forecast code aliases"):
        load_aliases(tmp_path / "none.csv")


def test_a_decrees_list():
    table = "code,name\n92.01,KAB. SORONG\n92.01.01,Makbon\n92.01.01.2004,Malaumkarta\n"
    assert places_of(table) == [Place("92.01.01.2004", "Malaumkarta", "Makbon", "KAB. SORONG")]
    with pytest.raises(DataError, match="columns"):
        places_of("kode,nama\n")
    with pytest.raises(DataError, match=r"92\.01\.01 has villages"):
        places_of("code,name\n92.01,KAB. SORONG\n92.01.01.2004,Malaumkarta\n")
