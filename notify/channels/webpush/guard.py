"""Connections to public addresses alone, looked at where they are made.

A name that resolved well when it signed up may resolve to a machine of ours today (DNS rebinding),
so the rule stands at the socket: resolve, refuse unless every address is public, connect to the
very address that was looked at.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from typing import Any, cast

import httpcore
import httpx

NOT_SENT = (
    httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
)  # fmt: skip
MAYBE_SENT = (
    httpcore.ReadError, httpcore.WriteError, httpcore.ReadTimeout, httpcore.WriteTimeout,
    httpcore.ProtocolError,
)  # fmt: skip
"""Ends of a request after which the other side may have it."""
_KEPT_S = 60.0
"""A connection that nobody used for so long is closed."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(Exception):
    """The name leads to an address that is not public; nothing was sent."""


def is_public_address(text: str) -> bool:
    """Whether the address may be anybody's on the internet, and no machine of ours."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(one) for one in (found, *_inside(found)))


def _is_public(one: _Address) -> bool:
    return one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified)


def _inside(one: _Address) -> Iterable[_Address]:
    """IPv4 addresses that an IPv6 address carries."""
    if not isinstance(one, ipaddress.IPv6Address):
        return ()
    carried: list[_Address | None] = [one.ipv4_mapped, one.sixtofour, *(one.teredo or ())]
    if one in _NAT64:
        carried.append(ipaddress.IPv4Address(int(one) & 0xFFFFFFFF))
    return (inner for inner in carried if inner is not None)


class _Backend(httpcore.AsyncNetworkBackend):
    def __init__(self, *, allow_local: bool) -> None:
        self._allow_local = allow_local
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """
        Raises:
            NotPublic: one of the name's addresses is not public.
            httpcore.ConnectError: no such name, or nobody answers.
        """
        error: Exception = httpcore.ConnectError("no address")
        try:
            addresses = await asyncio.wait_for(self._addresses(host, port), timeout)
        except TimeoutError as late:
            raise httpcore.ConnectTimeout("the name was not resolved in time") from late
        for address in addresses:
            try:
                return await self._plain.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError as found:
                error = found
        raise error

    async def _addresses(self, host: str, port: int) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name cannot be resolved") from error
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        if not self._allow_local and not all(is_public_address(one) for one in addresses):
            raise NotPublic("the endpoint's host has an address that is not public")
        return addresses

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)


_Place = tuple[bytes, bytes, int]
"""Scheme, host and port."""


def _place(origin: httpcore.Origin) -> _Place:
    return origin.scheme, origin.host, origin.port


class _Body(httpx.AsyncByteStream):
    """An answer's bytes; its connection is given back when it is closed."""

    def __init__(
        self, answer: httpcore.Response, done: Callable[[], Coroutine[Any, Any, None]]
    ) -> None:
        self._answer = answer
        self._done = done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._answer.aiter_stream():
            yield part

    async def aclose(self) -> None:
        try:
            await self._answer.aclose()
        finally:
            await self._done()


class GuardedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 with kept connections, to public addresses alone. Errors are httpcore's.

    Its own small pool: httpcore's looks at every connection for every request that waits, which at
    50 at once takes most of the time.
    """

    def __init__(
        self, *, connections: int, allow_local: bool = False, context: ssl.SSLContext | None = None
    ) -> None:
        self._context = context or httpx.create_ssl_context(trust_env=False)
        self._backend = _Backend(allow_local=allow_local)
        self._most = connections
        self._room = asyncio.Semaphore(connections)
        self._idle: dict[_Place, list[httpcore.AsyncHTTPConnection]] = {}
        self._kept = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        asked = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=cast(httpx.AsyncByteStream, request.stream),
            extensions=request.extensions,
        )
        await self._room.acquire()
        connection: httpcore.AsyncHTTPConnection | None = None
        try:
            connection = await self._taken(url.origin)
            answer = await connection.handle_async_request(asked)
        except BaseException:
            self._room.release()
            if connection is not None:
                await connection.aclose()
            raise

        async def done() -> None:
            await self._given_back(_place(url.origin), connection)

        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(answer, done),
            extensions=answer.extensions,
        )

    async def _taken(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        """One that is kept and still open, or a new one."""
        kept = self._idle.get(_place(origin), [])
        while kept:
            connection = kept.pop()
            self._kept -= 1
            if not kept:
                del self._idle[_place(origin)]
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore.AsyncHTTPConnection(
            origin,
            ssl_context=self._context,
            keepalive_expiry=_KEPT_S,
            http1=True,
            http2=False,
            network_backend=self._backend,
        )

    async def _given_back(self, place: _Place, connection: httpcore.AsyncHTTPConnection) -> None:
        self._room.release()
        surplus = [connection]
        if connection.is_idle():
            self._idle.setdefault(place, []).append(connection)
            self._kept += 1
            surplus = self._above_most()
        for one in surplus:
            await one.aclose()

    def _above_most(self) -> list[httpcore.AsyncHTTPConnection]:
        """Out of the pool what it holds too many of, those of the service that waited longest."""
        found = []
        while self._kept > self._most:
            oldest = next(iter(self._idle))
            found.append(self._idle[oldest].pop(0))
            self._kept -= 1
            if not self._idle[oldest]:
                del self._idle[oldest]
        return found

    async def aclose(self) -> None:
        left = [one for connections in self._idle.values() for one in connections]
        self._idle.clear()
        self._kept = 0
        for one in left:
            await one.aclose()
