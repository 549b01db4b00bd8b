"""A fine grid of people, read in horizontal stripes so that a nation fits into little memory.

Rows run from north to south, as image files have them. The grid is regular in degrees
(EPSG:4326); its origin and step need not match the grid of a hazard.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Stripe:
    """Whole rows of a people grid.

    Attributes:
        first_row: row of `people[0]`, counted from the north.
        people: float32, shape (n, columns): people in each cell; NaN and 0 are nobody.
    """

    first_row: int
    people: NDArray[np.float32]


@runtime_checkable
class PeopleStripes(Protocol):
    """People in each cell, a stripe at a time.

    `west` and `north` are edges (not centres) in degrees, `dx` and `dy` positive steps in
    degrees. `stripes()` starts anew at each call, goes from north to south and gives no row
    twice; rows that it leaves out hold nobody. Any height will do: the result does not depend
    on it.
    """

    @property
    def west(self) -> float: ...
    @property
    def north(self) -> float: ...
    @property
    def dx(self) -> float: ...
    @property
    def dy(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...

    def stripes(self) -> Iterator[Stripe]: ...


@dataclass(frozen=True, eq=False)
class ArrayStripes:
    """A people grid that is in memory already; `height` rows at a time."""

    people: NDArray[np.float32]
    west: float
    north: float
    dx: float
    dy: float
    height: int = 256

    @property
    def rows(self) -> int:
        return int(self.people.shape[0])

    @property
    def columns(self) -> int:
        return int(self.people.shape[1])

    def stripes(self) -> Iterator[Stripe]:
        for row in range(0, self.rows, self.height):
            yield Stripe(row, self.people[row : row + self.height])
