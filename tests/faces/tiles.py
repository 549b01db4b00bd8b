"""Tiles of the live map for tests: only the provinces that the scenes warn, made once a run."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from console.tiles.build import OUTLINE
from console.tiles.shelf import Shelf
from kentongan.settings import data_dir
from risk.layers.layerset import load_layers

PROVINCES = ("32", "36", "52", "53", "73", "74", "76")
"""Of Cianjur, the thunderstorm, Flores with its far coasts, and the blind night."""


@dataclass(frozen=True)
class Part:
    """What a build of tiles reads of a layer set."""

    villages: Any
    geometry: Any
    names: dict[str, str]
    version: str


def tiles(folder: Path) -> Path:
    """A folder for `Settings.tiles`, with the whole country's outline."""
    whole = load_layers("")
    shelf = Shelf(folder / "tiles")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "tiles.lock"):
        if shelf.find(whole.version):
            return shelf.folder
        inside = np.flatnonzero(whole.villages["adm4_code"].str[:2].isin(PROVINCES))
        part = Part(whole.villages.iloc[inside], whole.geometry[inside], whole.names, whole.version)
        shelf.make(part, lambda _said, _share: None)  # type: ignore[arg-type]
        outline = data_dir() / "layers" / "embedded" / "outline.geojson"
        shutil.copy(outline, shelf.folder / shelf.digest(whole.version) / OUTLINE)
    return shelf.folder
