from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from ingest.play.feedserver import FeedServer, ScenarioServer
from kentongan.errors import SettingsError
from kentongan.scenario import Scenario, Step

A, B = "/alerts/nowcast/id", "/publik/prakiraan-cuaca?adm4=33.01.01.2001"


def get(server, path, **headers):
    return httpx.get(server.url + path, headers=headers, trust_env=False)


def test_serves_a_folder_by_its_table_and_starts_fast(feeds):
    started = time.monotonic()
    with FeedServer(feeds) as server:
        assert time.monotonic() - started < 0.3
        answer = get(server, A)
        assert answer.content == (feeds / "nowcast-rss.xml").read_bytes()
        assert answer.headers["content-type"] == "application/xml"
        assert get(server, B).status_code == 200
        assert get(server, B.replace("2001", "2002")).status_code == 404
        assert get(server, "/IMAGE/HIMA/H08_RP_Indonesia.png?cb=1").status_code == 200
        assert server.requests[:2] == [A, B]
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 0.3


def test_etag(feeds):
    with FeedServer(feeds) as server:
        tag = get(server, A).headers["etag"]
        again = get(server, A, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert get(server, A, **{"If-None-Match": '"other"'}).status_code == 200


def test_files_by_path_and_nothing_above_the_folder(tmp_path):
    (tmp_path / "feed" / "x").mkdir(parents=True)
    (tmp_path / "feed" / "x" / "y.json").write_text("{}", encoding="utf-8")
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    with FeedServer(tmp_path / "feed") as server:
        assert get(server, "/x/y.json").text == "{}"
        assert get(server, "/../secret").status_code == 404
        assert get(server, "/x").status_code == 404


def test_a_table_that_names_no_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="no folder"):
        FeedServer(tmp_path / "none")
    (tmp_path / "paths.csv").write_text("bmkg_path,file\n/a,b.json\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"b\.json"):
        FeedServer(tmp_path)


def test_a_port_of_choice_and_again_after_a_stop(feeds):
    with FeedServer(feeds) as server:
        port = server.port
    with FeedServer(feeds, port=port) as server:
        assert server.port == port
        assert get(server, A).status_code == 200


def test_a_scenario_step_by_step(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    start = datetime(2026, 11, 20, tzinfo=UTC)
    steps = (
        Step(at=start, serve={A: "one", "/b": "one"}),
        Step(at=start + timedelta(hours=1), fail={A: 503, "/b": 0}),
        Step(at=start + timedelta(hours=2), serve={A: "two"}),
    )
    scenario = Scenario(title="t", re_creation=True, step=steps, folder=tmp_path, name="t")
    with ScenarioServer(scenario) as server:
        assert get(server, A).status_code == 404
        server.show(0)
        assert (get(server, A).text, get(server, "/b").text) == ("one", "one")
        server.show(1)
        assert get(server, A).status_code == 503
        with pytest.raises(httpx.RemoteProtocolError):
            get(server, "/b")
        server.show(2)
        assert get(server, A).text == "two"
        with pytest.raises(httpx.RemoteProtocolError):
            get(server, "/b")
        server.show(0)
        assert get(server, A).text == "one"
