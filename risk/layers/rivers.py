"""Rivers of a deployment: lines brought to degrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kentongan.errors import LayerError
from risk.layers.check.finding import require_none_refused
from risk.layers.vectors import in_degrees, read_features

_LINES = ("LineString", "MultiLineString")


def read_rivers(path: Path) -> NDArray[np.object_]:
    """Lines, EPSG:4326; shapes of other kinds (lakes, points) are left out.

    Raises:
        LayerError: unreadable, or no line.
    """
    frame, _, findings = in_degrees(read_features(path), path.name)
    require_none_refused(findings)
    shapes = frame.geometry[frame.geometry.geom_type.isin(_LINES)].to_numpy(dtype=object)
    if not len(shapes):
        raise LayerError(f"{path}: no line; expected rivers as lines")
    found: NDArray[np.object_] = shapes
    return found
