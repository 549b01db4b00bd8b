"""One address: asked politely, its answer archived before anybody reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from ingest import log
from ingest.http import Answer, PoliteClient, host_of, is_loopback, require_data
from kentongan.errors import DataError, SourceBlocked, SourceDown
from kentongan.store import Store, archive, read_archived

GIVE_UP_AFTER = 2
"""Requests in a row, unanswered or blocked, after which one poll leaves a host alone."""
POLL_SECONDS = 60.0
"""Time of one poll after which it asks nothing more: slow answers must not hold up other feeds."""
RESERVE = 5
"""Requests of a minute kept for addresses never read; known documents then wait."""


@dataclass(frozen=True)
class Fetched:
    """An answer with its archived bytes; after a 304, the document that was kept."""

    answer: Answer
    sha256: str | None
    """None for an answer without a body."""
    received_at: datetime
    """When these very bytes came first."""
    http_status: int | None
    """As answered; None if nobody was asked."""


@dataclass
class Fetcher:
    """Fetches for one poll of one source and remembers which hosts refuse us in it."""

    source_id: str
    at: datetime
    engine: Engine
    archive: Store
    http: PoliteClient
    refusals: Counter[str] = field(default_factory=Counter)
    """By host: requests in a row that were left unanswered or blocked."""

    def __post_init__(self) -> None:
        self._started = self.http.monotonic()

    def fetch(self, url: str, *, known_is_enough: bool) -> Fetched:
        """The answer, archived. A document that is "not modified" comes from the archive; so does
        a known one with `known_is_enough` when the minute's requests run out.

        Raises:
            SourceError: no complete answer of bearable size.
        """
        with self.engine.connect() as connection:
            kept = log.last_kept(connection, self.source_id, url, self.at)
        if kept and known_is_enough and self._is_scarce(url):
            again = self._from_archive(url, kept, None)
            if again:
                return again
        answer = self._ask(url, kept.validator if kept else None)
        if answer.status == 304 and kept:
            again = self._from_archive(url, kept, answer.status)
            if again:
                return again
            answer = self._ask(url, None)
        return self._archived(answer)

    def _is_scarce(self, url: str) -> bool:
        return not is_loopback(url) and self.http.limiter.left(host_of(url)) <= RESERVE

    def data(self, fetched: Fetched) -> bytes:
        """The document of an answer.

        Raises:
            SourceError: the answer is no data; see `ingest.http.require_data`.
        """
        host, refused = host_of(fetched.answer.url), 0
        try:
            return require_data(fetched.answer)
        except SourceBlocked:
            refused = 1
            raise
        finally:
            self.refusals[host] = refused and self.refusals[host] + 1

    def _ask(self, url: str, validator: str | None) -> Answer:
        """The answer, unless there is a reason not to ask."""
        host = host_of(url)
        if self.refusals[host] >= GIVE_UP_AFTER:
            raise SourceDown(
                f"{url}: not asked, {host} refused or did not answer {GIVE_UP_AFTER} requests"
            )
        if self.http.monotonic() - self._started > POLL_SECONDS:
            raise SourceDown(f"{url}: not asked, this poll took over {POLL_SECONDS:g} s already")
        self.http.admit(url)
        try:
            return self.http.get(url, validator=validator)
        except SourceDown:
            self.refusals[host] += 1
            raise

    def _archived(self, answer: Answer) -> Fetched:
        if not answer.body:
            return Fetched(answer, None, self.at, answer.status)
        digest = archive(self.archive, self.source_id, self.at, answer.body)
        with self.engine.connect() as connection:
            first = log.first_received(connection, self.source_id, digest)
        return Fetched(answer, digest, min(first or self.at, self.at), answer.status)

    def _from_archive(self, url: str, kept: log.Kept, status: int | None) -> Fetched | None:
        """The kept document as if it had come again; None if the archive has lost it."""
        with self.engine.connect() as connection:
            received = log.first_received(connection, self.source_id, kept.sha256)
        if received is None:
            return None
        try:
            body = read_archived(self.archive, self.source_id, received, kept.sha256)
        except (DataError, OSError):
            return None
        return Fetched(Answer(url, 200, body, kept.validator), kept.sha256, received, status)
