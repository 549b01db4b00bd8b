"""`DAFTAR`, `BERHENTI`, `INFO`: what the registry of recipients takes of the inbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from kentongan.sealing import Keys
from notify.inbox.handling import Handled
from notify.inbox.store import Incoming
from notify.registry.commands import handle_in
from notify.registry.places import Places


@dataclass(frozen=True)
class RegistryCommands:
    """The first handler: who wants to stop is heard before anything else is read."""

    keys: Keys
    places: Callable[[], Places]
    """Loaded when the first message comes."""

    def __call__(
        self, connection: Connection, message: Incoming, *, at: datetime
    ) -> Handled | None:
        found = handle_in(connection, self.keys, message.sender, message.text, at, self.places())
        if found is None:
            return None
        return Handled("registry", found.recipient_id, found.text, detail=str(found.command))
