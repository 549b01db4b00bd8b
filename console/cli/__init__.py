"""The command `kentongan`. Sub-commands import what they need when they run, not before."""

from __future__ import annotations

import json
import sys
from typing import NoReturn

from console.cli.app import app
from kentongan.errors import KentonganError


def main() -> None:
    """Run the command; an error of ours is one line and status 1, wrong use is status 2."""
    try:
        app(prog_name="kentongan")
    except (KentonganError, OSError) as error:
        _fail(f"{error}")
    except Exception as error:
        if not _of_database(error):
            raise
        _fail(f"database: {str(error).splitlines()[0]}; check KENTONGAN_DATABASE_URL")


def _of_database(error: Exception) -> bool:
    """Whether the database could not be used; asked without importing SQLAlchemy."""
    if isinstance(error, ModuleNotFoundError):
        return error.name in _DRIVERS
    module = sys.modules.get("sqlalchemy.exc")
    if module is None:
        return False
    # ArgumentError: the address cannot be read; its subclasses: no such driver.
    return isinstance(error, (module.DatabaseError, module.InterfaceError, module.ArgumentError))


_DRIVERS = ("psycopg", "psycopg2")
"""Of the extra "postgres"."""


def _fail(text: str) -> NoReturn:
    """One line on standard error; with --json also the one document on standard output."""
    line = " ".join(text.split())
    print("kentongan:", line, file=sys.stderr)
    if "--json" in sys.argv:
        print(json.dumps({"error": line}, ensure_ascii=False))
    raise SystemExit(1)
