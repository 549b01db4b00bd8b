"""A program, not a test: lets a doorbell hear a scripted feed and prints its rings as JSON.

Argument: JSON with `answers` (each "status:body", given once each, the last for ever),
`remembered` (digest or null), `memory` ("kept", "broken" or "none"), `looks` (stop after).
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx

from kentongan.store import sha256_hex
from orchestration.airflow import triggers

LOOK_S = 0.005


class Memory:
    """Stands in for Airflow's state store."""

    def __init__(self, remembered: str | None, *, broken: bool) -> None:
        self.value = {"sha256": sha256_hex(remembered.encode()), "etag": ""} if remembered else None
        self.broken = broken

    async def aget(self, key: str) -> Any:
        self._check()
        return self.value

    async def aset(self, key: str, value: Any) -> None:
        self._check()
        self.value = value

    def _check(self) -> None:
        if self.broken:
            raise RuntimeError("no state store today")


class Feed:
    """Answers by script and counts the looks."""

    def __init__(self, answers: list[str]) -> None:
        self.answers = answers
        self.looks = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        status, _, body = self.answers[min(self.looks, len(self.answers) - 1)].partition(":")
        self.looks += 1
        if status == "0":
            raise httpx.ConnectError("refused", request=request)
        if status == "bug":
            raise ZeroDivisionError("a fault of our own")

        async def stream() -> Any:
            yield body.encode()

        return httpx.Response(int(status), content=stream())


async def listen(asked: dict[str, Any]) -> dict[str, Any]:
    feed = Feed(asked["answers"])
    memory = Memory(asked["remembered"], broken=asked["memory"] == "broken")
    triggers.client = lambda _: httpx.AsyncClient(transport=httpx.MockTransport(feed))
    trigger = triggers.FeedTrigger("bmkg-quakes", poll_s=LOOK_S)
    if asked["memory"] != "none":
        trigger.asset_state_store = memory
    rings: list[Any] = []

    async def collect() -> None:
        async for event in trigger.run():
            rings.append(event.payload)

    task = asyncio.create_task(collect())
    while feed.looks < asked["looks"] and not task.done():
        await asyncio.sleep(LOOK_S)
    alive = not task.done()
    task.cancel()
    await asyncio.wait([task])
    return {"rings": rings, "alive": alive, "memory": memory.value, "as": trigger.serialize()}


def main(asked: str) -> None:
    reports = [asyncio.run(listen(case)) for case in json.loads(asked)]
    sys.stdout.write(json.dumps(reports) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
