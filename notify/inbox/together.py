"""Messages that come at the same time are stored in one transaction: a disk writes a few hundred
times a second at best, and a flood brings more. Each caller still waits for its own commit."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from kentongan.sealing import Keys
from kentongan.transactions import writing
from notify.channels.channel import InboundMessage
from notify.inbox.store import keep, keep_in

MOST = 200
"""Messages of one transaction: some 0.2 s of SQLite's only writer."""


@dataclass
class _Waiting:
    message: InboundMessage
    done: bool = False
    found: int | None = None
    error: SQLAlchemyError | None = None


@dataclass
class Together:
    """One for each process that takes messages from many threads."""

    engine: Engine
    keys: Keys
    _pending: list[_Waiting] = field(default_factory=list)
    _list: threading.Lock = field(default_factory=threading.Lock)
    _writer: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, message: InboundMessage) -> int | None:
        """As `notify.inbox.store.keep`: returns after the commit.

        Raises:
            SQLAlchemyError: it could not be stored.
        """
        mine = _Waiting(message)
        with self._list:
            self._pending.append(mine)
        while not mine.done:
            with self._writer:
                if not mine.done:
                    self._store()
        if mine.error is not None:
            raise mine.error
        return mine.found

    def _store(self) -> None:
        """All that wait, in their order; one by one where something among them cannot be stored."""
        with self._list:
            batch, self._pending = self._pending[:MOST], self._pending[MOST:]
        try:
            with writing(self.engine) as connection:
                found = [keep_in(connection, self.keys, one.message) for one in batch]
        except SQLAlchemyError:
            for one in batch:
                self._store_alone(one)
            return
        for one, number in zip(batch, found, strict=True):
            one.found, one.done = number, True

    def _store_alone(self, one: _Waiting) -> None:
        try:
            one.found = keep(self.engine, self.keys, one.message)
        except SQLAlchemyError as error:
            one.error = error
        one.done = True
