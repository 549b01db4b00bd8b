"""A modem behind gammu-smsd: out through its folders, in from its inbox, nothing sent late."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kentongan.errors import DispatchError, SettingsError
from notify.channels.channel import DeliveryReport, InboundMessage, Outcome, Outgoing
from notify.channels.modem import REFUSED, GammuChannel, GammuRoute
from tests.peers.gammu import Modem, need_gammu
from tests.peers.outgoing import outgoing

NUMBER = "+6281234567890"
TEXT = "AWAS tsunami di pesisir Kab. Boalemo. Naik ke tempat tinggi. Sumber: BMKG"


class Kept:
    """A sink that remembers, or breaks as often as it is told."""

    def __init__(self, breaks: int = 0) -> None:
        self.messages: list[InboundMessage] = []
        self.breaks = breaks

    def receipts(self, reports: Sequence[DeliveryReport]) -> None:
        raise AssertionError("a modem has none")

    def inbound(self, message: InboundMessage) -> None:
        if self.breaks:
            self.breaks -= 1
            raise OSError("disk full")
        self.messages.append(message)

    def gone(self, message: Outgoing) -> None:
        raise AssertionError("a modem does not know")


@pytest.fixture
def modem(tmp_path: Path) -> Iterator[Modem]:
    made = Modem(tmp_path / "spool")
    yield made
    made.close()


def channel_of(modem: Modem, **changes: Any) -> GammuChannel:
    route = GammuRoute(kind="gammu", route="modem", spool=modem.folder, **changes)
    return GammuChannel(route)


def messages(count: int, **changes: Any) -> list[Outgoing]:
    return [
        outgoing(NUMBER, channel="sms", outbox_id=i + 1, text=TEXT, payload=None, **changes)
        for i in range(count)
    ]


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def came(modem: Modem, name: str, data: bytes, age_s: float = 5.0) -> Path:
    path = modem.folder / "inbox" / name
    path.write_bytes(data)
    then = time.time() - age_s
    os.utime(path, (then, then))
    return path


def test_a_message_goes_out_and_a_reply_comes_in_through_the_daemon(modem):
    need_gammu()
    modem.start()
    channel, kept = channel_of(modem, timeout_s=30.0), Kept()
    channel.open(kept)
    try:
        modem.receives(NUMBER, "YA T123")
        modem.receives("+6281234567891", "Banjir 😀")
        receipts = channel.transmit(messages(2))
        assert [r.outcome for r in receipts] == [Outcome.ACCEPTED] * 2
        assert modem.files("outbox") == modem.files("sent") == modem.files("error") == []
        until(lambda: len(kept.messages) == 2)
    finally:
        channel.close()
    assert {(m.sender, m.text) for m in kept.messages} == {
        (NUMBER, "YA T123"), ("+6281234567891", "Banjir 😀"),
    }  # fmt: skip
    assert modem.files("inbox") == []
    assert "Transmitted" in (modem.folder / "smsd.log").read_text()


def test_what_a_dead_daemon_did_not_send_is_taken_back(modem):
    receipts = channel_of(modem, timeout_s=0.3).transmit(messages(3))
    assert [r.outcome for r in receipts] == [Outcome.UNKNOWN, Outcome.RETRY, Outcome.RETRY]
    assert modem.files("outbox") == []


def test_what_the_modem_could_not_send_is_tried_again(modem):
    channel = channel_of(modem, timeout_s=5.0)

    def moves() -> None:
        until(lambda: len(modem.files("outbox")) == 1)
        name = modem.files("outbox")[0]
        (modem.folder / "outbox" / name).rename(modem.folder / "error" / name)

    daemon = threading.Thread(target=moves)
    daemon.start()
    (receipt,) = channel.transmit(messages(1))
    daemon.join()
    assert receipt.outcome is Outcome.RETRY
    assert modem.files("error") == []


def test_a_full_outbox_takes_nothing_more(modem):
    for i in range(4):
        (modem.folder / "outbox" / f"OUTB{i}.txt").write_text("of somebody else")
    with pytest.raises(DispatchError, match="4 files wait"):
        channel_of(modem, most_waiting=5).transmit(messages(2))
    assert len(modem.files("outbox")) == 4


def test_files_of_an_earlier_run_are_taken_back_and_those_of_others_stay(modem):
    channel = channel_of(modem, timeout_s=0.05)
    mine = channel._put(0, messages(1)[0]).name
    (modem.folder / "outbox" / "OUTB_other.txt").write_text("x")
    channel.open(Kept())
    channel.close()
    assert mine.startswith("OUTA") and modem.files("outbox") == ["OUTB_other.txt"]


def test_urgent_files_come_first_and_hold_the_whole_text_once(modem):
    channel = channel_of(modem)
    late = channel._put(0, messages(1, prio=2200)[0]).name
    first = channel._put(1, messages(1, prio=0)[0]).name
    assert first < late
    data = (modem.folder / "outbox" / first).read_bytes()
    assert data.decode("utf-16") == TEXT
    parts = channel_of(modem, timeout_s=0.05).transmit(messages(1, part=1, parts=2))
    assert [(r.outcome, r.detail) for r in parts] == [(Outcome.ACCEPTED, "went with part 1")]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param("Hujan".encode("utf-16"), "Hujan", id="unicode"),
        pytest.param(b"\xfe\xff\x00Y\x00A\x00\x00", "YA", id="zeros-behind"),
        pytest.param(b"\xfe\xff\x00Y\x00", "Y\ufffd", id="odd-bytes"),
        pytest.param("Déwi".encode(), "Déwi", id="utf-8"),
        pytest.param(b"caf\xe9", "café", id="latin-1"),
        pytest.param(b"", "", id="empty"),
    ],
)
def test_every_encoding_becomes_a_text(modem, data, text):
    kept = Kept()
    came(modem, "IN20261122_010101_00_+6281234567890_00.txt", data)
    channel_of(modem)._read_once(kept)
    assert [m.text for m in kept.messages] == [text]


def test_parts_of_one_message_are_one_and_wait_for_the_last(modem):
    kept = Kept()
    came(modem, "IN20261122_010101_00_+6281234567890_01.txt", b" jembatan", age_s=0.0)
    came(modem, "IN20261122_010101_00_+6281234567890_00.txt", b"LAPOR banjir di")
    channel = channel_of(modem)
    channel._read_once(kept)
    assert kept.messages == []
    came(modem, "IN20261122_010101_00_+6281234567890_01.txt", b" jembatan")
    channel._read_once(kept)
    (message,) = kept.messages
    assert message.text == "LAPOR banjir di jembatan"
    assert message.received_at.tzinfo is UTC and message.received_at < datetime.now(UTC)


def test_what_could_not_be_stored_stays_and_comes_again_as_the_same_message(modem):
    kept = Kept(breaks=1)
    path = came(modem, "IN20261122_010101_00_+6281234567890_00.txt", b"YA")
    channel = channel_of(modem)
    with pytest.raises(OSError, match="disk full"):
        channel._read_once(kept)
    assert path.exists()
    channel._read_once(kept)
    assert not path.exists() and len(kept.messages) == 1


@pytest.mark.parametrize(
    ("name", "size"),
    [("INstrange.txt", 5), ("IN20261122_010101_00_+6281234567890_00.txt", 70_000)],
)
def test_a_file_that_is_no_message_is_kept_aside(modem, name, size):
    kept = Kept()
    came(modem, name, b"x" * size)
    came(modem, "IN20261122_010102_00_+6281234567891_00.txt", b"YA")
    channel = channel_of(modem)
    channel._read_once(kept)
    channel._read_once(kept)
    assert [m.text for m in kept.messages] == ["YA"]
    assert modem.files("inbox") == [name + REFUSED]


def test_a_spool_without_its_folders_is_refused_by_name(modem):
    (modem.folder / "sent").rmdir()
    with pytest.raises(SettingsError, match="sent"):
        channel_of(modem)
