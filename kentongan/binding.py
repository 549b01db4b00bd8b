"""A database belongs to one kind of run, from its first cycle on.

An exercise or a replay in the database of real warnings would expire, renew or end them; a
real run in the database of an exercise would update alerts that nobody was sent.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select

from kentongan.db import bindings, insert_ignore
from kentongan.errors import RuleViolation
from kentongan.types import Mode

_RUN = "run"


def kind_of_run(mode: Mode, *, live: bool) -> str:
    """Live and replayed runs differ only where something real may go out."""
    if mode is Mode.ACTUAL:
        return "actual" if live else "actual-replay"
    return str(mode)


def bind(engine: Engine, mode: Mode, *, live: bool) -> None:
    """Claim a new database for this kind of run, or see that it is one of its kind.

    Raises:
        RuleViolation: it belongs to another kind.
    """
    wanted = kind_of_run(mode, live=live)
    with engine.begin() as connection:
        connection.execute(insert_ignore(connection, bindings).values(name=_RUN, value=wanted))
        found = connection.execute(
            select(bindings.c.value).where(bindings.c.name == _RUN)
        ).scalar_one()
    if found != wanted:
        raise RuleViolation(
            f"this home belongs to runs of kind {found!r}, and this one is {wanted!r}: its "
            "warnings must not be mixed; set KENTONGAN_HOME (or KENTONGAN_DATABASE_URL) to "
            "another place for it"
        )


def bound_to(engine: Engine) -> str | None:
    """The kind of run that this database belongs to; None before its first cycle."""
    with engine.connect() as connection:
        return bound_in(connection)


def bound_in(connection: Connection) -> str | None:
    """As `bound_to`, within a transaction."""
    return connection.execute(select(bindings.c.value).where(bindings.c.name == _RUN)).scalar()
