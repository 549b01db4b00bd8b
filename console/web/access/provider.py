"""Talk with an OpenID provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636,
RFC 9207). Only asymmetric signatures are taken; everything that comes back is hostile until its
signature, issuer, audience, time and nonce hold.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from console.web.access.local import host_of, is_loopback

TIMEOUT_S = 10.0
MOST_BYTES = 200_000
"""Of one answer; a set of a dozen keys has 10 kB."""
LEEWAY_S = 60
"""Clocks of two machines."""
OLDEST_S = 600
"""An ID token is used at once; one made longer ago is not taken."""
ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
SCOPES = "openid email"


class NoSignIn(Exception):
    """The provider did not vouch for anybody; the text says why, for the log."""


@dataclass(frozen=True)
class Client:
    """What the provider knows us as."""

    issuer: str
    client_id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True)
class Provider:
    """What its discovery document says (OpenID Connect Discovery 1.0)."""

    issuer: str
    authorize: str
    token: str
    keys: str
    userinfo: str
    names_issuer: bool
    basic: bool


@dataclass(frozen=True)
class Begun:
    """A sign-in under way; it lies sealed in the browser's cookie."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    to: str
    until: str


@dataclass(frozen=True)
class Vouched:
    subject: str
    email: str
    """Verified by the provider; else empty."""


def begin(redirect_uri: str, to: str, until: str) -> Begun:
    one = secrets.token_urlsafe
    return Begun(one(24), one(24), one(48), redirect_uri, to, until)


