"""Where tiles stand: `tiles/<digest>/` below a home, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.tiles.build import INDEX, MADE_BY, OUTLINE, Advance, Made, build
from console.tiles.shapes import LEVELS

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

KEPT = 2
"""Sets of tiles kept: the one in use, and the one that open pages may still read."""
FILES = frozenset({*(f"{level.name}.pmtiles" for level in LEVELS), OUTLINE})


@dataclass(frozen=True)
class Shown:
    """The tiles of one layer set."""

    digest: str
    folder: Path
    bounds: tuple[float, float, float, float]
    """West, south, east, north."""


class Shelf:
    """Tiles below a folder, by the layer set that they were made from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def digest(self, layers_version: str) -> str:
        """Name of the folder of a set's tiles: 16 hexadecimal digits, whatever a set is called."""
        return hashlib.sha256(f"{MADE_BY} {layers_version}".encode()).hexdigest()[:16]

    def find(self, layers_version: str) -> Shown | None:
        """None: not made yet, or not whole."""
        digest = self.digest(layers_version)
        folder = self.folder / digest
        try:
            index: dict[str, Any] = json.loads((folder / INDEX).read_text(encoding="utf-8"))
            west, south, east, north = (float(edge) for edge in index["bounds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if not all((folder / name).is_file() for name in FILES):
            return None
        return Shown(digest, folder, (west, south, east, north))

    def make(self, layers: LayerSet, advance: Advance, *, again: bool = False) -> list[Made]:
        """Build the tiles of a set unless they are there; one process at a time.

        Returns:
            The files made; empty where they were there already.

        Raises:
            LayerError: see `console.tiles.build.build`.
            OSError: no room, or not writable.
        """
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / "build.lock"):
            self._clear()
            if not again and self.find(layers.version):
                return []
            part = self.folder / f"{uuid.uuid4().hex}.part"
            part.mkdir()
            try:
                made = build(layers, part, advance)
                self._put(part, self.folder / self.digest(layers.version))
            finally:
                shutil.rmtree(part, ignore_errors=True)
            self._thin(self.digest(layers.version))
            return made

    def _put(self, part: Path, target: Path) -> None:
        """On the disk before it bears its name."""
        for path in [*part.iterdir(), part]:
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        if target.exists():
            target.rename(part.with_suffix(".old"))
            shutil.rmtree(part.with_suffix(".old"), ignore_errors=True)
        part.rename(target)

    def _clear(self) -> None:
        """What a process that died left unfinished: whoever builds holds the lock."""
        for path in [p for p in self.folder.iterdir() if p.suffix in (".part", ".old")]:
            shutil.rmtree(path, ignore_errors=True)

    def _thin(self, digest: str) -> None:
        whole = [p for p in self.folder.iterdir() if p.is_dir() and p.name != digest]
        for path in sorted(whole, key=lambda p: p.stat().st_mtime, reverse=True)[KEPT - 1 :]:
            shutil.rmtree(path, ignore_errors=True)
