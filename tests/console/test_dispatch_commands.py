"""`kentongan dispatch` as people call it, in a home of real warnings whose carrier is a test's."""

from __future__ import annotations

import json

import pytest

from console.cli.app import app
from console.web.metrics import PollCounts, exposition
from console.web.reading import Reading
from kentongan.errors import KentonganError
from kentongan.settings import Settings
from kentongan.types import HazardId
from notify.dispatcher.process import Dispatcher
from tests.crash.campaign import drain
from tests.crash.homes import Home, now
from tests.peers.smsc import Smsc


@pytest.fixture
def home(tmp_path, monkeypatch):
    one = Home(tmp_path / "home")
    one.sending()
    one.register(30)
    for name, value in one.environment.items():
        if name.startswith("KENTONGAN_"):
            monkeypatch.setenv(name, value)
    yield one
    one.close()


@pytest.fixture
def call(capsys):
    def run(*arguments: str) -> tuple[int, str]:
        status, error = 0, ""
        try:
            app(list(arguments), standalone_mode=True)
        except SystemExit as end:
            status = int(end.code or 0)
        except KentonganError as refusal:
            status, error = 1, str(refusal)
        seen = capsys.readouterr()
        return status, seen.out + seen.err + error

    return run


def test_routes_are_shown_without_secrets_and_with_what_is_wrong(home, call):
    home.route(2775, price_idr=350.0)
    status, said = call("dispatch", "routes")
    assert status == 0 and "operator: sms, order 1, smpp" in said and "price_idr = 350.0" in said
    assert "secret" not in said.replace("password_file", "")
    with (home.folder / "routes.toml").open("a") as file:
        file.write("colour = 1\n")
    status, said = call("dispatch", "routes", "--json")
    assert status == 1 and "route 1 (operator): colour: unknown key" in said


def test_a_plan_says_what_it_costs_before_anybody_says_yes(home, call):
    home.route(2775, price_idr=350.0, rate_per_s=0.1)
    home.warn(hours=0.05)
    status, said = call("dispatch", "plan", "w-tsunami-one")
    assert status == 0
    assert "sms: 30 people, 30 messages of up to 1 parts, Rp10.500, 5 minutes over operator" in said
    assert "LONGER THAN THE WARNING LASTS" in said
    assert "no route is configured" in said, "push has none"
    found = json.loads(call("dispatch", "plan", "w-tsunami-one", "--json")[1])
    (sms,) = (one for one in found["channels"] if one["channel"] == "sms")
    assert sms["rupiah"] == 10_500 and sms["minutes"] == 5.0
    assert call("dispatch", "plan", "w-none")[0] == 1


def test_status_says_loudly_what_will_not_be_sent(home, call):
    home.route(2775)
    home.warn()
    status, said = call("dispatch", "status")
    assert status == 0
    assert "dispatcher: none runs: nothing real is sent" in said
    assert "Awas by sms: 30 wait; NOTHING LEAVES" in said
    found = json.loads(call("dispatch", "status", "--json")[1])
    assert found["late"] == found["waiting"] == 30
    assert found["routes"][0]["state"] == "nobody serves it"


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("sms", "channel sms (its messages on every route, on the recorder too): stopped"),
        ("operator", "route operator (messages of channel sms may take another route): stopped"),
        ("recorder", "route recorder: stopped"),
    ],
)
def test_a_switch_says_what_it_stops(home, call, monkeypatch, route, said):
    home.route(2775)
    monkeypatch.setenv("KENTONGAN_MODE", "exercise")
    monkeypatch.setenv("KENTONGAN_HOME", str(home.folder / "exercise"))
    monkeypatch.delenv("KENTONGAN_DATABASE_URL")
    act = ("--as", "siti", "--reason", "test", "--route")
    assert said in call("dispatch", "stop", *act, route)[1]
    assert f"STOPPED: route {route}" in call("dispatch", "status")[1]
    status, refused = call("dispatch", "stop", *act, "telepathy")
    assert status == 1 and "operator" in refused


def test_figures_of_a_running_dispatcher(home, call, tmp_path, capsys):
    home.warn("rain", hazard=HazardId.THUNDERSTORM, level=2)
    with Smsc.start(tmp_path) as smsc:
        home.route(smsc.port, rate_per_s=500.0, price_idr=350.0)
        settings = Settings()
        with Dispatcher(settings, tell=print):
            drain(home)
            status, said = call("dispatch", "--once")
            assert status == 1 and "runs already" in said
            reading = Reading(settings, now)
            text = exposition(reading, now(), PollCounts()).decode()
            reading.close()
        home.warn()
        status, said = call("dispatch", "--once", "--json")
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert status == 0 and lines[-1]["waiting"] == 0
    assert lines[-1]["counts"] == {"accepted": 30}
    assert lines[-1]["spent_this_hour"] == {"messages": 60, "rupiah": 21_000.0}
    assert 'kentongan_route_up{route="operator"} 1.0' in text
    assert 'kentongan_route_allowed_per_second{route="operator"} 500.0' in text
    assert "kentongan_outbox_ready 0.0" in text