def authorize_url(provider: Provider, client: Client, begun: Begun) -> str:
    """Where the browser goes to sign in."""
    digest = hashlib.sha256(begun.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": begun.redirect_uri,
        "scope": SCOPES,
        "state": begun.state,
        "nonce": begun.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    joined = "&" if urlsplit(provider.authorize).query else "?"
    return f"{provider.authorize}{joined}{urlencode(query)}"


def discover(issuer: str) -> Provider:
    """
    Raises:
        NoSignIn: no answer, another issuer, or an address without TLS.
    """
    document = fetch("GET", _safe(issuer).rstrip("/") + "/.well-known/openid-configuration")
    if document.get("issuer") != issuer:
        raise NoSignIn(f"discovery: expected issuer {issuer!r}, found {document.get('issuer')!r}")
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Provider(
        issuer=issuer,
        authorize=_safe(document.get("authorization_endpoint")),
        token=_safe(document.get("token_endpoint")),
        keys=_safe(document.get("jwks_uri")),
        userinfo=_safe(document["userinfo_endpoint"]) if document.get("userinfo_endpoint") else "",
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        basic="client_secret_basic" in methods,
    )


def checked_code(provider: Provider, begun: Begun, query: dict[str, str]) -> str:
    """The code of an answer that belongs to what we began.

    Raises:
        NoSignIn: another state or issuer, or the provider refused.
    """
    if not hmac.compare_digest(query.get("state", "").encode(), begun.state.encode()):
        raise NoSignIn("another state than the one that was begun")
    told = query.get("iss", "")
    if told != provider.issuer and (told or provider.names_issuer):
        raise NoSignIn("the answer is another issuer's")
    if "error" in query or not query.get("code"):
        raise NoSignIn(f"the provider refused: {query.get('error', 'no code')[:60]!r}")
    return query["code"]


def vouched(
    provider: Provider, client: Client, begun: Begun, code: str, keys: dict[str, Any], at: datetime
) -> Vouched:
    """Who it is: the code for tokens, the ID token checked, the address asked for if it is missing.

    Raises:
        NoSignIn: anything else than a sound token for us.
    """
    tokens = fetch("POST", provider.token, **_token_request(provider, client, begun, code))
    claims = claims_of(tokens.get("id_token"), keys, client, begun.nonce, at)
    if "email" not in claims and provider.userinfo and isinstance(tokens.get("access_token"), str):
        more = fetch("GET", provider.userinfo, bearer=tokens["access_token"])
        if more.get("sub") != claims["sub"]:
            raise NoSignIn("userinfo speaks of another subject")
        claims = {**more, **claims}
    return Vouched(claims["sub"], _email(claims))


def _email(claims: dict[str, Any]) -> str:
    found = claims.get("email")
    sound = isinstance(found, str) and found.isprintable() and 3 <= len(found) <= 255
    return str(found) if sound and claims.get("email_verified") is True else ""


def claims_of(
    token: object, keys: dict[str, Any], client: Client, nonce: str, at: datetime
) -> dict[str, Any]:
    """The claims of an ID token, all checked (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        NoSignIn: no token, a wrong signature, or one claim that does not hold.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    if not isinstance(token, str):
        raise NoSignIn("no ID token")
    try:
        key_set = KeySet.import_key_set({"keys": keys.get("keys", [])})
        claims = jwt.decode(token, key_set, algorithms=ALGORITHMS).claims
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NoSignIn(f"ID token: {type(error).__name__}") from error
    trouble = _trouble(claims, client, nonce, int(at.timestamp()))
    if trouble:
        raise NoSignIn(f"ID token: {trouble}")
    return claims


def _trouble(claims: dict[str, Any], client: Client, nonce: str, now: int) -> str:
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    made, ends, subject = claims.get("iat"), claims.get("exp"), claims.get("sub")
    if claims.get("iss") != client.issuer:
        return "another issuer"
    if client.client_id not in several:
        return "for somebody else"
    if (len(several) > 1 or "azp" in claims) and claims.get("azp") != client.client_id:
        return "asked for by somebody else"
    if not isinstance(ends, (int, float)) or not isinstance(made, (int, float)):
        return "no times"
    if now > ends + LEEWAY_S or not -OLDEST_S <= made - now <= LEEWAY_S:
        return "too old, or ahead of our clock"
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(
        claims["nonce"].encode(), nonce.encode()
    ):
        return "another nonce"
    sound = isinstance(subject, str) and 0 < len(subject) <= 255 and subject.isprintable()
    return "" if sound else "no subject"


def _token_request(
    provider: Provider, client: Client, begun: Begun, code: str
) -> dict[str, Any]:  # fmt: skip
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": begun.redirect_uri,
        "code_verifier": begun.verifier,
    }
    if client.secret and provider.basic:
        pair = f"{quote(client.client_id, safe='')}:{quote(client.secret, safe='')}"
        return {"form": form, "basic": base64.b64encode(pair.encode()).decode()}
    secret = {"client_secret": client.secret} if client.secret else {}
    return {"form": {**form, "client_id": client.client_id, **secret}}


def fetch(
    method: str, url: str, *, form: dict[str, str] | None = None, basic: str = "", bearer: str = ""
) -> dict[str, Any]:
    """A JSON object; no redirect is followed, no proxy of the environment used.

    Raises:
        NoSignIn: no answer in time, an error, too long, or no JSON object.
    """
    import httpx

    headers = {"Accept": "application/json"}
    if basic or bearer:
        headers["Authorization"] = f"Basic {basic}" if basic else f"Bearer {bearer}"
    body = bytearray()
    try:
        with (
            httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client,
            client.stream(method, url, data=form, headers=headers) as answer,
        ):
            for part in answer.iter_bytes():
                body += part
                if len(body) > MOST_BYTES:
                    raise NoSignIn(f"{url}: more than {MOST_BYTES} bytes")
            status = answer.status_code
    except httpx.HTTPError as error:
        raise NoSignIn(f"{url}: {type(error).__name__}") from error
    if status != 200:
        raise NoSignIn(f"{url}: status {status}")
    return _object(url, bytes(body))


def _object(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NoSignIn(f"{url}: no JSON") from error
    if not isinstance(found, dict):
        raise NoSignIn(f"{url}: expected a JSON object")
    return found


def _safe(url: object) -> str:
    """An address with TLS, or on this machine.

    Raises:
        NoSignIn: another.
    """
    text = url if isinstance(url, str) else ""
    scheme = urlsplit(text).scheme if text.isprintable() else ""
    if scheme == "https" or (scheme == "http" and is_loopback(host_of(text))):
        return text
    raise NoSignIn(f"expected an https address of the provider, found {text[:80]!r}")
