"""What a source is: data about it, the addresses to poll, and one pure reader of bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from kentongan.records import Record


@dataclass(frozen=True)
class SourceInfo:
    """One feed. `documentation` is the path of its page in this repository."""

    source_id: str
    title: str
    provider: str
    licence: str
    documentation: str
    base: str
    """Field of `kentongan.settings.Settings` that holds the base address."""
    cadence: timedelta
    """How often the content changes when all is well."""
    late_after: timedelta
    """Age of the content's own time from which it is no longer fresh."""
    history: bool
    """A list of past events: on the first poll, what is older than an hour is not announced."""
    periodic: bool = False
    """Content must advance with `cadence`; if it does not, the feed is frozen, not quiet."""
    absent_is_empty: bool = False
    """A 404 means that nothing is published for what was asked, not that the feed is dead. What
    was asked stays not assessed."""
    tier: Literal["warning", "support"] = "warning"
    """`support` is polled after the warnings of a cycle are sent: no decision waits for it."""
    needs: str = ""
    """Field of the settings without which the source is not polled; empty: nothing."""
    key_setting: str = ""
    """Field of the settings that holds a key, sent as `key_header` and never logged."""
    key_header: str = "x-api-key"
    wanted_setting: str = ""
    """Field of the settings that lists what to ask for where a poll is told nothing else."""
    folder_pattern: str = ""
    """Names of the files to take where the base is a folder of this machine, with `|` between
    patterns; empty: it never is one."""
    max_bytes: int | None = None
    """Largest document, where it may exceed `KENTONGAN_HTTP_MAX_BYTES`."""
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    """Path → the path of the same content in another form, asked for only in a poll in which the
    first gave no good document."""


@dataclass(frozen=True)
class Link:
    """An address found in an index."""

    url: str
    """Absolute, as published. Not to be trusted."""
    label: str
    province_code: str = ""


@dataclass(frozen=True)
class ReadContext:
    """Where the bytes come from. `received_at` is when these very bytes came first."""

    source_id: str
    path: str
    sha256: str
    received_at: datetime
    re_creation: bool
    polled_at: datetime | None = None
    """When they were published still; None: not known."""

    @property
    def last_seen(self) -> datetime:
        """The latest instant at which these bytes were published: what they say happened before.

        Judging by the first reception instead would refuse a quake for ever whose list came
        first while this machine's clock was slow.
        """
        return max(self.received_at, self.polled_at or self.received_at)


@dataclass(frozen=True)
class Reading:
    """What one document says."""

    records: tuple[Record, ...] = ()
    rejected: tuple[str, ...] = ()
    """One clear line for each item put into quarantine."""
    notes: tuple[str, ...] = ()
    """One clear line for each oddity that was kept or repaired."""
    document_time: datetime | None = None
    """The document's own time; None where it has none."""
    empty: bool = False
    """Well formed, and has nothing to say."""
    area_unknown: bool = False
    """A warning in force whose area cannot be had from this document."""
    fields: tuple[str, ...] = ()
    """Names of the fields that the document has and this reader knows."""
    unknown_fields: tuple[str, ...] = ()
    """Names of fields that this reader does not know: counted for the drift report."""


class Source(Protocol):
    """A feed's connector. Nothing in it does input or output."""

    info: SourceInfo

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:
        """Paths (with query) to poll first at `at`, below the base address."""

    def links(self, payload: bytes, path: str) -> Sequence[Link]:
        """Addresses that a document names; empty for all but an index.

        Raises:
            SourceError: not the document that it should be.
        """

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        """The records of one document.

        Raises:
            SourceError: the document as a whole cannot be read.
        """
