"""How a source's hosts are to be treated: which client, how much of the minute, how soon again."""

from __future__ import annotations

from pydantic import SecretStr

from ingest.registry import SOURCES
from ingest.source import Source
from ingest.visit import IngestContext
from ingest.wire.http import PoliteClient
from ingest.wire.links import host_of
from ingest.wire.rate import SUPPORT_RESERVE, SharedLimiter
from kentongan.settings import Settings

_BYTES_PER_S = 1_000_000
"""What a line must carry at least, where a document may be larger than most."""
_LONGEST_S = 60.0


def client_for(source: Source, context: IngestContext) -> PoliteClient:
    """A client with the limits of a source; a large document gets the time that it needs."""
    settings, largest = context.settings, source.info.max_bytes or 0
    return PoliteClient(
        timeout_s=max(settings.http_timeout_s, min(_LONGEST_S, largest / _BYTES_PER_S)),
        max_bytes=max(settings.http_max_bytes, largest),
        contact=settings.http_contact,
        limiter=SharedLimiter(context.engine),
        secret=_secret(source, settings),
    )


def _secret(source: Source, settings: Settings) -> dict[str, str]:
    name = source.info.key_setting
    value = getattr(settings, name) if name else ""
    key = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    return {source.info.key_header: key} if key else {}


def serves_warnings(source: Source, settings: Settings) -> bool:
    """Whether the host of a source also serves a feed of the warning tier."""
    host = _host(source, settings)
    return any(
        other.info.tier == "warning" and _host(other, settings) == host
        for other in SOURCES.values()
    )


def reserve_of(source: Source, settings: Settings) -> int:
    """Requests of a minute that a source leaves to the warning feeds of its host."""
    is_guest = source.info.tier == "support" and serves_warnings(source, settings)
    return SUPPORT_RESERVE if is_guest else 0


def _host(source: Source, settings: Settings) -> str:
    return host_of(str(getattr(settings, source.info.base)))
