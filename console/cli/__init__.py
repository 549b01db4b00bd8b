"""The command `kentongan`. Sub-commands import what they need when they run, not before."""

from __future__ import annotations

import sys

from console.cli.app import app
from kentongan.errors import KentonganError


def main() -> None:
    """Run the command; an error of ours is one line and status 1, wrong use is status 2."""
    try:
        app(prog_name="kentongan")
    except (KentonganError, OSError) as error:
        _tell(f"{error}")
        raise SystemExit(1) from None
    except Exception as error:
        if not _of_database(error):
            raise
        _tell(f"database: {str(error).splitlines()[0]}; check KENTONGAN_DATABASE_URL")
        raise SystemExit(1) from None


def _of_database(error: Exception) -> bool:
    """Whether the database could not be reached; asked without importing SQLAlchemy."""
    module = sys.modules.get("sqlalchemy.exc")
    if module is None:
        return False
    # ArgumentError: the address cannot be read; its subclasses: no such driver.
    kinds = (module.OperationalError, module.InterfaceError, module.ArgumentError)
    return isinstance(error, kinds)


def _tell(text: str) -> None:
    print("kentongan:", " ".join(text.split()), file=sys.stderr)
