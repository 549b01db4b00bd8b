"""`python -m console.tiles LAYERS FOLDER`: build tiles beside a running web application.

A process of its own, and one that everything else goes before: joining shapes would hold up every
answer of the application. It writes what it does to standard output, a line each.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from console.tiles.shelf import Shelf
from kentongan.errors import KentonganError

NICENESS = 15
"""Of 19: cycles and sending go before."""


def main(layers: str, folder: str) -> int:
    from risk.layers.layerset import load_layers

    os.nice(NICENESS)
    try:
        Shelf(Path(folder)).make(load_layers(layers), _tell)
    except (KentonganError, OSError) as error:
        _tell(str(error).splitlines()[0], 1.0)
        return 1
    return 0


def _tell(what: str, done: float) -> None:
    sys.stdout.write(f"{done:.2f} {what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
