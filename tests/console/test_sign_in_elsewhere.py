"""Signing in by an OpenID provider: a real one, and tokens that a bad one would give."""

from __future__ import annotations

import asyncio
import base64
import hmac
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import select

from console.web import create_app
from console.web.access import provider
from console.web.access.provider import Begun, Client, NoSignIn, Provider, checked_code, claims_of
from kentongan.accounts import office
from kentongan.accounts.gate import Actor
from kentongan.accounts.identities import Kind, tie, untie
from kentongan.accounts.roles import Role
from kentongan.db import accounts, audit, identities, make_engine
from kentongan.errors import RuleViolation
from kentongan.migrate import migrate
from kentongan.sealing import secrets_key
from kentongan.settings import Settings
from tests.peers.oidc import OpenIdProvider, walk_through

BACK = "http://127.0.0.1/masuk/luar/kembali"
PEOPLE = {
    "u-ani": {"email": "Ani@bpbd.example", "email_verified": True},
    "u-palsu": {"email": "ani@bpbd.example", "email_verified": False},
    "u-asing": {"email": "asing@bpbd.example", "email_verified": True},
}
CLIENTS = [
    {"client_id": "rahasia", "client_secret": "a b+c/d:e%", "redirect_uris": [BACK]},
    {"client_id": "pos", "client_secret": "sandi", "redirect_uris": [BACK],
     "token_endpoint_auth_method": "client_secret_post"},
    {"client_id": "terbuka", "token_endpoint_auth_method": "none", "redirect_uris": [BACK]},
]  # fmt: skip


@pytest.fixture(scope="module")
def peer() -> Iterator[OpenIdProvider]:
    with OpenIdProvider(CLIENTS, PEOPLE) as found:
        yield found


