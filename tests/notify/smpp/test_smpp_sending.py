"""Submitting over a real session: what the carrier gets, and what it answers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import DispatchError, SettingsError
from kentongan.types import OutboxState
from notify.channels.channel import Outcome
from notify.channels.smpp import SmppChannel
from notify.wording.gsm7 import BASIC, EXTENSION
from notify.wording.parts import split
from tests.notify.smpp.line_to_smsc import Store, message, messages, opened, route, until
from tests.peers.smsc import Smsc


@pytest.fixture
def smsc(tmp_path):
    with Smsc.start(tmp_path) as running:
        yield running


def outcomes(receipts):
    return [receipt.outcome for receipt in receipts]


def test_one_message_arrives_as_it_was_meant(smsc):
    ends = datetime.now(UTC) + timedelta(hours=3, seconds=30)
    with opened(smsc) as channel:
        (receipt,) = channel.transmit([message(7, "Jauhi pantai @ 19.30 WIB", not_after=ends)])
    assert (receipt.outcome, receipt.provider_id) == (Outcome.ACCEPTED, "1")
    (got,) = smsc.accepted()
    assert got["text"] == "Jauhi pantai @ 19.30 WIB"
    assert bytes.fromhex(got["octets"]).count(b"\x00") == 1  # `@` in the GSM alphabet
    assert (got["destination"], got["dest_ton"], got["dest_npi"]) == ("6281200000007", 1, 1)
    assert (got["source"], got["source_ton"], got["source_npi"]) == ("KEMENSOS", 5, 0)
    assert (got["priority"], got["registered"], got["coding"]) == (3, 1, 0)
    assert got["validity"] in ("000000030030000R", "000000030029000R")


def test_absolute_validity_and_its_ceiling(smsc):
    ends = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)
    far = route(smsc.log.parent, smsc.port, validity="absolute", validity_max_h=720)
    clock = lambda: ends - timedelta(hours=1)  # noqa: E731
    channel = SmppChannel(far, clock=clock)
    channel.open(Store())
    channel.transmit([message(1, not_after=ends), message(2, not_after=ends + timedelta(days=90))])
    channel.close()
    near, capped = smsc.accepted()
    assert near["validity"] == "310504030201000+"
    assert capped["validity"] == "310603020201000+"


def test_what_has_ended_is_not_sent(smsc):
    with opened(smsc) as channel:
        past = message(1, not_after=datetime.now(UTC) - timedelta(seconds=1))
        late, fine = channel.transmit([past, message(2)])
    assert (late.outcome, late.counts) == (Outcome.RETRY, False)
    assert fine.outcome is Outcome.ACCEPTED
    assert len(smsc.accepted()) == 1


def test_the_window_is_never_exceeded(smsc):
    smsc.set(answer_delay_ms=20, answer_jitter_ms=20)
    with opened(smsc, window=7) as channel:
        receipts = channel.transmit(messages(70))
    assert outcomes(receipts) == [Outcome.ACCEPTED] * 70
    assert smsc.stats()["max_in_flight"] == 7


def test_answers_out_of_order_belong_to_their_messages(smsc):
    smsc.set(answer_delay_ms=1, answer_jitter_ms=60)
    with opened(smsc, window=50) as channel:
        receipts = channel.transmit(messages(50))
    by_number = {row["destination"]: str(row["id"]) for row in smsc.accepted()}
    assert [r.provider_id for r in receipts] == [by_number[f"62812{n:08d}"] for n in range(1, 51)]


def test_permanent_refusals_and_passing_ones(smsc):
    smsc.set(refuse={"6281200000001": 0x0B, "6281200000002": 0x08, "6281200000003": 0x45F})
    with opened(smsc) as channel:
        bad, busy, own, fine = channel.transmit(messages(4))
    assert bad.outcome is Outcome.REFUSED and "0x0B" in bad.detail
    assert (busy.outcome, busy.counts) == (Outcome.RETRY, True)
    assert (own.outcome, own.counts) == (Outcome.RETRY, True)
    assert fine.outcome is Outcome.ACCEPTED
    assert "8120" not in bad.detail + busy.detail + own.detail


@pytest.mark.parametrize("status", [0x58, 0x14], ids=["throttled", "queue-full"])
def test_throttling_slows_down_and_is_no_fault_of_the_message(smsc, status):
    smsc.set(rate=50, throttle_status=status)
    with opened(smsc, window=20, rate_per_s=400) as channel:
        receipts = channel.transmit(messages(100))
        slower = channel.state().rate_per_s
    assert smsc.stats()["throttled"] > 0
    retried = [r for r in receipts if r.outcome is Outcome.RETRY]
    assert len(retried) == smsc.stats()["throttled"]
    assert not any(r.counts for r in retried)
    assert outcomes(receipts).count(Outcome.ACCEPTED) == len(smsc.accepted())
    assert slower < 300


def test_a_sender_that_is_never_taken_stops_the_route(smsc):
    smsc.set(refuse_text={"AWAS": 0x0A})
    with opened(smsc, window=10) as channel:
        first = channel.transmit(messages(10))
        until(lambda: channel.fault)
        assert not channel.state().bound
        after = channel.transmit(messages(5, first=20))
    assert set(outcomes(first)) == {Outcome.REFUSED}
    assert {(r.outcome, r.counts) for r in after} == {(Outcome.RETRY, False)}
    assert "sender" in after[0].detail


def test_a_bad_row_is_refused_and_the_others_go(smsc):
    rows = [
        message(1, address="08123456789"), message(2, address="+62812x"),
        message(4, "\ud83d"), message(5),
    ]  # fmt: skip
    with opened(smsc) as channel:
        receipts = channel.transmit(rows)
    assert outcomes(receipts) == [Outcome.REFUSED] * 3 + [Outcome.ACCEPTED]


def test_rows_of_parts_go_part_by_part_and_one_row_goes_whole(smsc):
    text = "Naik ke tempat tinggi. " * 12
    rows = [message(1, text, part=n, parts=2, message_id="a") for n in range(2)]
    with opened(smsc) as channel:
        receipts = channel.transmit([*rows, message(2, text)])
    assert [r.provider_id for r in receipts] == ["1", "2", "4"]
    got = smsc.accepted()
    assert [row["concat"]["part"] for row in got] == [1, 2, 1, 2]
    assert got[0]["concat"]["ref"] == got[1]["concat"]["ref"]
    assert got[0]["esm_class"] == 0x40
    for one in (got[:2], got[2:]):
        assert "".join(row["text"] for row in one) == text


@pytest.mark.parametrize(("alphabet", "parts"), [("gsm7", 1), ("auto", 2)])
def test_a_text_counted_in_another_alphabet_still_arrives_whole(smsc, alphabet, parts):
    """A curly quote makes three parts of Unicode where a route may need one of the GSM alphabet."""
    text = "Jangan ke pantai \u2019malam ini\u2019. Naik ke tempat tinggi sekarang. " + "x" * 30
    rows = [message(1, text, part=n, parts=3, message_id="a") for n in range(3)]
    with opened(smsc, alphabet=alphabet) as channel:
        receipts = channel.transmit(rows)
    assert outcomes(receipts) == [Outcome.ACCEPTED] * 3
    got = smsc.accepted()
    assert len(got) == parts
    assert "".join(row["text"] for row in got).replace("'", "\u2019") == text


def test_message_payload_carries_a_long_text_whole(smsc):
    text = "Naik ke tempat tinggi. " * 12
    with opened(smsc, payload=True, reference=True) as channel:
        channel.transmit([message(70_000, text)])
    (got,) = smsc.accepted()
    assert (got["text"], got["concat"], got["reference"]) == (text, None, 70_000 & 0xFFFF)


ODD = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), min_size=1, max_size=400)
WIDE = st.text(
    st.sampled_from("aé–海😀🇮🇩\u0301\u200d👩") | st.characters(exclude_categories=["Cs", "Cc"]),
    min_size=1,
    max_size=200,
)


@settings(max_examples=12)
@given(texts=st.lists(st.one_of(ODD, WIDE), min_size=5, max_size=20))
def test_the_peer_reads_what_was_meant(texts, running):
    smsc, channel = running
    seen = len(smsc.accepted())
    receipts = channel.transmit([message(n, text) for n, text in enumerate(texts)])
    assert outcomes(receipts) == [Outcome.ACCEPTED] * len(texts)
    got: dict[str, list[dict]] = {}
    for row in smsc.accepted()[seen:]:
        got.setdefault(row["destination"], []).append(row)
    for number, text in enumerate(texts):
        rows = got[f"62812{number:08d}"]
        assert len(rows) == len(split(text).parts)
        assert "".join(_read(row) for row in rows) == text


def _read(row):
    """By smpplib's table, which is not ours; it lacks form feed and §."""
    from smpplib.gsm import GSM_CHARACTER_TABLE as table

    octets = bytes.fromhex(row["octets"])
    if row["concat"]:
        octets = octets[6:]
    if row["coding"] == 8:
        return octets.decode("utf-16-be")
    text, escaped = "", False
    for octet in octets:
        if octet == 0x1B:
            escaped = True
            continue
        code = octet + 0x80 if escaped else octet
        text += {0x8A: "\f", 0x5F: "§"}.get(code, table[code])
        escaped = False
    return text


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("smsc")
    with Smsc.start(folder, receipt_delay_ms=0) as smsc, opened(smsc, window=50) as channel:
        yield smsc, channel


