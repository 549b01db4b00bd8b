"""Whether a people raster can hold the people of Indonesia.

Its sum is compared with the register of the embedded set, in cells of 2 km: not more than twice
the people who live within its frame, not fewer than half of those in the cells in which it has
somebody. Between the two lies what a model of the embedded set's kind cannot judge.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.grid import BASE_GRID
from risk.layers.check.finding import EVERYWHERE, Finding, Severity, refused
from risk.layers.check.loops import sum_to_grid
from risk.layers.check.raster_values import (
    Values,
    examine_fills,
    examine_frame,
    examine_negatives,
    looks_repeated,
    scan,
)
from risk.layers.check.reference import Reference
from risk.layers.people_raster import ABSOLUTE, PeopleKind, RasterPeople, people_raster
from risk.layers.progress import Advance, silent
from risk.layers.rasters import degrees_bounds, open_raster

PLAUSIBLE = 2.0
"""Factor between a raster and the register that no real difference of sources reaches over a
whole regency. Unconfirmed; WorldPop and Dukcapil differ by tens of per cent."""
_SMALL = 5.0
"""The same for a clip smaller than every regency: the embedded model spreads people evenly
within towns, so a centre may hold several times what it says. Unconfirmed."""
_WHOLE = 0.98
"""Share of a regency's people inside the frame from which the raster holds it whole."""
_KM2_OF_CELL = (111.195 * BASE_GRID.step) ** 2
_NAMED = 3
_F64 = NDArray[np.float64]


@dataclass(frozen=True)
class RasterCheck:
    """What is known of a people raster.

    Attributes:
        kind: what its values count; None if it cannot be known.
        people: sum of the counts by that kind.
    """

    kind: PeopleKind | None
    people: float
    findings: tuple[Finding, ...]


def examine_people(
    path: Path, kind: PeopleKind | None, known: Reference, advance: Advance = silent
) -> RasterCheck:
    """Check a people raster.

    Args:
        kind: what its values count; None: found by the sum, if only one answer fits.
    """
    with open_raster(path) as source:
        frame = examine_frame(source, path.name)
        if refused(frame):
            return RasterCheck(None, 0.0, tuple(frame))
        values, declared = scan(source), source.nodata
        bounds = degrees_bounds(source)
    found = [*examine_fills(values, declared, path.name)]
    found += examine_negatives(values, declared, path.name)
    if declared is None and not values.fills:
        found.append(_no_nodata(path.name))
    if refused(found):
        return RasterCheck(None, 0.0, (*frame, *found))
    if kind is PeopleKind.WEIGHT:
        return RasterCheck(kind, values.total, (*frame, *found, *_as_weights(values, path.name)))
    sums = _Sums(people_raster(path), bounds, known, advance)
    chosen, told = _kind(sums, kind, path.name)
    found += told + _repeated(values, chosen, path.name)
    if chosen is not None and sums.fine:
        found += regency_findings(sums.regencies(chosen), known, path.name)
    return RasterCheck(chosen, sums.people(chosen) if chosen else 0.0, (*frame, *found))


def _as_weights(values: Values, file: str) -> list[Finding]:
    """Of a raster that only distributes: its sum says nothing and is not compared."""
    return [
        Finding(
            Severity.FLAG, "weights-only", file, "",
            f"sum {values.total:,.0f}, taken as relative weights",
            "counts or a density of people",
            "each regency gets its registered people, spread by the raster", EVERYWHERE,
        ),
        *_repeated(values, PeopleKind.WEIGHT, file),
    ]  # fmt: skip


def _no_nodata(file: str) -> Finding:
    return Finding(
        Severity.INFO, "no-nodata", file, "", "no nodata value is declared",
        "nodata or 0 where nobody lives", "all values are taken as they are",
    )  # fmt: skip


