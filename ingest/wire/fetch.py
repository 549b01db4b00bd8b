"""One address: asked politely, its answer archived before anybody reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine

from ingest import log
from ingest.keep.archiving import archive_trouble, in_archive, put_into_archive
from ingest.read.payload import one_line
from ingest.wire.answer import Answer, require_data
from ingest.wire.attempts import retry_after_s
from ingest.wire.breaker import Breaker, Open, Permit
from ingest.wire.http import PoliteClient
from ingest.wire.links import host_of, place_of
from kentongan.errors import DataError, SourceBlocked, SourceDown, SourceError
from kentongan.store import Store

GIVE_UP_AFTER = 2
"""Requests in a row, unanswered or blocked, after which one poll leaves a host alone."""
POLL_SECONDS = 60.0
"""Time of one poll after which it asks nothing more: slow answers must not hold up other feeds."""
RESERVE = 5
"""Requests of a minute kept for addresses never read; known documents then wait."""
_BLOCKED = "blocked"
"""First word of a breaker's reason where a firewall refuses us: a person must act, not wait."""


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
    answered_at: datetime | None = None
    """Our clock when the last byte was in; None if nobody was asked."""


@dataclass
class _Host:
    """What one poll knows of a host."""

    permit: Permit
    answered: bool = False
    failure: str = ""
    asked_s: float = 0.0
    """Silence that it asked for."""


