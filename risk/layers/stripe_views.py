"""A people grid seen through something: scaled, or telling how far it is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from risk.layers.progress import Advance
from risk.stripes import PeopleStripes, Stripe


@dataclass(frozen=True, eq=False)
class _View:
    """The grid of another."""

    of: PeopleStripes

    @property
    def west(self) -> float:
        return self.of.west

    @property
    def north(self) -> float:
        return self.of.north

    @property
    def dx(self) -> float:
        return self.of.dx

    @property
    def dy(self) -> float:
        return self.of.dy

    @property
    def rows(self) -> int:
        return self.of.rows

    @property
    def columns(self) -> int:
        return self.of.columns


@dataclass(frozen=True, eq=False)
class Times(_View):
    """People times a factor."""

    factor: float

    def stripes(self) -> Iterator[Stripe]:
        for stripe in self.of.stripes():
            yield Stripe(stripe.first_row, (stripe.people * self.factor).astype(np.float32))


@dataclass(frozen=True, eq=False)
class Told(_View):
    """The same people; `advance` hears which share of the rows is done."""

    advance: Advance

    def stripes(self) -> Iterator[Stripe]:
        for stripe in self.of.stripes():
            yield stripe
            done = (stripe.first_row + stripe.people.shape[0]) / self.of.rows
            self.advance("people in villages", done)
