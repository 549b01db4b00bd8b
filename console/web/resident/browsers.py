"""Browsers that want to be woken: the installation's key, and what a page posts."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from console.web.reading import Reading
from console.web.resident.answers import text_of
from kentongan.errors import KentonganError, RuleViolation, SettingsError
from kentongan.sealing import Keys, blind, secrets_key
from kentongan.transactions import writing
from notify.channels.webpush import WebPushRoute
from notify.registry.addresses import WEBPUSH
from notify.registry.limits import Per, counted
from notify.registry.policy import ConsentText, default_text, registry_policy
from notify.registry.push import MAX_ENDPOINT, checked, drop_endpoint, subscribe_push
from notify.wording.language import CODES, FALLBACK

log = logging.getLogger(__name__)


class Refused(Exception):
    """What was posted is not taken; its text is a word that the app has a sentence for."""

    def __init__(self, word: str, status: int) -> None:
        super().__init__(word)
        self.word, self.status = word, status


class Browsers:
    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self._lock = threading.Lock()
        self._known: tuple[object, WebPushRoute | None, str] | None = None

    def key(self) -> str:
        """`applicationServerKey` of this installation; empty: no route to browsers is set up."""
        return self._route()[1]

    def consent(self) -> dict[str, ConsentText]:
        return {code: default_text(code, WEBPUSH) for code in ("id", "en")}

    def begin(self, posted: Mapping[str, Any], *, network: str) -> str:
        """Register a browser for a village, or change its village; the village's code.

        Raises:
            Refused: what was posted is not taken.
        """
        reading, at = self.reading, self.reading.clock()
        area = text_of(posted, "area", 13)
        language = text_of(posted, "language", 5)
        if reading.places.place(area) is None:
            raise Refused("place", 422)
        if posted.get("agreed") is not True:
            raise Refused("consent", 422)
        subscription = self._subscription(posted)
        keys = secrets_key(reading.settings)
        old = text_of(posted, "old", MAX_ENDPOINT)
        try:
            with writing(reading.engine) as connection:
                self._count(connection, keys, network)
                subscribe_push(
                    connection, keys, subscription, adm4_code=area,
                    language=language if language in CODES else FALLBACK,
                    text_version=text_of(posted, "text_version", 40), at=at,
                )  # fmt: skip
                if old and old != subscription["endpoint"]:
                    drop_endpoint(connection, keys, old, at=at)
        except SettingsError:
            raise
        except RuleViolation as error:
            log.info("a browser is not registered: %s", error)
            raise Refused("consent", 422) from error
        return area

    def end(self, posted: Mapping[str, Any]) -> None:
        """Forget a browser; whether it was known is told to nobody."""
        endpoint = text_of(posted, "endpoint", MAX_ENDPOINT)
        if not endpoint:
            raise Refused("subscription", 422)
        reading = self.reading
        with writing(reading.engine) as connection:
            drop_endpoint(connection, secrets_key(reading.settings), endpoint, at=reading.clock())

    def _subscription(self, posted: Mapping[str, Any]) -> dict[str, Any]:
        if not self.key():
            raise Refused("no-push", 409)
        given = posted.get("subscription")
        if not isinstance(given, dict):
            raise Refused("subscription", 422)
        try:
            return checked(given, self._hosts(given))
        except RuleViolation as error:
            raise Refused("subscription", 422) from error

    def _hosts(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        """Push services of the policy; where the route may reach this machine (a test), it too."""
        hosts = registry_policy().push.hosts
        route, endpoint = self._route()[0], given.get("endpoint")
        if route is None or not route.allow_local or not isinstance(endpoint, str):
            return hosts
        try:
            parts = urlsplit(endpoint[:MAX_ENDPOINT])
            local = parts.hostname == "127.0.0.1" and bool(parts.port)
        except ValueError:
            return hosts
        return (*hosts, parts.netloc) if local else hosts

    def _count(self, connection: Any, keys: Keys, network: str) -> None:
        rules, at = registry_policy().push, self.reading.clock()
        own = counted(
            connection, "push-address", blind(keys, network, purpose="address"), Per.HOUR, at
        )
        every = counted(connection, "push-all", "all", Per.HOUR, at)
        if own > rules.per_address_per_hour or every > rules.all_per_hour:
            raise Refused("too-often", 429)

    def _route(self) -> tuple[WebPushRoute | None, str]:
        """The first route to browsers and its key, read again when the file changes."""
        path = self.reading.settings.routes
        try:
            stamp = (str(path), path.stat().st_mtime_ns) if path else None
        except OSError:
            stamp = (str(path), 0)
        with self._lock:
            if self._known is None or self._known[0] != stamp:
                self._known = (stamp, *self._read())
            return self._known[1], self._known[2]

    def _read(self) -> tuple[WebPushRoute | None, str]:
        from notify.channels.webpush.vapid import Vapid
        from notify.dispatcher.config import load_routes

        try:
            routes = load_routes(self.reading.settings.routes).all
            found = next((one for one in routes if isinstance(one, WebPushRoute)), None)
            if found is None:
                return None, ""
            return found, Vapid(found.key_file, found.contact).public_key
        except KentonganError as error:
            log.error("no key for browsers: %s", error)  # noqa: TRY400 its trace tells nothing
            return None, ""
