"""People by every way into the registry, a warning, its correction and a good-bye over every way
out, as the peers saw it; and nothing of anybody's number or of a secret in what we leave behind."""

from __future__ import annotations

import base64
import io
import json
import re
import time
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import cache

import httpx
import pandas as pd
import pyotp
import pytest
from sqlalchemy import select

from console.cli.app import app
from console.cli.common import log_to_stderr
from kentongan.db import inbound, outbox, recipients
from kentongan.keyfiles import key_file
from kentongan.settings import Settings
from kentongan.types import Mode
from notify.channels.mqtt import signing
from notify.channels.webpush import vapid
from notify.dispatcher.process import Dispatcher
from notify.firewall.gate import all_routes
from notify.inbox.answers import Ways
from notify.inbox.handling import work
from notify.inbox.registry import RegistryCommands
from notify.registry.places import Places
from notify.registry.policy import consent_texts
from notify.registry.push import checked, subscribe_push
from notify.sending import broadcast
from risk.layers.layerset import load_layers
from tests.console.test_signup_page import CLOCK, served
from tests.crash import homes
from tests.crash.homes import Home, now
from tests.peers.http_stub import Answer, HttpStub
from tests.peers.mosquitto import Broker, Siren
from tests.peers.smsc import Smsc
from tests.peers.webpush import PushService

VILLAGE = "32.04.12.2006"
DISTRICT = "id/32/04/12"
BY_SMS, BY_LIST, BY_WEB, BY_DUTY = (f"6281377700{n}{n}{n}" for n in range(1, 5))
NOBODY = "6281377700999"
TOKEN, PASSWORD = "S3ntinelTokenOfTheGateway", "s3ntPwd"
ROUTES = """
[[route]]
kind = "smpp"
route = "telco"
channel = "sms"
host = "127.0.0.1"
port = {smpp}
system_id = "kentongan"
password_file = "password"
source = "1708"
two_way = true
reconnect_first_s = 0.1
[[route]]
kind = "http"
route = "aggregator"
channel = "sms"
url = "{http}/v1/messages"
allow_http = true
auth = "bearer"
token_file = "token"
order = 2
prefixes = ["+{by_list}"]
json_body = {{ to = "{{to_no_plus}}", text = "{{text}}", ref = "{{id}}" }}
[[route]]
kind = "webpush"
route = "browsers"
key_file = "vapid.pem"
contact = "mailto:duty@example.org"
allow_local = true
[[route]]
kind = "mqtt"
route = "sirens"
host = "127.0.0.1"
port = {mqtt}
tls = false
sign_key_file = "sirens.pem"
"""


@cache
def places() -> Places:
    return Places.of(load_layers(Settings(_env_file=None).layers).villages)


def areas() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"adm4_code": VILLAGE, "name": "Citeureup", "kind": "Desa", "adm3_name": "Dayeuhkolot",
             "adm2_name": "Kabupaten Bandung", "adm1_name": "Jawa Barat", "utc_offset": 7,
             "longitude": 107.6, "latitude": -6.98, "people": 1000}
        ]
    )  # fmt: skip


def until(holds, within=20.0):
    limit = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < limit, f"not within {within} s"
        time.sleep(0.02)
    return found


