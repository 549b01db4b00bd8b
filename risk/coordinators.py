"""Who is asked: a regency's coordinators, the nearest to each village."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kentongan.codes import parent
from risk.sphere import unit_vectors

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def nearest_coordinators(
    codes: Sequence[str], villages: pd.DataFrame, coordinators: pd.DataFrame, *, level: int
) -> list[str | None]:
    """For each village the nearest coordinator of its `level` (2 regency, 1 province).

    Nearest by where they live. None where the area has none. A coordinator or village
    without a known position counts as far away, never as absent.
    """
    where = positions(codes, villages)
    lives = positions(coordinators["adm4_code"].tolist(), villages)
    ids = coordinators["coordinator_id"].tolist()
    areas = [parent(code, level) for code in coordinators["adm2_code"].tolist()]
    by_area: dict[str, list[int]] = {}
    for row in sorted(range(len(ids)), key=lambda row: str(ids[row])):
        by_area.setdefault(areas[row], []).append(row)
    return [
        _nearest(xyz, by_area.get(parent(code, level), []), lives, ids)
        for code, xyz in zip(codes, where, strict=True)
    ]


def positions(codes: Sequence[str], villages: pd.DataFrame) -> NDArray[np.float64]:
    """Unit vectors of villages, shape (n, 3); NaN where the layer set has no such village."""
    known = villages.loc[villages["adm4_code"].isin(set(codes))].set_index("adm4_code")
    points = known[["longitude", "latitude"]].reindex(list(codes)).to_numpy(dtype=np.float64)
    return unit_vectors(points[:, 0], points[:, 1])


def _nearest(
    xyz: NDArray[np.float64], rows: list[int], lives: NDArray[np.float64], ids: list[str]
) -> str | None:
    if not rows:
        return None
    distance = np.linalg.norm(lives[rows] - xyz, axis=1)
    return ids[rows[int(np.argmin(np.nan_to_num(distance, nan=np.inf)))]]
