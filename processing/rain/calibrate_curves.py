"""Curves in force: by region and local hour, else by region, else of the nation; and what they do.

Too few samples of a place and hour are pooled with those around them, never stretched. Rates are
looked up in hundredths of a millimetre an hour, so a frame that is calibrated again, here or after
a restart, has the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from kentongan.compiled import jit_parallel
from kentongan.errors import DataError
from kentongan.store import sha256_hex
from kentongan.times import iso, parse_instant
from processing.rain.calibrate import Curve, fit, local_hour
from processing.rain.calibrate_samples import (
    HOURS,
    CalibrationRules,
    Regions,
    Reservoir,
    Samples,
)
from processing.rain.rates import rates
from processing.rain.sums import UNKNOWN

Amounts = npt.NDArray[np.uint16]
Table = npt.NDArray[np.uint16]

NATION = "nation"
HUNDREDTHS = 100
SCOPES = ("region and hour", "region", "nation")
"""What a curve was pooled over, narrowest first."""


@dataclass(frozen=True)
class Counts:
    """What one curve rests on."""

    samples: int
    wet: int
    days: int

    def enough(self, rules: CalibrationRules) -> bool:
        return (
            self.samples >= rules.least_samples
            and self.wet >= rules.least_wet
            and self.days >= rules.least_days
        )

    def words(self, rules: CalibrationRules) -> str:
        """For an operator: how far the pool is from a curve."""
        return (
            f"{self.samples} samples of {rules.least_samples}, {self.wet} with rain of "
            f"{rules.least_wet}, {self.days} days of {rules.least_days}"
        )


@dataclass(frozen=True)
class Calibration:
    """One version, never changed once it is stored."""

    reference: str
    """Source that the retrieval was held against."""
    retrieval: str
    """Method that was held against it; another one has no calibration by this."""
    made_at: datetime
    first: datetime
    last: datetime
    """Times of the first and the last frame with samples."""
    frames: int
    curves: Mapping[str, Curve]
    """`region/hour`, `region` or `nation` -> curve; `nation` is always there."""
    counts: Mapping[str, Counts]
    _tables: dict[str, tuple[Table, Table, Table, int]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def id(self) -> str:
        digest = sha256_hex(json.dumps(_document(self), sort_keys=True).encode())[:8]
        return f"{self.reference}-{self.made_at.astimezone(UTC):%Y%m%dT%H%MZ}-{digest}"

    def curve_for(self, region: str, hour: int) -> tuple[str, int]:
        """Name of the narrowest curve there is, and its place in `SCOPES`."""
        for scope, name in enumerate((key_of(region, hour), region)):
            if name in self.curves:
                return name, scope
        return NATION, len(SCOPES) - 1

    def table(self, name: str) -> tuple[Table, Table, Table, int]:
        """p10, p50 and p90 for each hundredth up to the cap, and the last hundredth sampled."""
        if name not in self._tables:
            self._tables[name] = _tabled(self.curves[name])
        return self._tables[name]


def key_of(region: str, hour: int) -> str:
    return f"{region}/{hour:02d}"


def fitted(
    reservoir: Reservoir, rules: CalibrationRules
) -> tuple[dict[str, Curve], dict[str, Counts]]:
    """A curve for each pool with enough samples, and what every pool has.

    Without one for the nation there is none at all: it is the widest pool.
    """
    pools: dict[str, list[tuple[int, int]]] = {NATION: sorted(reservoir.parts)}
    for region, hour in sorted(reservoir.parts):
        name = rules.names[region]
        pools.setdefault(name, []).append((region, hour))
        pools[key_of(name, hour)] = [(region, hour)]
    curves, counts = {}, {}
    for name, places in pools.items():
        samples = Samples.joined([reservoir.parts[p] for p in places])
        days = max((reservoir.days[p] for p in places), default=0)
        counts[name] = Counts(len(samples), int((samples["ours"] > 0).sum()), days)
        if counts[name].enough(rules):
            curves[name] = _fit(samples)
    return (curves if NATION in curves else {}), counts


def strangers(reservoir: Reservoir, rules: CalibrationRules) -> str:
    """Why the two cannot have seen the same rain; empty: they can.

    Quantiles can be matched of anything: of a reference in another unit, on a grid that is put
    elsewhere, or with the times of another day.
    """
    from scipy.stats import spearmanr

    samples = Samples.joined([reservoir.parts[p] for p in sorted(reservoir.parts)])
    ours, theirs = (samples[n].astype(np.float64) for n in ("ours", "theirs"))
    if not theirs.any():
        return "the reference is dry in every pair: no rain to hold anything against"
    mean, (least, most) = theirs.mean() / HUNDREDTHS, rules.mean_mm_h
    if not least <= mean <= most:
        return (
            f"the reference rains {mean:.3g} mm/h in the mean of all pairs: expected {least:g} to "
            f"{most:g}; is its unit mm/h, its scale applied?"
        )
    agree = float(spearmanr(ours, theirs).statistic)
    if not agree >= rules.least_rank_correlation:
        return (
            f"rank correlation {agree:.2f}, expected at least {rules.least_rank_correlation:g}: "
            "the two do not see the same rain; is the time or the grid of one wrong?"
        )
    return ""


def _fit(samples: Samples) -> Curve:
    made = fit(*(samples[n].astype(np.float64) / HUNDREDTHS for n in ("ours", "theirs")))
    # As it is stored, so that a curve is the same before and after it was written.
    return _rounded(made)


def _rounded(curve: Curve) -> Curve:
    knots, first = np.unique(np.round(curve.ours, 4), return_index=True)
    central, low, high = (np.round(v[first], 4) for v in (curve.central, curve.p10, curve.p90))
    return Curve(knots, central, low, high, curve.samples)


def _tabled(curve: Curve) -> tuple[Table, Table, Table, int]:
    cap = round(rates().limits.cap_mm_h * HUNDREDTHS)
    raw = np.arange(cap + 1, dtype=np.float64) / HUNDREDTHS
    low, central, high = (
        np.clip(np.rint(band * HUNDREDTHS), 0, cap).astype(np.uint16) for band in curve.apply(raw)
    )
    # No rain that the retrieval sees is none, and none for certain at the low end.
    low[0] = central[0] = 0
    return low, central, np.maximum(high, central), int(curve.ours[-1] * HUNDREDTHS)


@dataclass(frozen=True)
class Lookup:
    """The curves of one time on one grid.

    Attributes:
        regions: region of each cell, int8, shape (rows, columns).
        place: row of the tables for each region and column, int16.
        low, central, high: shape (curves, hundredths of the retrieval), hundredths.
        sampled: highest hundredth of the retrieval with samples, of each curve.
        scope: place in `SCOPES` of each curve.
    """

    regions: Regions
    place: npt.NDArray[np.int16]
    low: Table
    central: Table
    high: Table
    sampled: npt.NDArray[np.int64]
    scope: npt.NDArray[np.int64]


def lookup(
    calibration: Calibration,
    time: datetime,
    regions: Regions,
    longitude: npt.NDArray[np.float64],
    rules: CalibrationRules,
) -> Lookup:
    """The curves of the frame of `time`.

    Args:
        regions: `regions_of` the grid, shape (rows, columns).
        longitude: of its columns, degrees.
    """
    now = time.astimezone(UTC)
    hour = local_hour(now.hour + now.minute / 60, longitude)
    names: dict[str, int] = {}
    scopes: list[int] = []
    place = np.zeros((len(rules.names), HOURS), dtype=np.int16)
    for region, one in np.ndindex(place.shape):
        if one not in hour:
            continue
        name, scope = calibration.curve_for(rules.names[region], one)
        if name not in names:
            names[name] = len(scopes)
            scopes.append(scope)
        place[region, one] = names[name]
    tables = [calibration.table(name) for name in names]
    low, central, high = (np.stack([t[k] for t in tables]) for k in (0, 1, 2))
    return Lookup(
        regions,
        np.ascontiguousarray(place[:, hour]),
        low,
        central,
        high,
        sampled=np.array([t[3] for t in tables]),
        scope=np.array(scopes),
    )


def calibrated(raw: Amounts, by: Lookup) -> Amounts:
    """The central rate of each cell, hundredths of mm/h; `UNKNOWN` stays so.

    Capped as the retrieval is; where the retrieval is dry, so is this.
    """
    out = np.empty_like(raw)
    _looked_up(raw, by.regions, by.place, by.central, out)
    return out


def scope_words(raw: Amounts, by: Lookup) -> str:
    """How much of the rain was calibrated by which pool, e.g. `region 80 %, nation 20 %`."""
    row, column = np.nonzero((raw > 0) & (raw != UNKNOWN))
    curve = by.place[by.regions[row, column], column]
    share = np.bincount(by.scope[curve], minlength=len(SCOPES))
    if not row.size:
        share = np.bincount(by.scope[np.unique(by.place)], minlength=len(SCOPES))
    whole = np.rint(100 * share / share.sum()).astype(int)
    return ", ".join(
        f"{name} {pct} %" for name, pct in zip(SCOPES, whole.tolist(), strict=True) if pct
    )


@jit_parallel
def _looked_up(raw: Any, regions: Any, place: Any, table: Any, out: Any) -> None:
    most = table.shape[1] - 1
    for i in numba.prange(raw.shape[0]):
        for j in range(raw.shape[1]):
            value = raw[i, j]
            out[i, j] = (
                value if value == UNKNOWN else table[place[regions[i, j], j], min(value, most)]
            )


# --- stored ------------------------------------------------------------------------------


def packed(calibration: Calibration) -> bytes:
    """JSON, the same bytes for the same curves."""
    return (json.dumps(_document(calibration), sort_keys=True, indent=1) + "\n").encode()


def _document(one: Calibration) -> dict[str, Any]:
    return {
        "reference": one.reference,
        "retrieval": one.retrieval,
        "made_at": iso(one.made_at),
        "first": iso(one.first),
        "last": iso(one.last),
        "frames": one.frames,
        "confirmed": False,
        "unit": "mm/h",
        "curves": {
            name: {
                "ours": curve.ours.tolist(),
                "p10": curve.p10.tolist(),
                "p50": curve.central.tolist(),
                "p90": curve.p90.tolist(),
                "samples": curve.samples,
            }
            for name, curve in sorted(one.curves.items())
        },
        "counts": {
            name: {"samples": c.samples, "wet": c.wet, "days": c.days}
            for name, c in sorted(one.counts.items())
        },
    }


def unpacked(data: bytes) -> Calibration:
    """What `packed` wrote.

    Raises:
        DataError: damaged, or curves that no fit gives.
    """
    try:
        found = json.loads(data)
        made = Calibration(
            reference=str(found["reference"]),
            retrieval=str(found["retrieval"]),
            made_at=parse_instant(found["made_at"]),
            first=parse_instant(found["first"]),
            last=parse_instant(found["last"]),
            frames=int(found["frames"]),
            curves={name: _curve(one) for name, one in found["curves"].items()},
            counts={name: Counts(**one) for name, one in found["counts"].items()},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"curves of a calibration: {error}") from error
    if NATION not in made.curves:
        raise DataError(f"curves of a calibration: none for the {NATION}")
    return made


def _curve(one: Mapping[str, Any]) -> Curve:
    ours, low, central, high = (
        np.asarray(one[name], dtype=np.float64) for name in ("ours", "p10", "p50", "p90")
    )
    bands = (low, central, high)
    if ours.ndim != 1 or not ours.size or any(b.shape != ours.shape for b in bands):
        raise ValueError("knots and bands of several lengths")
    if not all(np.isfinite(b).all() for b in (ours, *bands)) or np.any(np.diff(ours) <= 0):
        raise ValueError("knots that do not ascend")
    if (
        any(np.any(np.diff(b) < 0) for b in bands)
        or (low > central).any()
        or (central > high).any()
    ):
        raise ValueError("a band that falls, or crosses another")
    return Curve(ours, central, low, high, int(one["samples"]))