class World:
    """A home with everything around it; what was printed is kept."""

    def __init__(self, folder, smsc, gateway, broker, service) -> None:
        self.home, self.smsc, self.gateway, self.service = Home(folder), smsc, gateway, service
        self.home.sending()
        key_file(folder / "password", make=PASSWORD.encode)
        key_file(folder / "token", make=TOKEN.encode)
        key_file(folder / "vapid.pem", make=vapid.make_key)
        key_file(folder / "sirens.pem", make=signing.make_key)
        self.routes = folder / "routes.toml"
        self.routes.write_text(
            ROUTES.format(smpp=smsc.port, http=gateway.url, mqtt=broker.port, by_list=BY_LIST)
        )
        self.settings = Settings(
            home=folder, mode="actual", database_url=self.home.url, routes=self.routes,
            dispatch_policy=folder / "dispatch.toml", sms_number="1708",
        )  # fmt: skip
        self.printed: list[str] = []
        self.secrets = [PASSWORD, TOKEN]

    def run(self, *words: str) -> str:
        """`kentongan …` as a person calls it."""
        out, errors, status = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(out), redirect_stderr(errors):
            try:
                app(list(words), prog_name="kentongan")
            except SystemExit as end:
                status = int(end.code or 0)
        self.printed += [out.getvalue(), errors.getvalue()]
        assert status == 0, out.getvalue() + errors.getvalue()
        return out.getvalue()

    def hear(self) -> None:
        """What a cycle does with the inbox."""
        ways = Ways(all_routes(Mode.ACTUAL, live=True), frozenset({"telco"}))
        handlers = [RegistryCommands(self.home.keys, places)]
        work(self.home.engine, self.home.keys, handlers, at=datetime.now(UTC), ways=ways)

    def say(self, number: str, text: str) -> str:
        """An SMS from a phone; the answer as it got it."""
        before, got = len(self.got(number)), self._came()
        self.smsc.do("mo", source=number, text=text)
        until(lambda: self._came() > got)
        self.hear()
        return until(lambda: self.got(number)[before:])[-1]

    def _came(self) -> int:
        with self.home.engine.connect() as connection:
            return len(connection.execute(select(inbound.c.id)).all())

    def got(self, number: str) -> list[str]:
        by_smpp = [r["text"] for r in self.smsc.accepted() if r["destination"] == number]
        posted = [json.loads(asked.body) for asked in self.gateway.asked]
        return by_smpp + [one["text"] for one in posted if one["to"] == number]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setattr(homes, "areas", areas)
    accept = HttpStub(lambda _: Answer(202, b"{}"))
    with (
        Smsc.start(tmp_path) as smsc, accept as gateway, Broker(tmp_path) as broker,
        PushService() as service,
    ):  # fmt: skip
        made = World(tmp_path / "home", smsc, gateway, broker, service)
        made.broker = broker
        for name, value in made.home.environment.items():
            monkeypatch.setenv(name, value)
        every = broadcast.broadcasts_of(made.routes)
        monkeypatch.setattr(broadcast, "broadcasts_of", lambda _: every)
        yield made
        made.home.close()


def register(world, folder) -> str:
    """The three who are asked, the one by duty, a browser; its subscription."""
    made = json.loads(world.run("accounts", "add", "ani", "--role", "admin", "--json"))
    totp = pyotp.parse_uri(made["otpauth"])
    world.printed.clear()  # shown once, to its owner
    world.secrets.append(totp.secret)
    book = folder / "book.csv"
    book.write_text(f"nomor,kode desa\n0{BY_LIST[2:]},{VILLAGE}\n08,{VILLAGE}\n")
    text = ("--consent-text", "warga-id-2026-11", "--as", "ani")
    world.run("recipients", "import", str(book), *text, "--code", totp.now(), "--json")
    world.run(
        "recipients", "add", f"+{BY_DUTY}", "--area", VILLAGE, "--role", "coordinator", "--id",
        "tagana-1", "--consent-text", "SK 1/2026", "--as", "ani", "--code",
        totp.at(datetime.now(UTC) + timedelta(seconds=30)),
    )  # fmt: skip
    answer = world.say(BY_SMS, "DAFTAR citeureup dayeuhkolot")
    assert answer.startswith("Terdaftar untuk peringatan bencana: Citeureup")
    CLOCK[0] = datetime.now(UTC)
    with served(world.settings) as url:
        page = httpx.post(
            f"{url}/daftar", timeout=60, headers={"origin": url},
            data={"kode": VILLAGE, "nomor": BY_WEB, "setuju": "ya", "situs": "",
                  "teks": "warga-id-2026-11", "bahasa": "id", "desa": "citeureup"},
        )  # fmt: skip
        code = re.search(r"DAFTAR (\d{3}) (\d{3})", page.text)
        for path in ("/", "/metrics", "/daftar", "/warnings", "/tasks"):
            world.printed.append(httpx.get(url + path, timeout=60).text)
    assert page.status_code == 200 and code, page.text
    world.printed.append(page.text)
    assert "Terdaftar" in world.say(BY_WEB, f"DAFTAR {code[1]}{code[2]}")
    key = vapid.Vapid(world.home.folder / "vapid.pem", "mailto:duty@example.org").public_key
    address = world.service.subscribe(key)
    given = checked(json.loads(address), [f"127.0.0.1:{world.service.port}"])
    version = next(one.version for one in consent_texts() if one.channel == "webpush")
    with world.home.engine.begin() as connection:
        subscribe_push(connection, world.home.keys, given, adm4_code=VILLAGE, language="id",
                       text_version=version, at=now())  # fmt: skip
    return address