class _Sums:
    """A people raster and the register, both in cells of the base grid."""

    def __init__(
        self,
        stripes: RasterPeople,
        bounds: tuple[float, float, float, float],
        known: Reference,
        advance: Advance,
    ) -> None:
        self.known = known
        self.value = _on_base_grid(stripes, advance)
        self.frame = _inside(bounds)
        self.row_km2 = _KM2_OF_CELL * np.cos(np.radians(BASE_GRID.latitude))
        self.cell_share = stripes.dx * stripes.dy / BASE_GRID.step**2
        self.expected = known.cell_people
        self.most = float((self.expected * self.frame).sum())
        self.least = float(self.expected[(self.value > 0) & (self.frame >= 1)].sum())
        inside = known.by_regency(self.frame) / known.by_regency(np.ones_like(self.frame))
        self.fine = max(stripes.dx, stripes.dy) <= BASE_GRID.step
        self.whole = inside.index[(inside >= _WHOLE) & self.fine]

    def counts(self, kind: PeopleKind) -> _F64:
        """People by cell of the base grid, if the values are of this kind."""
        if kind is PeopleKind.COUNT:
            return self.value
        per_km2 = 1.0 if kind is PeopleKind.PER_KM2 else 100.0
        area = np.repeat(self.row_km2, BASE_GRID.columns) * self.cell_share
        counts: _F64 = self.value * area * per_km2
        return counts

    def people(self, kind: PeopleKind) -> float:
        return float(self.counts(kind).sum())

    def regencies(self, kind: PeopleKind) -> pd.Series:
        """People of each regency that lies wholly in the frame.

        A base cell's people go to regencies as the register has them there.
        """
        per_head = np.divide(
            self.counts(kind), self.expected,
            out=np.zeros_like(self.expected), where=self.expected > 0,
        )  # fmt: skip
        found: pd.Series = self.known.by_regency(per_head)[self.whole]
        return found

    def off(self, kind: PeopleKind) -> float:
        """By which factor the sum is off the register; 1 is not at all.

        Of the regencies that the frame holds whole, if any; else of the range between the
        people registered in its cells with people and those in its frame.
        """
        if len(self.whole):
            ratio = float(self.regencies(kind).sum()) / self.registered
            return max(ratio, 1 / ratio) if ratio > 0 else np.inf
        people = self.people(kind)
        if people <= 0:
            return np.inf
        return max(people / max(self.most, 1.0), self.least / people, 1.0)

    @property
    def registered(self) -> float:
        """People of the regencies that the frame holds whole; else of all cells in it."""
        whole = float(self.known.regency_people[self.whole].sum())
        return whole if len(self.whole) else self.most

    @property
    def said(self) -> str:
        """What the sum is compared with, in words."""
        if len(self.whole):
            return f"{self.registered:,.0f} registered in the {len(self.whole)} regencies inside it"
        return f"{self.least:,.0f} to {self.most:,.0f} registered there"

    @property
    def allowed(self) -> float:
        return PLAUSIBLE if len(self.whole) else _SMALL


def _on_base_grid(stripes: RasterPeople, advance: Advance) -> _F64:
    """Values summed in the base cell of each fine cell's centre, flat."""
    grid = BASE_GRID
    x = stripes.west + (np.arange(stripes.columns) + 0.5) * stripes.dx
    column = _cell(x, grid.west, grid.columns)
    total = np.zeros((grid.rows, grid.columns))
    for stripe in stripes.stripes():
        rows = stripe.first_row + np.arange(stripe.people.shape[0])
        row = _cell(stripes.north - (rows + 0.5) * stripes.dy, grid.south, grid.rows)
        sum_to_grid(stripe.people, row, column, total)
        advance("people raster", (stripe.first_row + len(rows)) / stripes.rows)
    return total.ravel()


def _cell(place: NDArray[np.floating], origin: float, count: int) -> NDArray[np.int64]:
    """Number of the base row or column; -1 outside."""
    cell = np.floor((place - origin) / BASE_GRID.step).astype(np.int64)
    inside: NDArray[np.int64] = np.where((cell >= 0) & (cell < count), cell, -1)
    return inside


def _inside(bounds: tuple[float, float, float, float]) -> _F64:
    """Share of each base cell inside a box, flat."""
    grid = BASE_GRID
    west, south, east, north = bounds

    def cut(low: float, high: float, origin: float, count: int) -> _F64:
        edge = origin + np.arange(count + 1) * grid.step
        part = np.minimum(edge[1:], high) - np.maximum(edge[:-1], low)
        share: _F64 = np.clip(part / grid.step, 0, 1)
        return share

    rows = cut(south, north, grid.south, grid.rows)
    columns = cut(west, east, grid.west, grid.columns)
    return np.outer(rows, columns).ravel()


_WORDS = {
    PeopleKind.PER_HA: ("pph", "per_ha", "perha"),
    PeopleKind.PER_KM2: ("density", "dens", "per_km2", "perkm2", "pd_"),
    PeopleKind.COUNT: ("ppp", "count", "ghs_pop", "hrsl", "_pop_", "jiwa"),
}
"""In names of files: WorldPop writes ppp and pph, newer files `idn_pop_2025`; JRC `GHS_POP`."""