class Visitor:
    """A browser before the application, with its cookies."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.cookies = httpx.Cookies()

    def get(self, url: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1", cookies=self.cookies
            ) as client:
                answer = await client.get(url, headers=headers)
                self.cookies = client.cookies
                return answer

        return asyncio.run(ask())

    def begins(self, to: str = "/tasks") -> str:
        answer = self.get(f"/masuk/luar?ke={to}")
        assert answer.status_code == 303
        return answer.headers["location"]


@dataclass
class Site:
    app: Any
    desk: office.Office
    issuer: str
    admin: pyotp.TOTP

    def by(self) -> Actor:
        return Actor("admin", self.admin.at(datetime.now(UTC)))

    def tie(self, kind: Kind, value: str) -> None:
        with self.desk.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM totp_used")
        tie(
            self.desk, "ani", issuer=self.issuer, kind=kind, value=value, by=self.by(),
            at=datetime.now(UTC),
        )  # fmt: skip

    def tied(self) -> list[tuple[str, str]]:
        with self.desk.engine.connect() as connection:
            rows = connection.execute(select(identities.c.kind, identities.c.value))
            return [(row[0], row[1]) for row in rows]

    def refusals(self) -> list[str]:
        with self.desk.engine.connect() as connection:
            query = select(audit.c.body).where(audit.c.action == "session.refused")
            return list(connection.execute(query).scalars())


@contextmanager
def site_of(folder: Path, issuer: str, client: str = "rahasia", **changes: Any) -> Iterator[Site]:
    told = next((c for c in CLIENTS if c["client_id"] == client), {})
    secret = folder / "secret"
    secret.write_text(str(told.get("client_secret", "")) + "\n")
    own = Settings(
        _env_file=None, home=folder, oidc_issuer=issuer, oidc_client_id=client,
        oidc_client_secret=secret if "client_secret" in told else None, **changes,
    )  # fmt: skip
    engine = make_engine(own.resolved_database_url)
    migrate(engine)
    desk = office.Office(engine, secrets_key(own))
    before = datetime.now(UTC) - timedelta(minutes=5)
    made = office.add(
        desk, "admin", name="A", role=Role.ADMIN, areas=(), by=None, host="test", at=before
    )
    admin = pyotp.parse_uri(made.uri)
    office.add(
        desk, "ani", name="Ani", role=Role.VIEWER, areas=(), host="test", at=before,
        by=Actor("admin", admin.at(before)),
    )  # fmt: skip
    yield Site(create_app(own, clock=lambda: datetime.now(UTC)), desk, issuer, admin)
    engine.dispose()


@pytest.fixture
def site(tmp_path: Path, peer: OpenIdProvider) -> Iterator[Site]:
    with site_of(tmp_path, peer.issuer) as found:
        yield found


# --- a real provider --------------------------------------------------------------------------


def test_a_tied_subject_signs_in_and_goes_where_it_wanted(site):
    site.tie(Kind.SUBJECT, "u-ani")
    visitor = Visitor(site.app)
    address = visitor.begins("/tasks")
    query = dict(httpx.URL(address).params)
    assert query["code_challenge_method"] == "S256" and len(query["code_challenge"]) == 43
    assert query["redirect_uri"] == BACK and len(query["nonce"]) >= 32 <= len(query["state"])
    answer = visitor.get(walk_through(address, "u-ani"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/tasks")
    assert "kentongan-oidc" not in visitor.cookies, "what was begun is over"
    page = visitor.get("/akun")
    assert page.status_code == 200 and "Ani" in page.text and "belum punya kata sandi" in page.text
    with site.desk.engine.connect() as connection:
        assert connection.execute(select(accounts.c.role).order_by("account_id")).all() == [
            ("admin",), ("viewer",)
        ]  # fmt: skip


@pytest.mark.parametrize("client", ["pos", "terbuka"])
def test_other_ways_for_a_client_to_say_who_it_is(tmp_path, peer, client):
    with site_of(tmp_path, peer.issuer, client) as site:
        site.tie(Kind.SUBJECT, "u-ani")
        visitor = Visitor(site.app)
        answer = visitor.get(walk_through(visitor.begins(), "u-ani"))
        assert answer.status_code == 303


def test_a_verified_address_serves_once_and_then_the_subject(site):
    site.tie(Kind.EMAIL, "ANI@bpbd.example")
    visitor = Visitor(site.app)
    unverified = visitor.get(walk_through(visitor.begins(), "u-palsu"))
    assert unverified.status_code == 403, "whoever has not proven the address"
    assert site.tied() == [("email", "ani@bpbd.example")]
    assert visitor.get(walk_through(visitor.begins(), "u-ani")).status_code == 303
    assert site.tied() == [("sub", "u-ani")]
    assert visitor.get(walk_through(visitor.begins(), "u-ani")).status_code == 303


def test_nobody_gets_an_account_or_a_role_by_the_provider(site):
    visitor = Visitor(site.app)
    answer = visitor.get(walk_through(visitor.begins(), "u-asing"))
    assert answer.status_code == 403 and "belum dihubungkan" in answer.text
    assert "kentongan" not in visitor.cookies
    with site.desk.engine.connect() as connection:
        assert len(connection.execute(select(accounts)).all()) == 2
    assert len(site.refusals()) == 1 and "asing" not in site.refusals()[0]


def test_a_disabled_account_is_not_opened(site):
    site.tie(Kind.SUBJECT, "u-ani")
    with site.desk.engine.begin() as connection:
        connection.execute(accounts.update().values(disabled_at="2026-11-22T00:00:00Z"))
    visitor = Visitor(site.app)
    assert visitor.get(walk_through(visitor.begins(), "u-ani")).status_code == 403


def test_an_answer_opens_only_the_browser_that_began_and_only_once(site):
    site.tie(Kind.SUBJECT, "u-ani")
    one, other = Visitor(site.app), Visitor(site.app)
    back = walk_through(one.begins(), "u-ani")
    assert other.get(back).status_code == 403, "a browser that began nothing"
    other.begins()
    assert other.get(back).status_code == 403, "one that began something else"
    changed = str(httpx.URL(back).copy_merge_params({"state": "x" * 32}))
    mixed = str(httpx.URL(back).copy_merge_params({"iss": "http://127.0.0.1:1"}))
    for hostile in (changed, mixed, f"{BACK}?error=access_denied", BACK, f"{BACK}?code=x&state=é"):
        fresh = Visitor(site.app)
        fresh.cookies = httpx.Cookies(one.cookies)
        assert fresh.get(hostile).status_code == 403, hostile
    assert one.get(back).status_code == 303
    assert one.get(back).status_code == 403, "the code was used"


def test_what_was_begun_by_another_site_or_forged_is_not_taken(site):
    visitor = Visitor(site.app)
    answer = visitor.get("/masuk/luar", **{"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"] == "/masuk"
    for cookie in ("x", "e30", "\u00e9" * 3, "a" * 5000, "djI6eDp5"):
        visitor.cookies = httpx.Cookies()
        answer = visitor.get(f"{BACK}?code=x&state=y", Cookie=f"kentongan-oidc={cookie}".encode())
        assert answer.status_code == 403


def test_the_way_stays_here_whatever_was_asked_for(site):
    site.tie(Kind.SUBJECT, "u-ani")
    visitor = Visitor(site.app)
    answer = visitor.get(walk_through(visitor.begins("https://evil.example"), "u-ani"))
    assert answer.headers["location"] == "/centre"


def test_a_provider_that_is_away_leaves_the_password(tmp_path):
    with site_of(tmp_path, "http://127.0.0.1:9") as site:
        answer = Visitor(site.app).get("/masuk/luar")
        assert answer.status_code == 503 and 'name="sandi"' in answer.text


def test_a_provider_that_hangs_does_not_hold_the_other_pages(tmp_path, monkeypatch):
    asked: list[float] = []

    def hang(issuer: str) -> Provider:
        asked.append(time.monotonic())
        time.sleep(0.5)
        raise NoSignIn("no answer")

    monkeypatch.setattr(provider, "discover", hang)
    with site_of(tmp_path, "http://127.0.0.1:9") as site:
        statuses: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: statuses.append(Visitor(site.app).get("/masuk/luar").status_code)
            )
            for _ in range(12)
        ]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [503] * 12 and len(asked) == 1
        assert time.monotonic() - began < 15


@given(st.dictionaries(st.sampled_from(["code", "state", "iss", "error"]), st.text(max_size=80)))
def test_whatever_comes_back_is_answered(unbegun, query):
    begun, app = unbegun
    visitor = Visitor(app)
    visitor.cookies = httpx.Cookies(begun)
    sent = {name: value.encode("utf-8", "replace") for name, value in query.items()}
    assert visitor.get(f"{BACK}?{httpx.QueryParams(sent)}").status_code == 403


@pytest.fixture(scope="module")
def unbegun(tmp_path_factory, peer):
    """A sign-in under way, whose answers are made up."""
    with site_of(tmp_path_factory.mktemp("unbegun"), peer.issuer) as site:
        visitor = Visitor(site.app)
        visitor.begins()
        yield visitor.cookies, site.app


def test_without_a_provider_the_pages_are_not_there(tmp_path):
    app = create_app(Settings(_env_file=None, home=tmp_path), clock=lambda: datetime.now(UTC))
    visitor = Visitor(app)
    assert visitor.get("/masuk/luar").status_code == 404
    assert visitor.get(BACK).status_code == 404
    assert "/masuk/luar" not in visitor.get("/masuk").text


def test_the_redirect_is_to_the_public_address(tmp_path, peer):
    with site_of(tmp_path, peer.issuer, public_url="https://pusat.example.org/") as site:
        answer = Visitor(site.app).get("/masuk/luar", Host="pusat.example.org")
        query = httpx.URL(answer.headers["location"]).params
        assert query["redirect_uri"] == "https://pusat.example.org/masuk/luar/kembali"
        assert answer.headers["set-cookie"].startswith("__Host-kentongan-oidc=")


def test_one_identity_opens_one_account(site):
    site.tie(Kind.SUBJECT, "u-ani")
    with site.desk.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM totp_used")
    with pytest.raises(RuleViolation, match="it opens ani already"):
        tie(
            site.desk, "admin", issuer=site.issuer, kind=Kind.SUBJECT, value="u-ani",
            by=site.by(), at=datetime.now(UTC),
        )  # fmt: skip
    with site.desk.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM totp_used")
    untie(site.desk, "ani", issuer=site.issuer, by=site.by(), at=datetime.now(UTC))
    assert site.tied() == []


# --- tokens of a bad provider -----------------------------------------------------------------

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
US = Client("https://login.example", "kentongan", "", BACK)


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "a", "use": "sig"})


@pytest.fixture(scope="module")
def keys(key: RSAKey) -> dict[str, Any]:
    found: dict[str, Any] = KeySet([key]).as_dict(private=False)
    return found


def token(key: Any, *, alg: str = "RS256", header: dict[str, Any] | None = None, **changes: Any):
    claims = {
        "iss": "https://login.example", "aud": "kentongan", "sub": "u-1", "nonce": "n",
        "iat": SECONDS, "exp": SECONDS + 300,
    }  # fmt: skip
    claims |= changes
    sent = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": alg, "kid": "a", **(header or {})}, sent, key, algorithms=[alg])


def test_a_sound_token_is_taken(key, keys):
    assert claims_of(token(key), keys, US, "n", NOW)["sub"] == "u-1"
    both = token(key, aud=["kentongan", "other"], azp="kentongan")
    assert claims_of(both, keys, US, "n", NOW)["aud"] == ["kentongan", "other"]


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"}, {"iss": None}, {"aud": "other"}, {"aud": None},
        {"aud": ["kentongan", "other"]}, {"azp": "other"}, {"nonce": "m"}, {"nonce": None},
        {"nonce": 1}, {"exp": SECONDS - 61}, {"exp": None}, {"exp": "tomorrow"}, {"iat": None},
        {"iat": SECONDS - 601}, {"iat": SECONDS + 61}, {"sub": None}, {"sub": ""}, {"sub": 7},
        {"sub": "a" * 256}, {"sub": "a\x00b"}, {"sub": ["u-1"]}, {"aud": {"kentongan": 1}},
    ],
)  # fmt: skip
def test_one_claim_that_does_not_hold_is_enough(key, keys, changes):
    with pytest.raises(NoSignIn):
        claims_of(token(key, **changes), keys, US, "n", NOW)


def by_hmac(body: str, secret: bytes) -> str:
    """Signed with the public key as if it were a shared secret."""
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"a"}').decode().rstrip("=")
    mac = hmac.digest(secret, f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_a_signature_of_another_key_or_of_another_kind_is_none(key, keys):
    other = RSAKey.generate_key(2048, {"kid": "a"})
    curve = ECKey.generate_key("P-256", {"kid": "a"})
    sound = token(key)
    head, body, signature = sound.split(".")
    none = "eyJhbGciOiJub25lIn0"
    bad = [
        token(other), token(curve, alg="ES256"), by_hmac(body, key.as_pem(private=False)),
        f"{none}.{body}.",
        f"{head}.{body}.", f"{head}.{body}.{signature[:-4]}AAAA", "x", "", "a.b.c", "." * 5,
        None, 7, {"id": 1}, "é.é.é", f"{head}.{'A' * 100_000}.{signature}",
        token(key, header={"kid": "unknown"}),
    ]  # fmt: skip
    for one in bad:
        with pytest.raises(NoSignIn):
            claims_of(one, keys, US, "n", NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)
NAMES = st.sampled_from(["alg", "kid", "typ", "crit", "jwk", "jku", "b64", "zip", "x5c", "enc"])


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@given(st.dictionaries(NAMES, JSON | st.sampled_from(["RS256", "none", "a", ["b64"]])), JSON)
def test_whatever_a_token_holds_it_is_refused(keys, head, claims):
    with pytest.raises(NoSignIn):
        claims_of(f"{_part(head)}.{_part(claims)}.{_part(1)}", keys, US, "n", NOW)


@given(JSON)
def test_whatever_the_keys_are(key, found):
    for bad in ({"keys": found}, {"keys": [found]}):
        with pytest.raises(NoSignIn):
            claims_of(token(key), bad, US, "n", NOW)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "azp", "exp", "iat", "nonce", "sub"]), JSON))
def test_whatever_claims_are_signed(key, keys, changes):
    """A sound signature over anything is refused, or is of a token for us."""
    try:
        found = claims_of(token(key, **changes), keys, US, "n", NOW)
    except NoSignIn:
        return
    assert found["iss"] == US.issuer and found["nonce"] == "n" and isinstance(found["sub"], str)


@pytest.mark.parametrize("bad", [{}, {"keys": []}, {"keys": "x"}, {"keys": [{"kty": "oct"}]}])
def test_keys_that_are_none_open_nothing(key, bad):
    with pytest.raises(NoSignIn):
        claims_of(token(key), bad, US, "n", NOW)


def test_the_issuer_of_an_answer_is_asked_for_where_it_is_promised():
    begun = Begun("s", "n", "v", BACK, "/", "2026")
    silent = Provider("https://login.example", "a", "t", "k", "", False, True)
    naming = Provider("https://login.example", "a", "t", "k", "", True, True)
    assert checked_code(silent, begun, {"state": "s", "code": "c"}) == "c"
    for where, query in (
        (naming, {"state": "s", "code": "c"}),
        (silent, {"state": "s", "code": "c", "iss": "https://evil.example"}),
        (silent, {"state": "", "code": "c"}),
        (silent, {"state": "s", "code": ""}),
        (silent, {"state": "s", "code": "c", "error": "server_error"}),
    ):
        with pytest.raises(NoSignIn):
            checked_code(where, begun, query)


# --- answers of a bad provider ----------------------------------------------------------------


@contextmanager
def answering(act: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            act(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def saying(body: bytes, status: int = 200, **headers: str):
    def act(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return act


@pytest.mark.parametrize(
    "act",
    [
        saying(b"<html>"), saying(b"[]"), saying(b"{}", 500), saying(b"[" * 100_000),
        saying(b"", 302, Location="http://127.0.0.1:9/"), saying(b"{" + b" " * 300_000 + b"}"),
        saying(b'{"issuer": "https://evil.example"}'), saying(b"\xff\xfe"),
    ],
)  # fmt: skip
def test_a_provider_that_answers_nonsense_is_no_provider(act):
    with answering(act) as url, pytest.raises(NoSignIn):
        provider.discover(url)


def test_a_provider_whose_addresses_are_not_safe_is_none():
    document: dict[str, str] = {}
    with answering(lambda h: saying(json.dumps(document).encode())(h)) as url:
        document |= {
            "issuer": url, "authorization_endpoint": f"{url}/a", "token_endpoint": f"{url}/t",
            "jwks_uri": f"{url}/k",
        }  # fmt: skip
        assert provider.discover(url).basic
        for bad in ("http://evil.example/t", "ftp://x/", "", "javascript:1", "https", None, 5):
            document["token_endpoint"] = bad  # type: ignore[assignment]
            with pytest.raises(NoSignIn, match="https address"):
                provider.discover(url)
    with pytest.raises(NoSignIn, match="https address"):
        provider.discover("http://login.example")


def test_a_slow_provider_is_given_up(monkeypatch):
    monkeypatch.setattr(provider, "TIMEOUT_S", 0.2)
    with answering(lambda handler: time.sleep(0.6)) as url, pytest.raises(NoSignIn):
        provider.discover(url)