RESIDENTS = (BY_SMS, BY_LIST, BY_WEB)


def test_everybody_is_told_and_told_again_and_left_alone(world, tmp_path, capfd, caplog):
    caplog.set_level("DEBUG")
    log_to_stderr("DEBUG")
    siren = Siren(
        world.broker, "siren-1", signing.load_key(world.home.folder / "sirens.pem").public_key(),
        DISTRICT,
    ).connect()  # fmt: skip
    with Dispatcher(world.settings, tell=world.printed.append):
        browser = register(world, tmp_path)
        answers = {number: len(world.got(number)) for number in RESIDENTS}
        ref = world.home.warn(codes=(VILLAGE,))
        until(lambda: all(len(world.got(n)) == answers[n] + 1 for n in RESIDENTS))
        until(lambda: siren.history and world.service.shown(browser))
        for number in RESIDENTS:
            assert "tsunami" in world.got(number)[-1].lower()
        assert [json.loads(asked.body)["to"] for asked in world.gateway.asked] == [BY_LIST]

        assert world.say(BY_SMS, "STOP").startswith("Anda berhenti")
        gone = world.got(BY_SMS)
        world.home.cancel(ref)
        until(lambda: all(len(world.got(n)) == answers[n] + 2 for n in (BY_LIST, BY_WEB)))
        until(lambda: siren.history[-1] == () and len(world.service.shown(browser)) == 2)
        world.home.warn("two", codes=(VILLAGE,))
        until(lambda: all(len(world.got(n)) == answers[n] + 3 for n in (BY_LIST, BY_WEB)))
        until(lambda: len(world.service.shown(browser)) == 3)
        assert world.got(BY_SMS) == gone, "not even the correction: they said stop"
    siren.disconnect()
    assert world.got(BY_DUTY) == [] and world.got(NOBODY) == []
    for words in (
        ("dispatch", "status"), ("dispatch", "plan", ref.warning_id), ("dispatch", "routes"),
        ("dispatch", "--once"), ("dispatch", "--once", "--json"), ("recipients", "list"),
        ("recipients", "list", "--json", "--stopped"), ("recipients", "show", f"+{BY_LIST}"),
        ("inbox", "list"), ("inbox", "list", "--json"), ("inbox", "show", "1"),
        ("warning", "show", ref.warning_id), ("warning", "reach", ref.warning_id, "--json"),
        ("audit", "verify"),
    ):  # fmt: skip
        world.run(*words)
    seen = capfd.readouterr()
    world.printed += [seen.out, seen.err, caplog.text]
    _nothing_leaks(world, browser)


def _nothing_leaks(world, browser) -> None:
    """Numbers in any spelling, our passwords and a subscription's keys: in no file but their own,
    in nothing printed."""
    numbers = [n[2:] for n in (*RESIDENTS, BY_DUTY)]
    given = json.loads(browser)
    endpoint = given["endpoint"].rsplit("/", 1)[-1]
    words = [
        *numbers, *world.secrets, endpoint, given["keys"]["auth"], given["keys"]["p256dh"],
        *(base64.b64encode(n.encode()).decode().rstrip("=") for n in numbers),
    ]  # fmt: skip
    own = {"password", "token", "routes.toml"}  # the prefix of the test stands in the last
    for path in world.home.folder.rglob("*"):
        if path.is_file() and path.name not in own:
            found = path.read_bytes()
            for word in words:
                assert word.encode() not in found, f"{word} in {path}"
    said = "\n".join(world.printed).replace(f"+{BY_LIST}", "")
    for word in words:
        assert word not in said, said[max(0, said.find(word) - 200) :][:400]
    with world.home.engine.connect() as connection:
        rows = connection.execute(select(outbox.c.last_error)).scalars().all()
        addresses = connection.execute(
            select(recipients.c.address).where(recipients.c.role != "topic")
        ).scalars()
        assert set(addresses) == {""}
    assert not [error for error in rows if error and re.search(r"\d{7}", error)]