def _kind(
    sums: _Sums, stated: PeopleKind | None, file: str
) -> tuple[PeopleKind | None, list[Finding]]:
    fits = [k for k in ABSOLUTE if sums.off(k) <= sums.allowed]
    if stated is not None:
        return (stated, []) if stated in fits else (stated, [_implausible(sums, stated, file)])
    if not fits:
        return None, [_implausible(sums, PeopleKind.COUNT, file)]
    if fits == [PeopleKind.COUNT]:
        return PeopleKind.COUNT, []
    if len(fits) == 1:
        return fits[0], [_density(sums, fits[0], file)]
    named = next((k for k, words in _WORDS.items() if any(w in file.lower() for w in words)), None)
    if named in fits:
        return named, [_by_name(sums, named, fits, file)]
    return None, [_undecided(sums, fits, file)]


def _by_name(sums: _Sums, kind: PeopleKind, fits: list[PeopleKind], file: str) -> Finding:
    return Finding(
        Severity.INFO, "kind-by-name", file, "",
        f"{_sums_of(sums, fits)} people; each fits the {sums.registered:,.0f} registered there",
        "one reading that fits", f"read as {kind}, as its name says; --people-kind to say another",
    )  # fmt: skip


def _sums_of(sums: _Sums, kinds: list[PeopleKind]) -> str:
    return ", ".join(f"{sums.people(k):,.0f} as {k}" for k in kinds)


def _density(sums: _Sums, kind: PeopleKind, file: str) -> Finding:
    return Finding(
        Severity.INFO, "density", file, "",
        f"{_sums_of(sums, list(ABSOLUTE))} people; {sums.said}",
        "counts or a density", f"read as a density ({kind}), times the true area of each cell",
    )  # fmt: skip


def _undecided(sums: _Sums, kinds: list[PeopleKind], file: str) -> Finding:
    return Finding(
        Severity.REFUSE, "kind-unclear", file, "",
        f"{_sums_of(sums, kinds)} people; each fits the {sums.registered:,.0f} registered there",
        "one reading that fits", f"say which: --people-kind {' or '.join(kinds)}", EVERYWHERE,
    )  # fmt: skip


def _implausible(sums: _Sums, kind: PeopleKind, file: str) -> Finding:
    others = [k for k in ABSOLUTE if k is not kind and sums.off(k) <= sums.allowed]
    remedy = (
        f"it is a density, no count: --people-kind {others[0]}"
        if others and kind is PeopleKind.COUNT
        else f"give --people-kind {others[0]}"
        if others
        else f"no reading fits ({_sums_of(sums, list(ABSOLUTE))}): the unit is another one, "
        "coarse counts were repeated on a finer grid, or the file is another quantity"
    )
    check = "density-as-counts" if others and kind is PeopleKind.COUNT else "implausible-total"
    return Finding(
        Severity.REFUSE, check, file, "",
        f"{sums.people(kind):,.0f} people as {kind}, {sums.off(kind):.1f} times off",
        f"at most {sums.allowed:g} times more or fewer than {sums.said}",
        remedy, EVERYWHERE,
    )  # fmt: skip


def _repeated(values: Values, kind: PeopleKind | None, file: str) -> list[Finding]:
    if not looks_repeated(values):
        return []
    density = kind is not None and kind is not PeopleKind.COUNT
    return [
        Finding(
            Severity.FLAG if density else Severity.REFUSE, "repeated-values", file, "",
            f"{len(values.distinct)} different values on {values.valid} cells; "
            f"{values.flat:.0%} of neighbours are equal",
            "values of this grid's own cells",
            "a density may be flat over whole areas" if density
            else "counts of coarser cells or areas were repeated on a finer grid, which "
            "multiplies people; take the coarse file, or a table by area", EVERYWHERE,
        )
    ]  # fmt: skip


def regency_findings(found: pd.Series, known: Reference, file: str) -> list[Finding]:
    """Regencies whose people are more than `PLAUSIBLE` times off the register.

    Args:
        found: people by regency code.
    """
    ratio = (found / known.regency_people.reindex(found.index)).dropna()
    far = ratio[(ratio > PLAUSIBLE) | (ratio < 1 / PLAUSIBLE)].sort_values()
    if far.empty:
        return []
    most = len(far) * 2 > len(ratio)
    worst = [*far.index[:_NAMED], *far.index[-_NAMED:]]
    named = ", ".join(
        f"{c} {known.names[c]} {found[c]:,.0f} of {known.regency_people[c]:,}"
        for c in dict.fromkeys(worst)
    )
    return [
        Finding(
            Severity.REFUSE if most else Severity.FLAG, "far-from-register", file, named,
            f"{len(far)} of {len(ratio)} regencies more than {PLAUSIBLE:g} times off the register",
            "people near Dukcapil's regency figures (semester II 2024)",
            "--people-kind weight takes the raster only to distribute each regency's register",
            tuple(str(c) for c in far.index),
        )
    ]  # fmt: skip
