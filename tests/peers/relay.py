"""Bytes between TCP on 127.0.0.1 and a Unix socket: the only door of a network namespace.

A Unix socket in the file system is seen from every namespace, so a peer that listens on all
interfaces of its own can be reached by a test outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        if writer.can_write_eof():
            writer.write_eof()


async def _both(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    try:
        await asyncio.gather(_pump(near[0], far[1]), _pump(far[0], near[1]))
    except asyncio.CancelledError:  # raised on, asyncio would print it
        return
    finally:
        for _, writer in (near, far):
            writer.close()


async def from_tcp(port: int, to: Path) -> asyncio.Server:
    """Listen on 127.0.0.1 (0: any port), hand over to a Unix socket."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_unix_connection(to)
        except OSError:
            writer.close()
            return
        await _both((reader, writer), far)

    return await asyncio.start_server(serve, "127.0.0.1", port)


async def to_tcp(path: Path, port: int) -> asyncio.Server:
    """Listen on a Unix socket, hand over to 127.0.0.1."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.close()
            return
        await _both((reader, writer), far)

    return await asyncio.start_unix_server(serve, path)


class Outside:
    """The test's end: a port that leads in, and a socket that leads out to a port of ours."""

    def __init__(self, inward: Path, outward: Path, hook_port: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._servers = [
            self._run(from_tcp(0, inward)),
            self._run(to_tcp(outward, hook_port)),
        ]
        self.port: int = self._servers[0].sockets[0].getsockname()[1]

    def _run(self, work):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    def close(self) -> None:
        for server in self._servers:
            self._loop.call_soon_threadsafe(server.close)
        self._run(self._drained())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _drained(self) -> None:
        mine = asyncio.current_task()
        rest = [task for task in asyncio.all_tasks() if task is not mine]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
