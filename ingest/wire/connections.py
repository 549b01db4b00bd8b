"""HTTP connections that stay open from poll to poll, in one client for each origin.

A feed that is looked at every 3 s must not shake hands with TLS every 3 s. No cookie is kept, no
redirect followed, and TLS is always verified.
"""

from __future__ import annotations

import itertools
import os
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from ingest.wire.links import origin_of

MAX_ORIGINS = 16
"""BMKG's feeds live on seven hosts; the least recently used goes first."""
IDLE_S = 75.0
"""How long an unused connection is kept: above the longest interval of a warning feed (25 s) and
of a picture (60 s); nginx keeps its side as long."""
CONNECT_S = 4.0
"""For TCP and TLS: the third try of a lost SYN goes out after 3 s (RFC 6298)."""


@cache
def _trust() -> ssl.SSLContext:
    """The system's certificates, loaded once: it takes longer than a request."""
    return httpx.create_ssl_context()


@dataclass
class _Lane:
    """The client of one origin and who uses it now."""

    origin: str
    http: httpx.Client
    users: set[int] = field(default_factory=set)
    hanging: set[int] = field(default_factory=set)
    """Users for whom nobody waits any more."""
    retired: bool = False

    def close_if_done(self) -> None:
        if self.retired and self.users <= self.hanging:
            self.http.close()


@dataclass(frozen=True)
class Use:
    """A client on loan for one request."""

    lane: _Lane
    number: int

    @property
    def http(self) -> httpx.Client:
        return self.lane.http


@dataclass
class Connections:
    """All clients of a process."""

    trust: ssl.SSLContext | None = None
    """Other certificates than the system's: for tests."""
    _lanes: dict[str, _Lane] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, url: str) -> Use:
        """The open client of an address's origin, for one request; give it back."""
        origin = origin_of(url)
        with self._lock:
            lane = self._lanes.pop(origin, None) or _Lane(origin, _client(self.trust or _trust()))
            self._lanes[origin] = lane
            use = Use(lane, next(self._numbers))
            lane.users.add(use.number)
            if len(self._lanes) > MAX_ORIGINS:
                self._retire(next(iter(self._lanes.values())))
            return use

    def give_back(self, use: Use) -> None:
        with self._lock:
            use.lane.users.discard(use.number)
            use.lane.hanging.discard(use.number)
            use.lane.close_if_done()

    def abandon(self, use: Use) -> None:
        """A request hangs: later ones get fresh connections, and its own is closed once nobody
        else uses the client."""
        with self._lock:
            if use.number in use.lane.users:
                use.lane.hanging.add(use.number)
            self._retire(use.lane)

    def _retire(self, lane: _Lane) -> None:
        if self._lanes.get(lane.origin) is lane:
            del self._lanes[lane.origin]
        lane.retired = True
        lane.close_if_done()

    def close(self) -> None:
        with self._lock:
            for lane in list(self._lanes.values()):
                self._retire(lane)

    def forget(self) -> None:
        """After a fork: the sockets are the parent's, so they are neither used nor closed."""
        _INHERITED.extend(self._lanes.values())
        self._lanes, self._lock = {}, threading.Lock()


def _client(trust: ssl.SSLContext) -> httpx.Client:
    return httpx.Client(
        verify=trust,
        follow_redirects=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_keepalive_connections=4, keepalive_expiry=IDLE_S),
        mounts={f"all://{host}": None for host in ("127.0.0.1", "localhost", "[::1]")},
    )


CONNECTIONS = Connections()
"""Of this process."""
_INHERITED: list[_Lane] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CONNECTIONS.forget)
