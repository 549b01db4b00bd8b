"""What the child process hands back: one window, unpacked, not judged yet."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.grid import BASE_GRID

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEST, SOUTH = BASE_GRID.west, BASE_GRID.south
EAST = WEST + BASE_GRID.columns * BASE_GRID.step
NORTH = SOUTH + BASE_GRID.rows * BASE_GRID.step
"""94.5-141.5 E, 11.5 S-6.5 N: every village lies inside, with at least 0.4 degrees around it."""


@dataclass(frozen=True)
class About:
    """What the file says of itself."""

    variable: str
    units: str
    """As written; empty: not stated."""
    times: tuple[str, ...] = ()
    """Times in the file, ISO 8601; the first is the scan's."""
    satellite: str = ""
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names of variables that the reader knows, and those that it does not."""


@dataclass(frozen=True, eq=False)
class RawWindow:
    """Temperatures in the file's own unit, NaN where it has none; both axes ascending."""

    values: NDArray[np.float32]
    """Shape (latitude, longitude)."""
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    about: About

    def save(self, folder: Path) -> None:
        import numpy as np

        for name in ("values", "latitude", "longitude"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        (folder / "about.json").write_text(json.dumps(asdict(self.about)), encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> RawWindow:
        import numpy as np

        arrays = [
            np.load(folder / f"{name}.npy", allow_pickle=False)
            for name in ("values", "latitude", "longitude")
        ]
        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        lists = {name: tuple(about[name]) for name in ("times", "known", "unknown")}
        return RawWindow(arrays[0], arrays[1], arrays[2], About(**{**about, **lists}))
