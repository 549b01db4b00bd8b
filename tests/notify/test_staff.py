"""Staff by Apprise: its own json:// and a sink on this machine; what hangs holds up nobody."""

from __future__ import annotations

import json
import socket
import time

import pytest
from pydantic import ValidationError

from kentongan.errors import SettingsError
from notify.channels.channel import Outcome
from notify.channels.staff import Staff, StaffRoute
from tests.peers.http_stub import Answer, HttpStub
from tests.peers.outgoing import outgoing

# A plugin of Apprise's.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def staff(tmp_path, text, *, names=("duty",), **changes):
    file = tmp_path / "staff.toml"
    file.write_text(text)
    return Staff(StaffRoute(route="office", names=names, addresses_file=file, **changes))


def test_the_duty_officer_reads_it(tmp_path):
    with HttpStub(lambda _: Answer(200)) as sink:
        address = sink.url.replace("http://", "json://")
        channel = staff(tmp_path, f'duty = ["{address}/a"]')
        [receipt] = channel.transmit([outgoing("duty", text="Awas tsunami.\nBaris kedua.")])
    assert receipt.outcome is Outcome.ACCEPTED and receipt.detail == "json taken"
    [asked] = sink.asked
    got = json.loads(asked.body)
    assert got["message"] == "Awas tsunami.\nBaris kedua." and got["title"] == "AWAS TSUNAMI"


def test_the_result_of_each_address(tmp_path):
    with HttpStub(lambda asked: Answer(200 if asked.path == "/good" else 500)) as sink:
        address = sink.url.replace("http://", "json://")
        text = f'duty = ["{address}/good", "{address}/bad"]\nnight = ["{address}/bad"]'
        channel = staff(tmp_path, text, names=("duty", "night"))
        found = channel.transmit([outgoing("duty"), outgoing("night"), outgoing("nobody")])
    assert [one.outcome for one in found] == [Outcome.ACCEPTED, Outcome.RETRY, Outcome.REFUSED]
    assert found[0].detail == "json taken, json not taken"


def test_what_hangs_is_left_behind(tmp_path):
    with (
        socket.create_server(("127.0.0.1", 0)) as tarpit,
        HttpStub(lambda _: Answer(200)) as sink,
    ):
        port = tarpit.getsockname()[1]
        good = sink.url.replace("http://", "json://")
        channel = staff(
            tmp_path,
            f'slow = ["json://127.0.0.1:{port}/"]\nduty = ["{good}/"]',
            names=("slow", "duty"),
            timeout_s=0.5,
        )
        channel.transmit([outgoing("duty")])  # imports Apprise
        began = time.monotonic()
        found = channel.transmit([outgoing("slow"), outgoing("duty")])
        assert time.monotonic() - began < 2
    assert [one.outcome for one in found] == [Outcome.UNKNOWN, Outcome.ACCEPTED]


def test_no_secret_in_what_is_said(tmp_path):
    with HttpStub(lambda _: Answer(500)) as sink:
        address = sink.url.replace("http://", "json://user:geheim@")
        channel = staff(tmp_path, f'duty = ["{address}/"]')
        assert "geheim" not in channel.transmit([outgoing("duty")])[0].detail


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "duty"),
        ("duty = []", "duty"),
        ("duty = 'tgram://x'", "duty"),
        ("duty = [1]", "duty"),
        ("duty = ['nothing://at/all']", "address 1"),
        ("= =", "TOML"),
    ],
)
def test_wrong_addresses_are_named_without_them(tmp_path, text, match):
    with pytest.raises(SettingsError, match=match) as found:
        staff(tmp_path, text)
    assert "at/all" not in str(found.value)


def test_names_are_names(tmp_path):
    for names in ((), ("A b",), ("../x",)):
        with pytest.raises(ValidationError):
            StaffRoute(route="office", names=names, addresses_file=tmp_path / "x")


def test_no_log_however_loud_holds_an_address(tmp_path, caplog):
    """An address of Apprise is a key: whoever reads it can write in our name."""
    import logging

    from console.cli.common import log_to_stderr

    names = ("urllib3", "apprise", "requests_oauthlib")
    before = {name: logging.getLogger(name).level for name in names}
    log_to_stderr("DEBUG")
    caplog.set_level("DEBUG")
    with HttpStub(lambda _: Answer(500)) as sink:
        address = sink.url.replace("http://", "json://")
        closed = "json://127.0.0.1:9/S3ntinelKey/"
        channel = staff(tmp_path, f'duty = ["{address}/S3ntinelKey/", "{closed}"]')
        channel.transmit([outgoing("duty")])
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)
    assert "S3ntinelKey" not in caplog.text
