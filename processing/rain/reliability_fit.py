"""How reliable the ensemble's probabilities are, and the tables that make them so.

`python -m processing.rain.reliability_fit` prints reliability on afternoons that no table has
seen; with `--write FILE` it fits the tables anew (`data/rain/reliability.toml`). What is judged:
on cells of about 11 km, at least so many mm/h in the hour (or less) that ends at a lead, by the
share of members, against the true mean rain of the cell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from processing.rain.calibrate import Curve
from processing.rain.ensemble import Ensemble, coarsened
from processing.rain.policy import Nowcast, rain_policy
from processing.rain.product import Observed, outlook
from processing.rain.reliability import Reliability, Table, probability, reliability
from processing.rain.skill import calibration, observed
from processing.rain.synthetic import Afternoon, afternoon

Floats = npt.NDArray[np.float64]

EVENTS = tuple((lead, mm_h) for mm_h in (5.0, 10.0) for lead in (30, 60, 120, 180))
"""Lead in minutes and rain in mm/h; 10 mm/h is the lower edge of level 2 of one hour."""
STARTS = (5, 8, 11)
FIT_ON = tuple(range(201, 249))
JUDGED_ON = tuple(range(1, 25))
"""Seeds; the retrieval is calibrated on others again."""
BINS = np.linspace(0, 1, 11)
LEAST = 50
"""Cells in a step of a table; fewer are joined to the next."""


@dataclass(frozen=True)
class Samples:
    """Of one event: shares of members, and whether it happened; 1-D, alike."""

    share: Floats
    happened: npt.NDArray[np.bool_]

    def joined(self, other: Samples) -> Samples:
        return Samples(
            np.concatenate([self.share, other.share]),
            np.concatenate([self.happened, other.happened]),
        )

    @property
    def brier(self) -> float:
        return float(((self.share - self.happened) ** 2).mean())

    @property
    def skill(self) -> float:
        """Brier skill score against always saying how often it happens in these samples."""
        base = float(self.happened.mean())
        return 1 - self.brier / (base * (1 - base)) if 0 < base < 1 else float("nan")

    @property
    def off(self) -> float:
        """Mean distance of what was said from what happened, over the bins, by their cells."""
        return sum(n * abs(said - came) for _, n, said, came in self.bins()) / self.share.size

    def bins(self) -> Iterator[tuple[int, int, float, float]]:
        """Number, cells, mean said and share happened of each of ten bins that holds any."""
        where = np.clip(np.digitize(self.share, BINS) - 1, 0, 9)
        for k in range(10):
            inside = where == k
            if inside.any():
                said, came = self.share[inside].mean(), self.happened[inside].mean()
                yield k, int(inside.sum()), float(said), float(came)


Found = dict[tuple[int, float], Samples]


def samples(seeds: Sequence[int], curve: Curve, rules: Nowcast | None = None) -> Found:
    """Shares and truth of all events over afternoons."""
    rules = rules or rain_policy().nowcast
    found: Found = {}
    for seed in seeds:
        day = afternoon(seed)
        for start in STARTS:
            members = _members(day, start, curve, rules, seed)
            for event in EVENTS:
                new = _judged(members, day, start, *event)
                found[event] = found[event].joined(new) if event in found else new
    return found


def _members(day: Afternoon, start: int, curve: Curve, rules: Nowcast, seed: int) -> Ensemble:
    rates = tuple(observed(day, k, curve) for k in (start - 2, start - 1, start))
    seen = Observed(datetime(2026, 1, 1, tzinfo=UTC), rates, {})
    ahead = outlook(seen, rules, seed=seed * 100 + start)
    if ahead is None:
        raise ValueError(f"afternoon {seed}: no nowcast from three frames")
    return ahead.members


def _judged(members: Ensemble, day: Afternoon, start: int, lead: int, mm_h: float) -> Samples:
    last = round(lead / members.minutes)
    count = min(last, round(60 / members.minutes))
    said = members.rates[:, last - count : last].mean(axis=1)
    truth = day.rain[start + last - count + 1 : start + last + 1].mean(axis=0)
    came = coarsened(truth, truth.shape[0] // said.shape[1])
    known = np.isfinite(said).all(axis=0)
    share = (said >= mm_h).mean(axis=0)
    return Samples(share[known].astype(float), came[known] >= mm_h)


def fitted(lead: int, mm_h: float, given: Samples) -> Table:
    """Isotonic regression (pooled adjacent violators) of what happened on the share.

    Steps of few cells are joined before; each step stands at the mean of its shares.
    """
    from scipy.optimize import isotonic_regression

    steps = _steps(given)
    share, came, cells = (np.array(part) for part in zip(*steps, strict=True))
    rising = isotonic_regression(came, weights=cells).x
    ends = np.concatenate([[0.0], share[(share > 0) & (share < 1)], [1.0]])
    at_ends = np.interp(ends, share, rising)
    return Table(
        lead_minutes=lead,
        rain_mm_h=mm_h,
        share=tuple(round(float(v), 4) for v in ends),
        observed=tuple(round(float(v), 4) for v in at_ends),
    )


def _steps(given: Samples) -> list[tuple[float, float, int]]:
    """Mean share, share happened and cells of each value of the share, few ones joined."""
    groups: list[npt.NDArray[np.bool_]] = []
    held = np.zeros(given.share.size, dtype=bool)
    for value in np.unique(given.share):
        held = held | (given.share == value)
        if held.sum() >= LEAST:
            groups.append(held)
            held = np.zeros_like(held)
    if held.any():
        groups[-1:] = [held | groups[-1]] if groups else [held]
    return [
        (float(given.share[g].mean()), float(given.happened[g].mean()), int(g.sum()))
        for g in groups
    ]


def corrected(found: Found, known: Reliability) -> Found:
    """The same samples, with the probability in place of the share."""
    return {
        (lead, mm_h): replace(
            one, share=probability(one.share.astype(np.float32), lead, mm_h, known).astype(float)
        )
        for (lead, mm_h), one in found.items()
    }


def summary(raw: Found, mended: Found) -> str:
    """Markdown: Brier score and skill and mean distance from the diagonal, before and after."""
    lines = [
        "| mm/h | lead, min | cells | happened, % | Brier, share | Brier, corrected | skill, share "
        "| skill, corrected | off, share, % | off, corrected, % |",
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (lead, mm_h), one in raw.items():
        other = mended[lead, mm_h]
        lines.append(
            f"| {mm_h:g} | {lead} | {one.share.size} | {100 * one.happened.mean():.2f} "
            f"| {one.brier:.4f} | {other.brier:.4f} | {one.skill:.2f} | {other.skill:.2f} "
            f"| {100 * one.off:.2f} | {100 * other.off:.2f} |"
        )
    return "\n".join(lines)


def diagram(raw: Samples, mended: Samples) -> str:
    """Markdown: ten bins of one event, before and after."""
    lines = [
        "| bin, % | share: cells | said, % | happened, % | corrected: cells | said, % "
        "| happened, % |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    one, other = ({b[0]: b[1:] for b in s.bins()} for s in (raw, mended))
    for k in range(10):
        parts = [
            f"{b[0]} | {100 * b[1]:.1f} | {100 * b[2]:.1f}" if b else "0 | – | –"
            for b in (one.get(k), other.get(k))
        ]
        lines.append(f"| {10 * k}–{10 * k + 10} | {parts[0]} | {parts[1]} |")
    return "\n".join(lines)


def _toml(found: Found, on: date) -> str:
    lines = [
        "# Share of the ensemble's members to probability, by lead and rain. Made by",
        "# `python -m processing.rain.reliability_fit --write`; no real rain was the judge.",
        'author = "Kentongan founders"',
        f"date = {on}",
        f'fitted_on = "{len(FIT_ON)} made-up afternoons (seeds {FIT_ON[0]} to {FIT_ON[-1]})"',
        "confirmed = false",
    ]
    for (lead, mm_h), one in found.items():
        table = fitted(lead, mm_h, one)
        lines += ["", "[[table]]", f"lead_minutes = {lead}", f"rain_mm_h = {mm_h}"]
        lines += [f"share = {list(table.share)}", f"observed = {list(table.observed)}"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m processing.rain.reliability_fit")
    parser.add_argument("--write", type=Path, help="fit the tables anew into this file")
    parser.add_argument("--date", type=date.fromisoformat, help="with --write: of the tables")
    given = parser.parse_args(arguments)
    curve = calibration()
    if given.write:
        if given.date is None:
            parser.error("--write needs --date YYYY-MM-DD")
        text = _toml(samples(FIT_ON, curve), given.date)
        given.write.write_text(text, encoding="utf-8")
        return
    raw = samples(JUDGED_ON, curve)
    mended = corrected(raw, reliability())
    hour = (60, 5.0)
    sys.stdout.write(f"{summary(raw, mended)}\n\n{diagram(raw[hour], mended[hour])}\n")


if __name__ == "__main__":
    main()
