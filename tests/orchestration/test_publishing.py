"""Every night each public alert is read through."""

from __future__ import annotations

import pytest

from kentongan.db import alerts, make_engine, warnings
from kentongan.errors import DataError
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store, sha256_hex
from orchestration.publishing import verify_alerts

AT = "2022-11-21T06:40:00Z"
XML = (
    b"""<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>a-1</identifier></alert>"""
)


@pytest.fixture
def settings(tmp_path):
    """A home with one alert, as a release leaves it."""
    made = Settings(home=tmp_path / "home")
    engine = make_engine(made.resolved_database_url)
    migrate(engine)
    digest = sha256_hex(XML)
    Store(str(made.home)).write("cap/a-1.xml", XML)
    warning = {
        "warning_id": "w-1", "version": 1, "event_id": "1", "hazard_id": "shaking",
        "msg_type": "Alert", "cap_status": "Exercise", "level": 3, "all_clear": False,
        "content_hash": "0", "created_at": "2022-11-21T06:30:00Z",
        "expires": "2022-11-21T12:00:00Z", "body": {},
    }  # fmt: skip
    alert = {
        "identifier": "a-1", "warning_id": "w-1", "version": 1, "sender": "s",
        "path": "cap/a-1.xml",
        "sent": "2022-11-21T13:30:00+07:00", "expires": "2022-11-21T19:00:00+07:00",
        "sha256": digest, "unsigned_sha256": digest,
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(warnings.insert().values(**warning))
        connection.execute(alerts.insert().values(**alert))
    engine.dispose()
    return made


def test_alerts_that_are_as_released_are_counted(settings):
    assert verify_alerts(AT, settings)["in_force"] == {"public-exercise/cap": 1}


def test_a_lost_public_file_comes_back_and_a_changed_one_is_named(settings):
    verify_alerts(AT, settings)
    (path,) = (settings.home / "public-exercise" / "cap").glob("*.xml")
    original = path.read_bytes()
    path.unlink()
    verify_alerts(AT, settings)
    assert path.read_bytes() == original
    path.chmod(0o644)
    path.write_bytes(b"<changed/>")
    with pytest.raises(DataError, match="holds other bytes than were released"):
        verify_alerts(AT, settings)