@pytest.mark.parametrize(
    ("answers", "receipts", "setting"),
    [
        ("decimal", "decimal", "raw"),
        ("zeros", "decimal", "strip0"),
        ("decimal", "zeros", "strip0"),
        ("hex", "hexlow", "strip0"),
        ("hexzeros", "decimal", "hex2dec"),
        ("hexlow", "zeros", "hex2dec"),
        ("decimal", "hexzeros", "dec2hex"),
        ("zeros", "hexlow", "dec2hex"),
    ],
)
def test_ids_of_receipts_find_their_answers(smsc, answers, receipts, setting):
    smsc.set(submit_id=answers, receipt_id=receipts, receipt_delay_ms=1)
    store = Store()
    with opened(smsc, store, window=30, receipt_ids=setting) as channel:
        answered = {r.provider_id for r in channel.transmit(messages(30))}
        until(lambda: len(store.reports) == 30)
    assert {report.provider_id for report in store.reports} == answered


@pytest.mark.parametrize("form", ["tlv", "text", "both", "bare"])
def test_receipts_are_read_in_every_form(smsc, form):
    smsc.set(receipt_form=form, receipt_delay_ms=-1,
             receipt_states={"6281200000002": "UNDELIV", "6281200000003": "EXPIRED"})  # fmt: skip
    store = Store()
    with opened(smsc, store) as channel:
        channel.transmit(messages(3))
        until(lambda: len(store.reports) == 3)
    assert {r.provider_id: r.state for r in store.reports} == {
        "1": OutboxState.DELIVERED, "2": OutboxState.FAILED, "3": OutboxState.FAILED,
    }  # fmt: skip


