"""Bring a database to the newest schema."""

from __future__ import annotations

import time
from pathlib import Path

from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

HEAD = "0005"
WAIT_S = 10.0
"""An upgrade takes below a second, on a loaded machine a few."""


def migrate(engine: Engine) -> None:
    """Upgrade to `HEAD`; costs one query when nothing is to be done.

    Several programs start at once: the first to create a table goes on, the others wait for it.

    Raises:
        SQLAlchemyError: neither this process nor another could do it.
    """
    if _current(engine) == HEAD:
        return
    try:
        _upgrade(engine)
    except SQLAlchemyError:
        ends = time.monotonic() + WAIT_S
        while _current(engine) != HEAD:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def _upgrade(engine: Engine) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _current(engine: Engine) -> str | None:
    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
