"""The villages to choose from, as arrays in code order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]

CELL_DEG = 0.15
"""Side of the cells by which neighbours are found, about 16.7 km at the equator: the way of a
thunderstorm cell at 30 to 40 km/h in half an hour (unconfirmed; it only chooses what is asked)."""
_COLUMNS = 2400  # cells of CELL_DEG around the earth
_DISTRICT = 8  # characters of an adm3 code


@dataclass(frozen=True, eq=False)
class Villages:
    """One row a village, codes ascending, so that the villages of a district lie together."""

    codes: NDArray[np.str_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    district: NDArray[np.int64]
    """Of each village, its row in `districts`."""
    districts: NDArray[np.str_]
    """adm3 codes, ascending."""
    starts: Rows
    """First village of each district."""
    by_people: Rows
    """All villages, district by district, the most populous first."""
    place: NDArray[np.int64]
    """0 for the most populous village of a district, 1 for the next …"""

    def __len__(self) -> int:
        return len(self.codes)

    def rows(self, codes: Sequence[str]) -> Rows:
        """Rows of the codes that are known; the others are left out."""
        wanted = np.asarray(sorted(set(codes)), dtype=self.codes.dtype)
        if not len(wanted) or not len(self):
            return np.empty(0, dtype=np.int64)
        found = np.searchsorted(self.codes, wanted).clip(max=len(self) - 1)
        rows: Rows = found[self.codes[found] == wanted].astype(np.int64)
        return rows

    def representatives(self, passed_over: Mask) -> Rows:
        """One village of each district: its most populous that is not passed over.

        A district whose villages are all passed over keeps its most populous one.
        """
        order = self.by_people
        position = np.where(passed_over[order], len(self), np.arange(len(self)))
        first = np.minimum.reduceat(position, self.starts)
        return order[np.where(first < len(self), first, self.starts)]

    def in_provinces(self, province_codes: Sequence[str]) -> Mask:
        """Districts that lie in one of these provinces."""
        return np.isin(self.districts.astype("<U2"), list(province_codes))

    def districts_near(self, rows: Rows) -> Mask:
        """Districts with a village in a cell of `CELL_DEG` that touches the cell of a given one."""
        cells = self._cells()
        if not len(rows):
            return np.zeros(len(self.districts), dtype=bool)
        own = np.unique(cells[rows])
        steps = np.array([i * _COLUMNS + j for i in (-1, 0, 1) for j in (-1, 0, 1)])
        touching = np.isin(cells, (own[:, None] + steps[None, :]).ravel())
        near = np.zeros(len(self.districts), dtype=bool)
        near[self.district[touching]] = True
        return near

    def _cells(self) -> NDArray[np.int64]:
        south = np.floor((self.latitude + 90) / CELL_DEG).astype(np.int64)
        west = np.floor((self.longitude + 180) / CELL_DEG).astype(np.int64)
        return south * _COLUMNS + west


def make_villages(
    codes: Sequence[str] | NDArray[Any],
    people: Sequence[int] | NDArray[Any],
    latitude: Sequence[float] | NDArray[Any],
    longitude: Sequence[float] | NDArray[Any],
) -> Villages:
    """Arrays of one length n ≥ 1, codes ascending.

    Among equally populous villages the lower code comes first: the same choice on every machine.
    """
    own = np.asarray(codes, dtype="<U13")
    districts, starts, district = np.unique(
        own.astype(f"<U{_DISTRICT}"), return_index=True, return_inverse=True
    )
    by_people = np.lexsort((np.arange(len(own)), -np.asarray(people, dtype=np.int64), district))
    place = np.empty(len(own), dtype=np.int64)
    place[by_people] = np.arange(len(own)) - starts[district[by_people]]
    return Villages(
        codes=own,
        latitude=np.asarray(latitude, dtype=np.float64),
        longitude=np.asarray(longitude, dtype=np.float64),
        district=district.astype(np.int64),
        districts=districts,
        starts=starts.astype(np.int64),
        by_people=by_people.astype(np.int64),
        place=place,
    )
