"""BMKG's names led to codes, with the names of the layer set that is in use."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processing.gazetteer import Gazetteer
    from risk.layers.layerset import LayerSet


@lru_cache(maxsize=2)
def gazetteer_of(layers: LayerSet) -> Gazetteer:
    """The gazetteer of a layer set, built once per process."""
    from processing.gazetteer import Gazetteer

    names = layers.names
    return Gazetteer.build(
        [(code, name) for code, name in names.items() if len(code) == 5],
        districts=[(code, name) for code, name in names.items() if len(code) == 8],
    )