@dataclass
class Fetcher:
    """Fetches for one poll of one source and remembers which hosts refuse us in it.

    `settle` tells the breakers at its end.
    """

    source_id: str
    at: datetime
    engine: Engine
    archive: Store
    http: PoliteClient
    breaker: Breaker | None = None
    reserve: int = 0
    """Requests of a minute that this source leaves to others."""
    is_critical: bool = True
    """The source's host serves warnings: it is probed soon."""
    refusals: Counter[str] = field(default_factory=Counter)
    """By host: requests in a row that were left unanswered or blocked."""
    trouble: str = ""
    """Why the archive takes nothing more; empty while it does."""
    _hosts: dict[str, _Host] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = self.http.monotonic()

    def fetch(self, url: str, *, known_is_enough: bool) -> Fetched:
        """The answer, archived. A document that is "not modified" comes from the archive; so does
        a known one with `known_is_enough` when the minute's requests run out.

        Raises:
            SourceError: no complete answer of bearable size, or the archive takes nothing.
        """
        with self.engine.connect() as connection:
            kept = log.last_kept(connection, self.source_id, url, self.at)
        if kept and known_is_enough and self._is_scarce(url):
            again = self._from_archive(url, kept, None)
            if again:
                return again
        answer = self._ask(url, kept)
        if answer.status == 304 and kept:
            again = self._from_archive(url, kept, answer)
            if again:
                return again
            return self._archived(self._ask(url, None), heal=True)
        return self._archived(answer)

    def _is_scarce(self, url: str) -> bool:
        return self.http.is_limited(url) and self.http.limiter.left(host_of(url)) <= RESERVE

    def data(self, fetched: Fetched) -> bytes:
        """The document of an answer.

        Raises:
            SourceError: the answer is no data; see `ingest.wire.answer.require_data`.
        """
        url, host = fetched.answer.url, host_of(fetched.answer.url)
        try:
            body = require_data(fetched.answer)
        except SourceBlocked as error:
            self.refusals[host] += 1
            self._failed(url, f"{_BLOCKED}: {_without(url, error)}")
            raise
        except SourceError as error:
            self.refusals[host] = 0
            if isinstance(error, SourceDown):
                self._failed(url, _without(url, error), retry_after_s(fetched.answer.headers))
            else:
                self._hosts[place_of(url)].answered = True
            raise
        self.refusals[host] = 0
        if fetched.http_status is not None:
            self._hosts[place_of(url)].answered = True
        return body

    def settle(self) -> None:
        """Tell the breakers which hosts gave something in this poll and which gave nothing."""
        if self.breaker is None:
            return
        for name, host in self._hosts.items():
            if host.answered:
                self.breaker.succeeded(name, host.permit)
            elif host.failure:
                self.breaker.failed(
                    name,
                    self.at,
                    host.failure,
                    warning=self.is_critical,
                    asked_s=host.asked_s,
                )

    def _ask(self, url: str, kept: log.Kept | None) -> Answer:
        """The answer, unless there is a reason not to ask."""
        self._may_ask(url)
        self.http.admit(url, reserve=self.reserve)
        host = self._hosts[place_of(url)]
        try:
            return self.http.get(
                url,
                validator=kept.validator if kept else None,
                last_modified=kept.last_modified if kept else None,
                retry=not (host.failure or host.permit.was_failing),
            )
        except SourceDown as error:
            self.refusals[host_of(url)] += 1
            self._failed(url, _without(url, error))
            raise
        except SourceError:
            host.answered = True
            raise

    def _may_ask(self, url: str) -> None:
        """Raises:
        SourceDown: the archive is broken, the host refuses us, or this poll took too long.
        SourceBlocked: its breaker is open, and a firewall opened it.
        """
        host = host_of(url)
        if self.trouble:
            raise SourceDown(f"{url}: not asked; {self.trouble}")
        if place_of(url) not in self._hosts:
            self._hosts[place_of(url)] = self._admitted(url)
        if self.refusals[host] >= GIVE_UP_AFTER:
            raise SourceDown(
                f"{url}: not asked, {host} refused or did not answer {GIVE_UP_AFTER} requests"
            )
        if self.http.monotonic() - self._started > POLL_SECONDS:
            raise SourceDown(f"{url}: not asked, this poll took over {POLL_SECONDS:g} s already")

    def _admitted(self, url: str) -> _Host:
        found = self.breaker.admit(place_of(url), self.at) if self.breaker else Permit()
        if isinstance(found, Open):
            kind = SourceBlocked if found.reason.startswith(_BLOCKED) else SourceDown
            raise kind(f"{url}: not asked, {found}")
        if found.is_probe:
            self.refusals[host_of(url)] = GIVE_UP_AFTER - 1
        return _Host(found)

    def _failed(self, url: str, reason: str, asked_s: float | None = None) -> None:
        host = self._hosts[place_of(url)]
        host.failure = reason
        host.asked_s = max(host.asked_s, asked_s or 0.0)

    def _archived(self, answer: Answer, *, heal: bool = False) -> Fetched:
        """`heal`: what lies in the archive under this name is damaged, and is replaced."""
        answered_at = self._now()
        if not answer.body:
            return Fetched(answer, None, self.at, answer.status, answered_at)
        try:
            digest, first = put_into_archive(
                self.engine, self.archive, self.source_id, self.at, answer.body, heal=heal
            )
        except OSError as error:
            self.trouble = archive_trouble(error)
            raise SourceDown(f"{answer.url}: {self.trouble}") from error
        return Fetched(answer, digest, min(first or self.at, self.at), answer.status, answered_at)

    def _now(self) -> datetime:
        """The poll's clock, gone on by the time that this poll took."""
        return self.at + timedelta(seconds=self.http.monotonic() - self._started)

    def _from_archive(
        self, url: str, kept: log.Kept, not_modified: Answer | None
    ) -> Fetched | None:
        """The kept document as if it had come again; None if the archive has lost it.

        `not_modified` is the answer that said so; none if nobody was asked.
        """
        with self.engine.connect() as connection:
            try:
                body = in_archive(connection, self.archive, self.source_id, kept.sha256)
            except (DataError, OSError):
                return None
            received = log.first_received(connection, self.source_id, kept.sha256) or self.at
        told = not_modified or Answer(url, 200, b"", None)
        answer = replace(
            told,
            status=200,
            body=body,
            validator=told.validator or kept.validator,
            last_modified=told.last_modified or kept.last_modified,
        )
        status = not_modified.status if not_modified else None
        return Fetched(answer, kept.sha256, received, status, self._now() if status else None)


def _without(url: str, error: Exception) -> str:
    return one_line(error, 200).removeprefix(f"{url}: ")
