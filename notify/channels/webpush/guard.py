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
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Any, cast

import httpcore
import httpx

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


class _Body(httpx.AsyncByteStream):
    def __init__(self, stream: AsyncIterable[bytes]) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        close = getattr(self._stream, "aclose", None)
        if close is not None:
            await close()


class GuardedTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 with kept connections, to public addresses alone. Errors are httpcore's."""

    def __init__(
        self, *, connections: int, allow_local: bool = False, context: ssl.SSLContext | None = None
    ) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or httpx.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=60.0,
            http1=True,
            http2=False,
            network_backend=_Backend(allow_local=allow_local),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=cast(httpx.AsyncByteStream, request.stream),
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(cast(AsyncIterable[bytes], answer.stream)),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()
