"""WhatsApp and Telegram against stubs of their published interfaces on 127.0.0.1; no real one."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import DataError, RuleViolation, SettingsError
from kentongan.types import Mode, OutboxState
from notify.channels.channel import Origin, Outcome
from notify.channels.chat import telegram, whatsapp
from notify.channels.chat.addresses import CHATS, chat_id_of, telegram_address
from notify.channels.chat.channel import ChatChannel
from notify.channels.chat.route import TelegramRoute, WhatsAppRoute
from notify.channels.chat.telegram import Telegram
from notify.channels.chat.whatsapp import WhatsApp
from notify.dispatcher.config import load_routes, open_channel
from notify.firewall.answers import ANSWERS
from notify.firewall.clearance import Cleared, public_clearance
from notify.inbox.store import sender_of
from tests.notify.http.gateway import gateway, plain
from tests.peers.outgoing import NOW, outgoing

NUMBER, CHAT = "+6281234567890", "telegram:123456789"
TOKEN, BOT = "EAAG-token-of-the-business", "123456:AAbot-token-of-the-tests"
TEXT = "TUGAS T482173: bantu evakuasi, Ds.Cijedil, 4.210 jiwa. Balas: YA T482173 / TIDAK T482173"
SENT = (
    '{"messaging_product":"whatsapp","messages":[{"id":"wamid.HBg=","message_status":"accepted"}]}'
)
TOLD = '{"ok":true,"result":{"message_id":77,"chat":{"id":123456789,"type":"private"}}}'


def secret(folder, name, text):
    path = folder / name
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


def whatsapp_route(folder, port=1, **changes):
    return WhatsAppRoute.model_validate({
        "kind": "whatsapp", "route": "wa", "channel": "whatsapp", "allow_http": True,
        "url": f"http://127.0.0.1:{port}", "phone_number_id": "100000000000001",
        "template": "tugas_tagana", "token_file": secret(folder, "wa", TOKEN),
        "app_secret_file": secret(folder, "app", "app-secret"),
        "verify_file": secret(folder, "verify", "verify-word"), "timeout_s": 2.0, **changes,
    })  # fmt: skip


def telegram_route(folder, port=1, **changes):
    return TelegramRoute.model_validate({
        "kind": "telegram", "route": "tg", "channel": "telegram", "allow_http": True,
        "url": f"http://127.0.0.1:{port}", "token_file": secret(folder, "tg", BOT),
        "hook_file": secret(folder, "hook", "h" * 40), "timeout_s": 2.0, **changes,
    })  # fmt: skip


def task(address, channel, **changes):
    values = {"text": TEXT, "channel": channel, "warning_id": "w-1", "payload": None}
    return outgoing(address, **{**values, **changes})


def by_whatsapp(folder, answer, **changes):
    """What was asked, and the receipt."""
    with gateway(lambda *_: answer) as peer:
        channel = WhatsApp(whatsapp_route(folder, peer.port))
        try:
            [receipt] = channel.transmit([task(NUMBER, "whatsapp", **changes)])
        finally:
            channel.close()
    return peer.asked, receipt


def by_telegram(folder, answer, address=CHAT, **changes):
    with gateway(lambda *_: answer) as peer:
        channel = Telegram(telegram_route(folder, peer.port))
        try:
            [receipt] = channel.transmit([task(address, "telegram", **changes)])
        finally:
            channel.close()
    return peer.asked, receipt


# --- out -------------------------------------------------------------------------------------


def test_a_task_goes_to_whatsapp_as_a_template(tmp_path):
    [asked], receipt = by_whatsapp(tmp_path, plain(200, SENT), text=f"{TEXT}\n\tlagi     lagi")
    assert (receipt.outcome, receipt.provider_id) == (Outcome.ACCEPTED, "wamid.HBg=")
    assert asked.target == "/v23.0/100000000000001/messages"
    assert asked.header("authorization") == f"Bearer {TOKEN}"
    document = json.loads(asked.body)
    assert document["to"] == NUMBER[1:] and document["type"] == "template"
    assert document["template"]["language"] == {"code": "id"}
    [body] = document["template"]["components"]
    assert body["parameters"] == [{"type": "text", "text": f"{TEXT} lagi lagi"}]


def test_an_answer_goes_to_whatsapp_as_plain_text(tmp_path):
    [asked], _ = by_whatsapp(tmp_path, plain(200, SENT), warning_id=ANSWERS)
    document = json.loads(asked.body)
    assert document["text"] == {"preview_url": False, "body": TEXT}


def test_a_task_goes_to_telegram_as_plain_text(tmp_path):
    [asked], receipt = by_telegram(tmp_path, plain(200, TOLD), text="<b>*x*</b>")
    assert (receipt.outcome, receipt.provider_id) == (Outcome.ACCEPTED, "123456789/77")
    assert asked.target == f"/bot{BOT}/sendMessage"
    document = json.loads(asked.body)
    assert (document["chat_id"], document["text"]) == (123456789, "<b>*x*</b>")
    assert "parse_mode" not in document


def fault(code):
    return json.dumps({"error": {"code": code, "message": f"to {NUMBER} failed"}})


@pytest.mark.parametrize(
    ("answer", "outcome", "counts"),
    [
        (plain(400, fault(131026)), Outcome.REFUSED, True),  # undeliverable
        (plain(400, fault(131047)), Outcome.REFUSED, True),  # more than 24 hours
        (plain(400, fault(132001)), Outcome.REFUSED, True),  # no such template
        (plain(400, fault(130429)), Outcome.RETRY, False),  # too fast
        (plain(429, fault(80007), Retry_After="7"), Outcome.RETRY, False),
        (plain(401, fault(190)), Outcome.RETRY, False),  # token ended: another route may do it
        (plain(403, fault(200)), Outcome.RETRY, False),
        (plain(500, fault(131000)), Outcome.UNKNOWN, True),
        (plain(503, "<html>"), Outcome.RETRY, False),
        (plain(500, ""), Outcome.UNKNOWN, True),
        (plain(200, "{}"), Outcome.UNKNOWN, True),
        (plain(200, "[[[["), Outcome.UNKNOWN, True),
        (plain(200, '{"messages":"x"}'), Outcome.UNKNOWN, True),
        (plain(302, "", Location="http://127.0.0.1:1/"), Outcome.RETRY, False),
        (None, Outcome.UNKNOWN, True),  # closed after the request was written
    ],
)
def test_what_whatsapp_says(tmp_path, answer, outcome, counts):
    asked, receipt = by_whatsapp(tmp_path, answer)
    assert (receipt.outcome, receipt.counts) == (outcome, counts) and len(asked) == 1
    assert NUMBER not in receipt.detail and NUMBER[1:] not in receipt.detail


@pytest.mark.parametrize(
    ("answer", "outcome", "pause"),
    [
        (
            plain(403, '{"ok":false,"description":"blocked"}'),
            Outcome.REFUSED,
            None,
        ),
        (plain(400, '{"ok":false,"error_code":400}'), Outcome.REFUSED, None),
        (plain(429, '{"ok":false,"parameters":{"retry_after":31}}'), Outcome.RETRY, 31.0),
        (plain(429, '{"ok":false,"parameters":{"retry_after":"x"}}'), Outcome.RETRY, None),
        (plain(429, '{"ok":false,"parameters":{"retry_after":99999999}}'), Outcome.RETRY, 3600.0),
        (plain(401, '{"ok":false}'), Outcome.RETRY, None),
        (plain(404, '{"ok":false}'), Outcome.RETRY, None),
        (plain(502, "<html>"), Outcome.UNKNOWN, None),
        (plain(200, '{"ok":false}'), Outcome.UNKNOWN, None),
        (plain(200, '{"ok":true,"result":[]}'), Outcome.UNKNOWN, None),
        (None, Outcome.UNKNOWN, None),
    ],
)
def test_what_telegram_says(tmp_path, answer, outcome, pause):
    _, receipt = by_telegram(tmp_path, answer)
    assert (receipt.outcome, receipt.retry_after_s) == (outcome, pause)


def test_nobody_there_is_a_try_again_and_no_secret_is_told(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    for made, one in (
        (Telegram(telegram_route(tmp_path)), task(CHAT, "telegram")),
        (WhatsApp(whatsapp_route(tmp_path)), task(NUMBER, "whatsapp")),
    ):
        [receipt] = made.transmit([one])
        made.close()
        assert (receipt.outcome, receipt.counts) == (Outcome.RETRY, False)
        assert BOT not in receipt.detail
    by_telegram(tmp_path, plain(200, TOLD))
    by_whatsapp(tmp_path, plain(200, SENT))
    said = caplog.text + repr(telegram_route(tmp_path)) + repr(whatsapp_route(tmp_path))
    assert BOT not in said and TOKEN not in said and NUMBER not in said and CHAT not in said


def test_what_is_past_or_has_another_address_is_refused_without_asking(tmp_path):
    past = {"not_after": NOW - timedelta(minutes=1)}
    assert by_telegram(tmp_path, plain(200, TOLD), **past)[0] == []
    for address in (NUMBER, "telegram:-100200", "telegram:x", "telegram:1/../x", ""):
        asked, receipt = by_telegram(tmp_path, plain(200, TOLD), address)
        assert asked == [] and receipt.outcome is Outcome.REFUSED


# --- the firewall ----------------------------------------------------------------------------


def test_only_cleared_messages_reach_a_chat(tmp_path):
    channel = Telegram(telegram_route(tmp_path))
    assert isinstance(channel, ChatChannel)
    with pytest.raises(RuleViolation, match="expected a cleared message"):
        channel.send([task(CHAT, "telegram")])
    channel.close()


def test_the_clearance_looks_at_addresses_of_chats():
    leave = public_clearance(Mode.ACTUAL, live=True, bound_to="actual", at=NOW, clock=lambda: NOW)
    assert leave is not None
    for address, channel in ((NUMBER, "whatsapp"), (CHAT, "telegram")):
        one = task(address, channel, origin=Origin("Actual"))
        assert isinstance(leave.clear(one), Cleared)
    for address, channel in (
        (CHAT, "whatsapp"), (NUMBER, "telegram"), (CHAT, "sms"), ("+9991234567890", "whatsapp"),
    ):  # fmt: skip
        with pytest.raises(RuleViolation):
            leave.clear(task(address, channel, origin=Origin("Actual")))
    drill = task(CHAT, "telegram", text=f"LATIHAN. {TEXT}", cap_status="Exercise")
    with pytest.raises(RuleViolation):
        leave.clear(drill)


# --- the routes file -------------------------------------------------------------------------


def test_both_stand_in_the_routes_file(tmp_path):
    whatsapp_route(tmp_path)
    telegram_route(tmp_path)
    path = tmp_path / "routes.toml"
    path.write_text(
        '[[route]]\nkind = "whatsapp"\nroute = "wa"\nchannel = "whatsapp"\n'
        'phone_number_id = "100000000000001"\ntemplate = "tugas_tagana"\ntoken_file = "wa"\n'
        'app_secret_file = "app"\nverify_file = "verify"\n'
        '[[route]]\nkind = "telegram"\nroute = "tg"\nchannel = "telegram"\ntoken_file = "tg"\n'
        'hook_file = "hook"\n'
    )
    routes = load_routes(path)
    assert routes.channels == ("telegram", "whatsapp") and all(r.two_way for r in routes.all)
    for route in routes.all:
        open_channel(route).close()
    (tmp_path / "tg").write_text("not a token / ../x\n")
    with pytest.raises(SettingsError, match="expected a token like"):
        open_channel(routes.of("telegram")[0])
    (tmp_path / "wa").chmod(0o644)
    with pytest.raises(SettingsError, match="others may read it"):
        load_routes(path)
    path.write_text(path.read_text().replace('template = "tugas_tagana"', 'template = "A b"'))
    with pytest.raises(SettingsError, match="template"):
        load_routes(path)


@pytest.mark.parametrize("url", ["http://graph.example", "ftp://x", "https://u:p@x", "https://x?a"])
def test_an_address_is_https_and_nothing_more(tmp_path, url):
    with pytest.raises(ValueError, match="expected https"):
        telegram_route(tmp_path, url=url, allow_http=False)


# --- in --------------------------------------------------------------------------------------


def notification(number="100000000000001", **value):
    metadata = {"phone_number_id": number}
    change = {"field": "messages", "value": {"metadata": metadata, **value}}
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}


def test_what_people_write_by_whatsapp(tmp_path):
    route = whatsapp_route(tmp_path)
    came = notification(messages=[
        {"from": "6281234567890", "id": "wamid.1", "type": "text", "text": {"body": "YA T482173"}},
        {"from": "6281234567890", "id": "wamid.2", "type": "button", "button": {"text": "TIDAK"}},
        {"from": "6281234567890", "id": "wamid.3", "type": "image", "image": {"id": "1"}},
        {"from": "TELKOMSEL", "id": "wamid.4", "type": "text", "text": {"body": "x"}},
    ])  # fmt: skip
    reports, messages = whatsapp.told(route, came, NOW)
    assert [m.text for m in messages] == ["YA T482173", "TIDAK", "(bukan teks)"]
    assert {m.sender for m in messages} == {NUMBER} and reports == []
    other = notification("999999999", messages=came["entry"][0]["changes"][0]["value"]["messages"])
    assert whatsapp.told(route, other, NOW) == ([], [])


def test_what_became_of_a_whatsapp_message(tmp_path):
    states = [
        {"id": f"wamid.{word}", "status": word, "errors": [{"code": 131026, "title": NUMBER}]}
        for word in ("sent", "delivered", "read", "failed", "strange")
    ]
    reports, _ = whatsapp.told(whatsapp_route(tmp_path), notification(statuses=states), NOW)
    found = [(r.provider_id, r.state) for r in reports]
    assert found == [("wamid.delivered", OutboxState.DELIVERED), ("wamid.read",
                     OutboxState.DELIVERED), ("wamid.failed", OutboxState.FAILED)]  # fmt: skip
    assert not [r for r in reports if NUMBER in r.detail]


def update(**message):
    person = {"id": 123456789, "is_bot": False}
    base = {"message_id": 1, "from": person, "chat": {"id": 123456789, "type": "private"}}
    return {"update_id": 900, "message": {**base, "text": "YA", **message}}


def test_what_people_write_by_telegram(tmp_path):
    route = telegram_route(tmp_path)
    [one] = telegram.told(route, update(), NOW)
    assert (one.sender, one.text, one.provider_key, one.medium) == (
        CHAT, "YA", "update-900", "telegram",
    )  # fmt: skip
    assert telegram.told(route, update(text=None, voice={}), NOW)[0].text == "(bukan teks)"
    for message in (
        {"chat": {"id": -100200, "type": "group"}},
        {"chat": {"id": 5, "type": "private"}},
        {"from": {"id": 123456789, "is_bot": True}},
        {"from": None},
    ):
        assert telegram.told(route, update(**message), NOW) == []
    assert telegram.told(route, {"update_id": 1, "edited_message": {}}, NOW) == []


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["object", "entry", "changes", "value", "messages", "statuses", "from",
                         "id", "text", "body", "metadata", "phone_number_id", "update_id",
                         "message", "chat", "type", "errors", "code", "status"]), inner,
        max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(json_like)
def test_no_document_breaks_the_readers(tmp_path_factory, document):
    folder = tmp_path_factory.mktemp("x")
    for read in (
        lambda: whatsapp.told(whatsapp_route(folder), document, NOW),
        lambda: telegram.told(telegram_route(folder), document, NOW),
        lambda: whatsapp.told(
            whatsapp_route(folder), {"object": "whatsapp_business_account", "entry": document}, NOW
        ),
    ):
        try:
            read()
        except DataError:
            continue


def test_a_signature_is_of_the_raw_body():
    body = b'{"a": 1}'
    good = "sha256=" + hmac.new(b"key", body, hashlib.sha256).hexdigest()
    assert whatsapp.is_signed("key", {"x-hub-signature-256": good}, body)
    for bad in ("", "sha256=", good[:-1], good.replace("sha256=", "sha1="), "\u20ac" * 64):
        assert not whatsapp.is_signed("key", {"x-hub-signature-256": bad}, body)
    assert not whatsapp.is_signed("key", {"x-hub-signature-256": good}, b'{"a":1}')


@given(st.text(max_size=30))
def test_no_sender_of_an_sms_is_the_address_of_a_chat(text):
    """Anybody may choose a name as sender."""
    for said in (text, CHAT, f"\u200b{CHAT}", f" {CHAT} ", CHAT.upper()):
        assert chat_id_of(sender_of(said)) is None
    assert sender_of(CHAT, medium="telegram") == CHAT


def test_addresses_of_chats():
    assert telegram_address(5) == "telegram:5" and chat_id_of("telegram:5") == 5
    for wrong in ("-100", "0", "x", "", "1" * 17, "１２"):
        with pytest.raises(RuleViolation):
            telegram_address(wrong)
    assert CHATS == ("whatsapp", "telegram")