def test_receipts_that_say_on_its_way_are_taken_and_forgotten(smsc):
    smsc.set(receipt_state="ENROUTE", receipt_delay_ms=0)
    store = Store()
    with opened(smsc, store) as channel:
        channel.transmit(messages(5))
        smsc.until(lambda seen: seen["delivers_acked"] == 5)
    assert store.reports == []


def test_receipts_are_stored_in_batches_and_double_ones_reach_the_store(smsc):
    smsc.set(double_receipts=True, drop_receipts=4, receipt_delay_ms=0)
    store = Store(slow_s=0.05)
    with opened(smsc, store, window=100) as channel:
        channel.transmit(messages(100))
        smsc.until(lambda seen: seen["delivers_acked"] == 150)
    assert len(store.reports) == 150
    assert len({r.provider_id for r in store.reports}) == 75
    assert len(store.batches) < 30


def test_receipts_are_acknowledged_after_the_commit_and_come_again_when_it_fails(smsc):
    smsc.set(receipt_delay_ms=0, resend_ms=50)
    store = Store(failing=1)
    with opened(smsc, store) as channel:
        channel.transmit(messages(10))
        seen = smsc.until(lambda seen: seen["delivers_acked"] == 10)
    assert seen["delivers_refused"] > 0
    assert len(store.reports) == 10


