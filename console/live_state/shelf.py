"""States of the map, each made once for all who ask for it.

The present is made anew when something changed, and every few seconds because time alone ends
warnings and makes feeds old. Whoever asks after a change was told gets what was read after it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import SQLAlchemyError

from console.live_state.document import colours, scoped, shared
from console.live_state.pieces import Piece, piece, whole
from console.web.live import watermarks
from console.web.reading import Reading
from kentongan.errors import KentonganError
from kentongan.store import Store, sha256_hex
from kentongan.times import iso
from orchestration.live_map.events import events_at
from orchestration.live_map.moment import Kind, Moment
from orchestration.live_map.rain_ahead import RainAhead, newest_field, rain_ahead
from orchestration.live_map.situation import Areas, Situation, situation_at
from orchestration.view import layers_note

log = logging.getLogger(__name__)

LOOKED_S = 1.0
"""So long the present is not looked at again unless a change was told."""
OLDEST_S = 10.0
"""Of the present where nothing was written: ends of warnings and ages of feeds."""
KEPT_S = 60.0
"""Of an instant that has passed; a cycle may still write down what it decided then."""
KEPT_MOMENTS = 12
"""Of 55,000 villages one takes some 40 MB."""
KEPT_SCOPES = 40
MAKERS = 2
"""Instants that are made at once: each holds a core and its memory; the others wait."""
_TO_MINUTES = len("2026-08-14T23:50")
_COUNTED = ("warnings", "tasks", "reports", watermarks.FEED)
_T = TypeVar("_T")

Scope = tuple[str, ...]
"""Area codes of a reader."""


@dataclass(frozen=True)
class Packed:
    """One answer's bytes."""

    tag: str
    data: bytes
    gzipped: bytes


@dataclass(eq=False)
class Made:
    """A situation with its documents, by area."""

    situation: Situation
    colours: Piece
    document: bytes
    marks: object
    generation: int
    made_s: float
    looked_s: float
    packed: OrderedDict[tuple[Scope, bool], asyncio.Task[Packed]] = field(
        default_factory=OrderedDict
    )


@dataclass(eq=False)
class Shared(Generic[_T]):
    """Work that several wait for: done once."""

    generation: int
    task: asyncio.Task[_T]


