"""What a cycle asks the forecast for: villages in danger, the minute's rest, and what is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete
from typer.testing import CliRunner

from console.cli.app import app
from ingest.forecast_plan.plan import Urgency, Why
from ingest.log import insert_records
from ingest.play.feedserver import ScenarioServer
from ingest.wire.rate import SUPPORT_RESERVE, SharedLimiter
from kentongan.db import records
from kentongan.records import NowcastItem
from kentongan.settings import Settings
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.forecasts import covered, plan_now, urgency, villages_of, wanted_villages
from orchestration.scenarios import find


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """The thunderstorm's first warning: Bogor's highland is warned, and the cycle is done."""
    home = tmp_path_factory.mktemp("home")
    scenario = find("thunderstorm")
    with ScenarioServer(scenario) as server:
        settings = Settings(_env_file=None).with_feed_server(server.url, home=home)
        with open_context(settings, live=False, re_creation=True) as context:
            server.show(0)
            at = scenario.steps[0].at
            document = run_cycle(context, at, sources=scenario.sources)
            yield context, at, document


def test_the_villages_of_a_warning_are_asked_for_first(played):
    context, at, _ = played
    villages = villages_of(context.layers)
    marks = urgency(context, villages, at)
    inside = villages.codes[marks == Urgency.WARNED]
    assert len(inside) > 20
    assert {code[:5] for code in inside} <= {"32.01", "32.03", "32.02", "32.16"}
    near = villages.codes[marks == Urgency.NEIGHBOUR]
    assert len(near) == len({code[:8] for code in near}) > 0, "one village a district"
    assert not {code[:8] for code in near} & {code[:8] for code in inside}


def test_what_the_cycle_asked_for_is_not_asked_again_in_the_next_minute(played):
    context, at, _ = played
    first = plan_now(context, at + timedelta(minutes=1), budget=40)
    assert all(ask.why in (Why.HAZARD, Why.ROTATION, Why.SCOUT) for ask in first.asks)
    whole, provinces, reached = covered(context, at + timedelta(minutes=1))
    assert (len(provinces), whole.villages) == (38, 83_762)
    assert sum(p.villages for p in provinces) == whole.villages
    assert whole.never_asked == 83_762 - context.settings.forecast_requests_per_cycle
    assert 0 < sum(p.assessed for p in provinces) == whole.assessed >= reached > 0
    asked = set(wanted_villages(context, at + timedelta(minutes=1)))
    assert len(asked) == context.settings.forecast_requests_per_cycle


def test_the_budget_leaves_the_minute_to_the_warnings(played):
    context, at, _ = played
    settings = context.settings.model_copy(update={"bmkg_api_url": "https://api.bmkg.go.id"})
    real = replace(context, settings=settings)
    limiter = SharedLimiter(context.engine, clock=lambda: 1e9, sleep=lambda _: None)
    spent = SUPPORT_RESERVE + 5
    for _ in range(limiter.per_minute - spent):
        assert limiter.take("api.bmkg.go.id", patience_s=0)
    left = SharedLimiter(context.engine).left("api.bmkg.go.id")
    assert left >= spent
    assert len(plan_now(real, at).asks) == min(40, left - SUPPORT_RESERVE)


def in_doubt(context, at, *names):
    item = NowcastItem(
        source_id="bmkg-nowcast",
        key="item-x",
        sha256="0" * 64,
        document_time=at,
        code="CGT20260214001",
        province_code="75",
        title="Hujan",
        link="",
        published=at,
        until=at + timedelta(hours=2),
        district_names=names,
    )
    with context.engine.begin() as connection:
        insert_records(connection, [item], at=at, history_before=None)
    return urgency(context, villages_of(context.layers), at)


@pytest.fixture
def with_item(played):
    """The item of a warning of Gorontalo whose document is not there, taken away afterwards."""
    context, at, _ = played
    yield lambda *names: in_doubt(context, at, *names)
    with context.engine.begin() as connection:
        connection.execute(delete(records).where(records.c.key == "item-x"))


def codes(played, marks, kind):
    return villages_of(played[0].layers).codes[marks == kind].tolist()


def test_districts_that_bmkg_names_are_looked_at_whole_while_no_area_is_known(played, with_item):
    marks = with_item("DENGILO", "Mananggu")
    likely = [c for c in codes(played, marks, Urgency.LIKELY) if c.startswith("75")]
    names = played[0].layers.names
    assert {names[c[:8]] for c in likely} == {"Dengilo", "Mananggu"}
    assert len(likely) > 10
    assert codes(played, marks, Urgency.AREA_UNKNOWN) == []


@pytest.mark.parametrize("names", [(), ("DENGILO", "NOWHERE")])
def test_a_province_in_doubt_is_looked_at_by_its_districts(played, with_item, names):
    marks = with_item(*names)
    found = codes(played, marks, Urgency.AREA_UNKNOWN)
    assert {code[:2] for code in found} == {"75"}
    assert len(found) == len({code[:8] for code in found}) > 70


@pytest.fixture
def command(played, monkeypatch):
    context, at, _ = played
    for name in ("HOME", "BMKG_API_URL"):
        monkeypatch.delenv(f"KENTONGAN_{name}", raising=False)
    monkeypatch.setenv("KENTONGAN_HOME", str(context.settings.home))
    monkeypatch.setenv("KENTONGAN_BMKG_API_URL", context.settings.bmkg_api_url)

    def run(*arguments):
        return CliRunner().invoke(app, ["forecast", *arguments, "--at", at.isoformat()])

    return run


def test_coverage_for_an_operator(command):
    text = command("coverage").stdout
    assert "32" in text
    assert "never asked" in text
    assert "of 7285" in text
    document = json.loads(command("coverage", "32.01", "--json").stdout)
    assert document["area"]["villages"] == sum(p["villages"] for p in document["parts"])
    assert {p["code"][:5] for p in document["parts"]} == {"32.01"}
    village = json.loads(command("coverage", "32.01.24", "--json").stdout)["parts"][0]
    assert (len(village["code"]), village["villages"]) == (13, 1)


def test_an_area_that_does_not_exist(command):
    assert command("coverage", "55").exit_code == 2


def test_the_next_plan_for_an_operator(command):
    assert "hazard" in command("plan", "--budget", "3").stdout
    document = json.loads(command("plan", "--budget", "3", "--json").stdout)
    assert len(document["asks"]) == 3
    assert set(document["due"]) == {str(why) for why in Why}


def test_older_codes_from_a_decrees_list(tmp_path, monkeypatch):
    monkeypatch.setenv("KENTONGAN_HOME", str(tmp_path))
    table = tmp_path / "list.csv"
    table.write_text(
        "code,name\n92.01,KAB. SORONG\n92.01.01,Makbon\n92.01.01.2004,Malaumkarta\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["forecast", "aliases", str(table)])
    assert done.stdout.splitlines() == [
        "adm4_code,older_code,found_by",
        "96.01.01.2003,92.01.01.2004,district",
    ]
