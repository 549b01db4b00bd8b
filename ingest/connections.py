"""HTTP connections that stay open from poll to poll, in one client for each origin.

A feed that is looked at every 3 s must not shake hands with TLS every 3 s. No cookie is kept, no
redirect followed, and TLS is always verified.
"""

from __future__ import annotations

import os
import ssl
import threading
from dataclasses import dataclass, field
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from ingest.links import origin_of

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
class Lane:
    """The client of one origin and who uses it now."""

    origin: str
    http: httpx.Client
    users: int = 0
    stuck: int = 0
    """Users whose request hangs and whom nobody waits for any more."""
    retired: bool = False

    def close_if_done(self) -> None:
        if self.retired and self.users <= self.stuck:
            self.http.close()


@dataclass
class Connections:
    """All clients of a process."""

    trust: ssl.SSLContext | None = None
    """Other certificates than the system's: for tests."""
    _lanes: dict[str, Lane] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, url: str) -> Lane:
        """The open client of an address's origin, for one request; give it back."""
        origin = origin_of(url)
        with self._lock:
            lane = self._lanes.pop(origin, None) or Lane(origin, _client(self.trust or _trust()))
            self._lanes[origin] = lane
            lane.users += 1
            if len(self._lanes) > MAX_ORIGINS:
                self._retire(next(iter(self._lanes.values())))
            return lane

    def give_back(self, lane: Lane) -> None:
        with self._lock:
            lane.users -= 1
            lane.close_if_done()

    def abandon(self, lane: Lane) -> None:
        """A request hangs: later ones get fresh connections, and the hanging one is closed once
        nobody else uses its client."""
        with self._lock:
            lane.stuck += 1
            self._retire(lane)

    def _retire(self, lane: Lane) -> None:
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
_INHERITED: list[Lane] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=CONNECTIONS.forget)