class StateShelf:
    """One for each application; used from its event loop."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._generation = 0
        self._present: Made | None = None
        self._running: Shared[Made] | None = None
        self._others: OrderedDict[str, Made] = OrderedDict()
        self._making: dict[str, asyncio.Task[Made]] = {}
        self._room = asyncio.Semaphore(MAKERS)
        self._note = ("", "")
        self._warming: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """Something was written: what was read before is not the present any more."""
        self._generation += 1

    def warm(self) -> None:
        """Load what the first viewer would wait for: layers and modules take seconds."""
        self._warming = asyncio.create_task(self._warm())

    async def _warm(self) -> None:
        try:
            await self.present()
        except (SQLAlchemyError, OSError, KentonganError) as error:
            log.warning("the state of the map cannot be made yet: %s", error)

    async def present(self) -> Made:
        have, now = self._present, time.monotonic()
        if have and have.generation == self._generation and now - have.looked_s < LOOKED_S:
            return have
        running = self._running
        if running is None or running.task.done() or running.generation != self._generation:
            task = asyncio.create_task(self._renew(self._generation))
            self._running = running = Shared(self._generation, task)
        return await asyncio.shield(running.task)

    async def _renew(self, generation: int) -> Made:
        made = await asyncio.to_thread(self._look, self._present, generation)
        if self._present is None or generation >= self._present.generation:
            self._present = made
        return made

    def _look(self, have: Made | None, generation: int) -> Made:
        marks, now = self._marks(), time.monotonic()
        if have and have.marks == marks and now - have.made_s < OLDEST_S:
            have.generation, have.looked_s = generation, now
            return have
        at = self._reading.clock()
        made = self._make(Moment(at, at, live=True))
        made.marks, made.generation, made.made_s = marks, generation, now
        made.looked_s = time.monotonic()
        return made

    def _marks(self) -> object:
        with self._reading.engine.connect() as connection:
            quick = watermarks.quick(connection)
            slow = watermarks.slow(connection)
        return [quick[name] for name in _COUNTED], [slow[name] for name in _COUNTED[:3]]

    async def at(self, at: datetime) -> Made:
        """Another instant than the present."""
        now = self._reading.clock()
        key = iso(at)
        if at > now:
            # What is known of the hours ahead changes with the present.
            key = f"{key} {(await self.present()).made_s}"
        have = self._others.get(key)
        if have and time.monotonic() - have.made_s < KEPT_S:
            self._others.move_to_end(key)
            return have
        if key not in self._making:
            task = asyncio.create_task(self._in_turn(Moment(at, now)))
            self._making[key] = task
            task.add_done_callback(partial(self._keep, key))
        return await asyncio.shield(self._making[key])

    async def _in_turn(self, moment: Moment) -> Made:
        async with self._room:
            return await asyncio.to_thread(self._make, moment)

    def _keep(self, key: str, task: asyncio.Task[Made]) -> None:
        self._making.pop(key, None)
        if task.cancelled() or task.exception() is not None:
            return
        self._others[key] = task.result()
        while len(self._others) > KEPT_MOMENTS:
            self._others.popitem(last=False)

    def _make(self, moment: Moment) -> Made:
        reading, layers = self._reading, self._reading.layers
        runs = Store(str(reading.settings.home.resolve()))
        found = situation_at(
            reading.engine,
            runs,
            layers,
            reading.settings,
            moment,
            self.rain(moment),
            self._present.situation.areas if self._present else None,
        )
        if self._note[0] != layers.version:
            self._note = layers.version, layers_note(layers)
        document = _encoded(shared(found, str(reading.settings.mode), self._note[1]))
        now = time.monotonic()
        return Made(found, self._colours(found.areas), document, None, 0, now, now)

    def _colours(self, areas: Areas) -> Piece:
        """Levels of areas as bytes; those of 55,000 villages take some tenths of a second."""
        have = self._present
        if have is not None and have.situation.areas is areas:
            return have.colours
        return piece(_encoded(colours(areas))[1:-1])

    def rain(self, moment: Moment) -> RainAhead | None:
        """The nowcast that an instant ahead rests on."""
        if moment.kind is not Kind.FORECAST:
            return None
        reading = self._reading
        known = events_at(reading.engine, Moment(moment.now, moment.now, live=True))
        found = newest_field(known, moment.now)
        return rain_ahead(Store(str(reading.settings.home.resolve())), reading.layers, found)

    async def packed(
        self, made: Made, scope: Scope, covers: Callable[[str], bool], have: str = ""
    ) -> Packed:
        """The bytes for readers of these areas.

        Args:
            have: name of the levels of areas that the reader has; they are left out then.
        """
        key = scope, have == made.colours.tag
        if key not in made.packed:
            work = asyncio.to_thread(self._pack, made, covers, key[1])
            made.packed[key] = asyncio.create_task(work)
            while len(made.packed) > KEPT_SCOPES:
                made.packed.popitem(last=False)
        # Whoever leaves meanwhile must not take it from the others.
        return await asyncio.shield(made.packed[key])

    def _pack(self, made: Made, covers: Callable[[str], bool], without: bool) -> Packed:
        mine = _encoded(scoped(made.situation, self._reading.layers, covers))
        said = _encoded({"at": iso(made.situation.moment.at), "areas": made.colours.tag})
        rest = said[1:-1] + b"," + made.document[1:-1] + b"," + mine[1:]
        parts = [piece(b"{")] if without else [piece(b"{"), made.colours, piece(b",")]
        # Up to a minute old it is the same: a reader takes the server's clock from it.
        named = f"{iso(made.situation.moment.at)[:_TO_MINUTES]} {made.colours.tag} {without}"
        tag = sha256_hex(named.encode() + made.document + mine)[:32]
        data, packed = whole([*parts, piece(rest)])
        return Packed(tag, data, packed)


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
