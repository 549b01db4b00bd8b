"""The dead-man's switch: messages that go out too slowly for their warning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kentongan.db import make_engine, outbox, route_state, segments
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.times import iso
from kentongan.types import SegmentState
from orchestration.deadman.policy import deadman_policy
from orchestration.deadman.too_late import too_late

T0 = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
M = timedelta(minutes=1)
LATER = T0 + 5 * M
ROUTES = """
[[route]]
kind = "gammu"
route = "modem"
channel = "sms"
order = 1
rate_per_s = 1
window = 1
price_idr = 350
spool = "{spool}"
"""


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "spool").mkdir()
    path = tmp_path / "routes.toml"
    path.write_text(ROUTES.format(spool=tmp_path / "spool"), encoding="utf-8")
    return Settings(home=tmp_path, routes=path)


@pytest.fixture
def engine(settings):
    found = make_engine(settings.resolved_database_url)
    migrate(found)
    yield found
    found.dispose()


def waiting(engine, number, *, minutes, route="sms"):
    """So many rows of a warning that ends after so many minutes."""
    row = {
        "alert_version": "a", "channel": "sms", "message_id": "m", "route": route, "prio": 1,
        "state": 0, "created_at": iso(T0), "due": iso(T0), "not_after": iso(T0 + minutes * M),
    }  # fmt: skip
    with engine.begin() as connection:
        rows = [{**row, "recipient_id": f"r{n}"} for n in range(number)]
        connection.execute(outbox.insert(), rows)


def serves(engine, rate, at=LATER, failures=0):
    with engine.begin() as connection:
        connection.execute(
            route_state.insert().values(route="modem", rate=rate, failures=failures, at=iso(at))
        )


def look(engine, settings, at=LATER):
    return list(too_late(engine, settings, deadman_policy(settings), at))


def test_a_route_that_is_too_slow_is_told_with_how_many_and_until_when(engine, settings):
    serves(engine, rate=0.1)
    waiting(engine, 100, minutes=15)  # ten minutes from now: sixty of them go
    (found,) = look(engine, settings)
    assert found.key == "late"
    assert found.what.startswith("40 pesan") and "14.15 WIB" in found.what


def test_a_route_that_is_fast_enough_is_no_alarm(engine, settings):
    serves(engine, rate=1.0)
    waiting(engine, 100, minutes=15)
    assert look(engine, settings) == []


def test_people_without_a_row_count_too(engine, settings):
    from kentongan.db import messages

    serves(engine, rate=0.1)
    with engine.begin() as connection:
        connection.execute(
            messages.insert().values(
                message_id="m", purpose="alert", warning_id="w", version=1, channel="sms",
                language="id", area_code="11.01", level=2, text="x",
            )
        )  # fmt: skip
        connection.execute(
            segments.insert().values(
                alert_version="a", message_id="m", adm4_code="11.01.01.2001", channel="sms",
                language="id", prio=1, created_at=iso(T0), not_after=iso(T0 + 15 * M),
                state=int(SegmentState.OPEN), people=1000, to_public=True,
            )
        )  # fmt: skip
    (found,) = look(engine, settings)
    assert found.what.startswith("940 pesan")


@pytest.mark.parametrize("state", [{"at": T0}, {"failures": 3}])
def test_where_nobody_sends_another_alarm_says_so(engine, settings, state):
    serves(engine, rate=0.1, **state)
    waiting(engine, 100, minutes=15)
    assert look(engine, settings) == []


def test_what_has_only_just_come_is_not_judged(engine, settings):
    serves(engine, rate=0.1, at=T0 + M)
    waiting(engine, 100, minutes=15)
    assert look(engine, settings, T0 + M) == []


def test_the_recorder_and_a_home_without_routes_are_no_alarm(engine, settings):
    serves(engine, rate=0.1)
    waiting(engine, 100, minutes=15, route="recorder")
    assert look(engine, settings) == []
    waiting_elsewhere = settings.model_copy(update={"routes": None})
    assert look(engine, waiting_elsewhere) == []
