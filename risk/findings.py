"""What an area rule finds: rows of villages with their level and the shares of their people."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.operator import CLASSES, PARTS


@dataclass(frozen=True, eq=False)
class Findings:
    """One entry per touched village.

    Attributes:
        rows: positions in the layer set's villages.
        level: 0..4, by the area rule.
        rule: text, which rule spoke.
        parts: int64, shape (n, 6): whole parts in levels 0 to 4 and unknown; each row adds up
            to all of its village (`PARTS` by shapes, the operator's `scale` by cells).
        value: float32, the physical value that decided; NaN if none.
        onset: UTC timestamps, NaT if not known.
        no_elevation: a coast strip without elevation data decided.
        counts: whole people of the same shape as `parts`; None: they follow from `parts`.
        unresolved: names that led to no village.
        unassigned: int64, shape (6,): whole people in no village, in the same classes.
        method: how the field met the people; see `risk.exposure.expose`.
        probability: float32, of level 2 and more, NaN if not known; None: the field has none.
    """

    rows: NDArray[np.int64]
    level: NDArray[np.int64]
    rule: NDArray[np.object_]
    parts: NDArray[np.int64]
    value: NDArray[np.float32]
    onset: pd.DatetimeIndex
    no_elevation: NDArray[np.bool_]
    counts: NDArray[np.int64] | None = None
    unresolved: tuple[str, ...] = field(default=())
    unassigned: NDArray[np.int64] = field(default_factory=lambda: np.zeros(CLASSES, np.int64))
    method: str = "polygons by area"
    probability: NDArray[np.float32] | None = None

    @classmethod
    def nothing(cls, unresolved: tuple[str, ...] = ()) -> Findings:
        """No village is touched."""
        return cls(
            rows=np.empty(0, dtype=np.int64),
            level=np.empty(0, dtype=np.int64),
            rule=np.empty(0, dtype=object),
            parts=np.empty((0, CLASSES), dtype=np.int64),
            value=np.empty(0, dtype=np.float32),
            onset=pd.DatetimeIndex([], tz="UTC"),
            no_elevation=np.empty(0, dtype=np.bool_),
            unresolved=unresolved,
        )


def parts_by_level(at_least: NDArray[np.float64]) -> NDArray[np.int64]:
    """Parts in each level from the shares inside at least each level.

    Args:
        at_least: shape (n, 4), share (0..1) in level >= 1, 2, 3, 4; never growing with level.

    Returns:
        int64, shape (n, 6), rows sum to `PARTS`, nothing unknown.
    """
    whole = np.round(np.clip(at_least, 0, 1) * PARTS).astype(np.int64)
    edges = np.hstack([np.full((len(whole), 1), PARTS), whole, np.zeros((len(whole), 1), int)])
    parts = np.zeros((len(whole), CLASSES), dtype=np.int64)
    parts[:, :5] = edges[:, :-1] - edges[:, 1:]
    return parts
