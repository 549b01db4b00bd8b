"""`kentongan quakes` as a duty officer calls it: list, one quake, a rupture given by hand."""

from __future__ import annotations

import json

import pytest

from console.cli import main
from ingest.play.feedserver import ScenarioServer
from kentongan.settings import Settings
from kentongan.times import parse_instant
from orchestration import stages
from orchestration.airflow.environment import kentongan_variables
from orchestration.context import open_context
from orchestration.scenarios import find
from orchestration.shaking import note_people

KEY = "20221121T062110Z"
AT = "2022-11-21T06:30:00Z"
LINE = {"type": "LineString", "coordinates": [[106.95, -6.9], [107.15, -6.78]]}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A home in which Cianjur was seen."""
    home = tmp_path_factory.mktemp("quakes")
    with ScenarioServer(find("cianjur")) as server:
        found = Settings(home=home, _env_file=None).with_feed_server(server.url)
        with open_context(found, live=False, re_creation=True) as context:
            server.show(1)
            at = parse_instant("2022-11-21T06:26:00Z")
            stages.poll_one(context.ingest, "bmkg-quakes", at)
            stages.overlay(context, at)
            note_people(context, at)
    return found


@pytest.fixture
def call(settings, monkeypatch, capsys):
    for name, value in kentongan_variables(settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, at: str = AT) -> tuple[int, str, str]:
        status = 0
        try:
            monkeypatch.setattr("sys.argv", ["kentongan", "quakes", *arguments, "--at", at])
            main()
        except SystemExit as end:
            status = int(end.code or 0)
        seen = capsys.readouterr()
        return status, seen.out, seen.err

    return run


def test_the_list_names_the_quake(call):
    status, out, _ = call()
    assert (status, KEY in out) == (0, True)


def test_an_old_quake_is_found_by_its_key_and_the_list_says_how_to_look_back(call):
    later = "2026-11-22T07:00:00Z"
    status, out, _ = call(at=later)
    assert (status, KEY in out, "--days" in out) == (0, False, True)
    status, out, _ = call(KEY, at=later)
    assert (status, out.startswith(KEY)) == (0, True)


def test_one_quake_shows_versions_and_people_by_intensity(call):
    status, out, _ = call(KEY)
    assert status == 0
    assert "Versions of the shaking event" in out
    assert "bmkg-shakemap/1+allen-2012-hypo/1" in out
    assert "what the level is taken from" in out
    assert [line.split()[0] for line in out.splitlines() if line[:2] in ("V ", "VI")] == [
        "VIII", "VII", "VI", "V",
    ]  # fmt: skip


def test_json_holds_versions_and_people(call):
    status, out, _ = call(KEY, "--json")
    (found,) = json.loads(out)["quakes"]
    assert status == 0
    assert [v["reason"] for v in found["versions"]] == ["first"]
    assert found["versions"][0]["level"] == 3
    assert found["people_by_mmi"]["people"]["level"]["7"] > 100_000
    assert set(found["people_by_mmi"]["bands"]["level"]["in_class"]["7"]) == {"p10", "p50", "p90"}


def test_a_rupture_is_taken_with_a_name(call, tmp_path):
    path = tmp_path / "rupture.geojson"
    path.write_text(json.dumps(LINE), encoding="utf-8")
    status, _, err = call(KEY, "--fault", str(path), "--by", "Sari")
    assert status == 0
    assert f"taken for {KEY}; the next cycle uses it" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((KEY, "--fault", "{file}"), "--by NAME", id="without-a-name"),
        pytest.param(("--fault", "{file}", "--by", "Sari"), "needs EVENT", id="without-a-quake"),
        pytest.param((KEY, "--fault", "/nowhere", "--by", "Sari"), "No such file", id="no-file"),
        pytest.param((KEY, "--fault", "{file}", "--by", "Sari"), "GeoJSON", id="no-geojson"),
        pytest.param(("20000101T000000Z",), "not known; expected", id="no-such-quake"),
    ],
)
def test_wrong_use_is_told_in_a_line(call, tmp_path, arguments, says):
    path = tmp_path / "x.geojson"
    path.write_text("not json", encoding="utf-8")
    status, out, err = call(*(a.format(file=path) for a in arguments))
    assert (status != 0, out) == (True, "")
    assert says in err
    assert "Traceback" not in err
