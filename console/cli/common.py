"""What sub-commands share: options, the clock, standard output and standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kentongan.settings import Settings


FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Outside, it is a slip of the hand: no document of BMKG's on record is older than 2008."""
YEARS = f"expected a time from {FIRST_YEAR} to {LAST_YEAR}"


def parse_at(text: str) -> datetime:
    """An instant with a zone; anything else is wrong use."""
    from kentongan.errors import NaiveTime
    from kentongan.times import parse_instant

    try:
        instant = parse_instant(text)
    except NaiveTime as error:
        raise typer.BadParameter(str(error)) from error
    except ValueError as error:
        raise typer.BadParameter(
            f"{text!r}: expected ISO 8601 with a zone, e.g. 2026-09-24T07:35:00Z"
        ) from error
    except OverflowError as error:
        raise typer.BadParameter(f"{text!r}: {YEARS}") from error
    if not FIRST_YEAR <= instant.year <= LAST_YEAR:
        raise typer.BadParameter(f"{text!r}: {YEARS}")
    return instant


At = Annotated[
    datetime | None,
    typer.Option(
        parser=parse_at, metavar="TIME", help="The instant to work at, with zone; default: now."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]


def now() -> datetime:
    """The only clock of the command."""
    return datetime.now(UTC).replace(microsecond=0)


def open_settings() -> Settings:
    """Settings from the environment; logs to standard error from here on.

    Raises:
        SettingsError: a variable has a wrong value.
    """
    from pydantic import ValidationError
    from pydantic_settings import SettingsError as UnreadableSetting

    from kentongan.errors import SettingsError
    from kentongan.settings import Settings

    try:
        settings = Settings()
    except UnreadableSetting as error:
        raise SettingsError(
            f"{error}; a list is written as JSON, e.g. KENTONGAN_SOURCES='[\"bmkg-quakes\"]'"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        name = "KENTONGAN_" + "_".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{name}: {first['msg']}, found {first['input']!r}") from error
    log_to_stderr(settings.log_level)
    return settings


def log_to_stderr(level: str) -> None:
    from kentongan.errors import SettingsError

    known = logging.getLevelNamesMapping()
    if level.upper() not in known:
        raise SettingsError(f"KENTONGAN_LOG_LEVEL: expected one of {', '.join(known)}: {level!r}")
    logging.basicConfig(
        stream=sys.stderr,
        level=known[level.upper()],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # They print addresses and headers, where a key of ours may stand (Apprise's, a push endpoint).
    for noisy in (
        "alembic", "httpx", "httpcore", "urllib3", "requests_oauthlib", "apprise", "google",
        "pyogrio", "rasterio", "fsspec",
    ):  # fmt: skip
        logging.getLogger(noisy).setLevel(max(logging.WARNING, known[level.upper()]))


@contextmanager
def database(settings: Settings) -> Iterator[Engine]:
    """The database at the newest schema."""
    from kentongan.db import make_engine
    from kentongan.migrate import migrate

    engine = make_engine(settings.resolved_database_url)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()


@contextmanager
def acting(settings: Settings) -> Iterator[Engine]:
    """As `database`, for an act of a person: done or refused, the audit's new head is signed."""
    from kentongan.audit.heads import sign_and_keep

    with database(settings) as engine:
        try:
            yield engine
        finally:
            for trouble in sign_and_keep(engine, settings, now()):
                say(f"audit: {trouble}")


def print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, allow_nan=False))


def say(text: str) -> None:
    """Progress for a person: never on standard output."""
    print(text, file=sys.stderr, flush=True)