def test_a_receipt_that_stays_away_is_asked_for_once(smsc):
    smsc.set(drop_receipts=2, receipt_delay_ms=0, query_state="DELIVRD", submit_id="hexzeros")
    store = Store()
    with opened(smsc, store, query_after_s=0.2, receipt_ids="hex2dec") as channel:
        accepted = {r.provider_id for r in channel.transmit(messages(10))}
        until(lambda: len(store.reports) == 10)
        assert smsc.stats()["queries"] == 5
    assert {r.provider_id for r in store.reports} == accepted
    assert {r.state for r in store.reports} == {OutboxState.DELIVERED}
    assert sum(r.detail.endswith("when asked") for r in store.reports) == 5


def test_a_carrier_that_knows_no_query_is_left_in_peace(smsc):
    smsc.set(drop_receipts=1)
    with opened(smsc, query_after_s=0.05) as channel:
        channel.transmit(messages(10))
        smsc.until(lambda seen: seen["queries"] == 3)
        time.sleep(0.2)
        assert smsc.stats()["queries"] == 3
        assert outcomes(channel.transmit(messages(2))) == [Outcome.ACCEPTED] * 2


def test_tls_trusts_the_carrier_alone(tmp_path, certificate, monkeypatch):
    monkeypatch.setattr("notify.channels.smpp.line.BIND_WAIT_S", 0.5)
    key, cert = certificate
    with Smsc.start(tmp_path, key=str(key), cert=str(cert)) as smsc:
        with opened(smsc, tls=True, ca_file=cert, tls_name="smsc.example") as channel:
            assert outcomes(channel.transmit(messages(3))) == [Outcome.ACCEPTED] * 3
        with opened(smsc, tls=True, ca_file=cert, tls_name="other.example") as channel:
            (receipt,) = channel.transmit(messages(1))
            assert receipt.outcome is Outcome.RETRY and "certificate" in receipt.detail.lower()
        with opened(smsc, tls=True) as channel:
            assert outcomes(channel.transmit(messages(1))) == [Outcome.RETRY]
    assert len(smsc.accepted()) == 3


@pytest.fixture
def certificate(tmp_path):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smsc.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("smsc.example")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = tmp_path / "key.pem", tmp_path / "cert.pem"
    files[0].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ))  # fmt: skip
    files[1].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return files


def test_not_open_sends_nothing(tmp_path):
    with pytest.raises(DispatchError, match="not open"):
        SmppChannel(route(tmp_path, 1)).transmit(messages(1))


def test_a_closed_channel_opens_again(smsc):
    channel = SmppChannel(route(smsc.log.parent, smsc.port))
    for number in range(2):
        channel.open(Store())
        with pytest.raises(DispatchError, match="open already"):
            channel.open(Store())
        assert outcomes(channel.transmit(messages(3, first=10 * number))) == [Outcome.ACCEPTED] * 3
        channel.close()
        channel.close()
    assert smsc.stats()["unbinds"] == 2


@pytest.mark.parametrize(
    ("content", "match"), [("", "1 to 8"), ("123456789", "1 to 8"), (None, "password")]
)
def test_a_wrong_password_file_is_named(tmp_path, content, match):
    settings = route(tmp_path, 1)
    if content is None:
        settings.password_file.unlink()
    else:
        settings.password_file.write_text(content)
    with pytest.raises(SettingsError, match=match):
        SmppChannel(settings).open(Store())


def test_a_missing_certificate_is_named(tmp_path):
    settings = route(tmp_path, 1, tls=True, ca_file=tmp_path / "none.pem")
    with pytest.raises(SettingsError, match="ca_file"):
        SmppChannel(settings).open(Store())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("KEMENSOS", (5, 0, "KEMENSOS")),
        ("1708", (3, 0, "1708")),
        ("+628111234567", (1, 1, "628111234567")),
    ],
)
def test_the_sender_by_its_form(tmp_path, source, expected):
    assert route(tmp_path, 1, source=source).origin == expected
    assert route(tmp_path, 1, source=source, source_ton=0, source_npi=1).origin[:2] == (0, 1)


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(ValueError, match="11 characters"):
        route(tmp_path, 1, source="KEMENTERIAN SOSIAL")
