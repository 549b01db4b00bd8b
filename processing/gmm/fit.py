"""Settle on BMKG's own maps what the papers leave open; write `bmkg.toml`.

    python -m processing.gmm.fit FOLDER [--all]

FOLDER as `processing.gmm.folder` reads it, with `events.csv`. Two of three events are used (by
model, magnitude and id; `--all`: every one), each counting alike. Exercises are formula maps as
well and are used. The document goes to standard output.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError
from processing.gmm import ba08, gmice, zhao06
from processing.gmm.chain import (
    SOURCES,
    Ba08Fit,
    Ba08Terms,
    Chain,
    Choice,
    Distance,
    Model,
    choose,
)  # fmt: skip
from processing.gmm.coefficients import Measure
from processing.gmm.coefficients import zhao06 as zhao06_row
from processing.gmm.distance import line_distance, table_weights
from processing.gmm.folder import ShakeMap, shakemaps
from processing.gmm.motion import (
    GRAVITY_GAL,
    curve,
    motion,
    rock_ba08,
    site_factors,
    zone_position,
)  # fmt: skip
from processing.quakes import distance_km

Floats = npt.NDArray[np.float64]

CELLS = 600
"""Cells of a map that take part, drawn evenly over the logarithm of distance."""
CHOICE = Choice(
    zhao_from_magnitude=5.25,
    interface_from_magnitude=7.2,
    crustal_to_km=30.0,
    interface_to_km=40.0,
)
"""BMKG's borders: between M 5.2 and 5.3, at M 7.2, 30 and 40 km (the maps seen)."""
MAGNITUDES = (5.3, 5.9, 6.5, 7.0, 7.6, 8.1, 8.7)
DISTANCES_KM = (5.0, 10.0, 14.0, 20.0, 28.0, 40.0, 60.0, 90.0, 140.0, 200.0, 300.0)
SMOOTH, SMALL = 0.003, 0.0003
"""Weights of the table's second differences and of its size, against one event's mean square."""
ZERO = Ba08Terms(offset=0, per_magnitude=0, below_m4=0, middle=0, near=0, near_slope=0)
START = Chain(
    component_factor=1.15,  # Boore & Campbell, personal communication in ShakeMap's manual
    pgv_per_sa1=94.66,  # Newmark & Hall (1982): 37.27 in/s a g, x 2.54 cm
    choice=CHOICE,
    ba08=Ba08Fit(
        min_distance_km=1.5, zone_ln_scale=4.5212, zone_per_magnitude=-0.2, pga=ZERO, pgv=ZERO
    ),
    distance=Distance(
        ln_length_m6=1.99,
        ln_length_per_magnitude=1.55,
        least_km=6.0,
        magnitudes=MAGNITUDES,
        distances_km=DISTANCES_KM,
        ln_correction=tuple(tuple(0.0 for _ in DISTANCES_KM) for _ in MAGNITUDES),
    ),
)


@dataclass(frozen=True)
class Cells:
    """Drawn cells of one map; ln of PGA (g) and PGV (cm/s), NaN where too coarse."""

    magnitude: float
    depth_km: float
    model: Model
    epicentral_km: Floats
    vs30: Floats
    pga: Floats
    pgv: Floats


def held_out(maps: Sequence[ShakeMap]) -> frozenset[str]:
    """Ids of every third event, by model, magnitude and id."""
    order = sorted(maps, key=lambda m: (model_of(m), m.magnitude, m.event_id))
    return frozenset(m.event_id for m in order[2::3])


def model_of(found: ShakeMap) -> Model:
    return choose(found.magnitude, found.depth_km, CHOICE)


def distances(found: ShakeMap) -> Floats:
    """Epicentral distance of each cell, km."""
    return distance_km(
        found.latitude[:, None],
        found.longitude[None, :],
        to_latitude=found.latitude_of,
        to_longitude=found.longitude_of,
    )


def pgv_of(mmi: Floats, magnitude: float) -> Floats:
    """ln PGV (cm/s) that BMKG's intensity stands for: two decimals of MMI say more than two of
    cm/s. NaN at the lower clip."""
    above = mmi - gmice.pgv_residual(magnitude)
    (a, b), (c, d) = gmice.PGV_LOW, gmice.PGV_HIGH
    found = np.where(above <= a + b * gmice.PGV_KNEE, (above - a) / b, (above - c) / d)
    return np.where((mmi > 1.05) & (mmi < 9.99), found * np.log(10.0), np.nan)


def cells(found: ShakeMap) -> Cells | None:
    """None: no cell says enough."""
    r, vs30 = distances(found).ravel(), found.vs30.ravel()
    mmi, pga = found.mmi.ravel(), found.pga_pctg.ravel()
    usable = np.flatnonzero(((mmi > 1.05) | (pga >= 0.3)) & (vs30 > 0) & (r < 400.0))
    if usable.size < 20:
        return None
    rng = np.random.default_rng(int(found.magnitude * 10))
    weight = 1.0 / (r[usable] + 3.0) ** 2
    few = rng.choice(usable, min(CELLS, usable.size), replace=False, p=weight / weight.sum())
    # a grid's figure is cut after two decimals: half a step is added
    ln_pga = np.where(pga[few] >= 0.3, np.log((pga[few] + 0.005) / 100.0), np.nan)
    return Cells(
        found.magnitude, found.depth_km, model_of(found), r[few], vs30[few], ln_pga,
        pgv_of(mmi[few] + 0.0, found.magnitude),
    )  # fmt: skip


def fit_terms(measure: Measure, chain: Chain, drawn: Sequence[Cells]) -> tuple[Ba08Terms, float]:
    """Least squares of the terms of one measure, and what is left (root mean square, ln)."""
    rows: list[Floats] = []
    goal: list[Floats] = []
    for one in drawn:
        observed: Floats = getattr(one, measure)
        kept = ~np.isnan(observed)
        if kept.sum() < 5:
            continue
        r = one.epicentral_km[kept]
        bare = motion(
            curve(measure, chain, one.magnitude, one.depth_km, r),
            site_factors(measure, Model.BA08, one.vs30[kept]),
        )
        x = zone_position(chain, one.magnitude, rock_ba08("pga", chain, one.magnitude, r))
        share = 1.0 / np.sqrt(kept.sum())
        rows.append(_design(one.magnitude, x) * share)
        goal.append((observed[kept] - bare) * share)
    found, *_ = np.linalg.lstsq(np.vstack(rows), np.concatenate(goal), rcond=None)
    left = np.concatenate(goal) - np.vstack(rows) @ found
    names = ("offset", "per_magnitude", "below_m4", "middle", "near", "near_slope")
    terms = Ba08Terms(**{name: round(float(v), 4) for name, v in zip(names, found, strict=True)})
    return terms, float(np.sqrt(np.square(left).sum() / len(goal)))


def _design(magnitude: float, x: Floats) -> Floats:
    width = np.log(ba08.A_2 / ba08.A_1)
    near = x > width
    middle = (x > 0) & ~near
    cubic = ba08.transition(ba08.A_1 * np.exp(np.minimum(x, width)))
    one = np.ones_like(x)
    columns = [
        one, one * (magnitude - 5.0), one * (magnitude < 3.95), middle * cubic, near * one,
        near * (x - width),
    ]  # fmt: skip
    return np.stack(columns, axis=1)


def fit_ba08(chain: Chain, drawn: Sequence[Cells]) -> Chain:
    """Search the zone's scale, then its slope and the least distance; terms by least squares."""
    small = [one for one in drawn if one.model is Model.BA08]
    tries = {
        "zone_ln_scale": np.arange(4.46, 4.60, 0.01),
        "zone_per_magnitude": np.arange(-0.30, -0.10, 0.02),
        "min_distance_km": np.arange(0.0, 2.6, 0.25),
    }
    for _ in range(2):
        for name, values in tries.items():
            options = [_with(chain, **{name: round(float(v), 3)}) for v in values]
            left = [sum(fit_terms(m, o, small)[1] for m in ("pga", "pgv")) for o in options]
            chain = options[int(np.argmin(left))]
    for measure in ("pga", "pgv"):
        terms, rms = fit_terms(measure, chain, small)
        sys.stderr.write(f"# BA08 {measure}: {rms:.4f} (ln, root mean square)\n")
        chain = _with(chain, **{measure: terms})
    return chain


def _with(chain: Chain, **changes: object) -> Chain:
    ba08_fit = chain.ba08.model_copy(update=changes)
    return chain.model_copy(update={"ba08": ba08_fit})


def expected_distance(chain: Chain, one: Cells) -> tuple[Floats, Floats]:
    """Hypocentral distance, and the rupture distance at which Zhao's curve meets the map."""
    depth = min(one.depth_km, zhao06.DEPTH_CAP_KM)
    row, source = zhao06_row("sa1"), SOURCES[one.model]
    axis = np.geomspace(0.5, 600.0, 4000)
    line = zhao06.source_term(row, source, one.magnitude, depth) + zhao06.path_term(
        row, source, one.magnitude, axis
    )
    scale = np.log(chain.component_factor * chain.pgv_per_sa1 / GRAVITY_GAL)
    wanted = one.pgv - scale - zhao06.site_term(row, one.vs30)
    hypocentral = np.hypot(one.epicentral_km, depth)
    return hypocentral, np.interp(-wanted, -line, axis)


def fit_distance(chain: Chain, drawn: Sequence[Cells]) -> Chain:
    """The line's three figures, then the table of what is left."""
    from scipy.optimize import least_squares

    large = [one for one in drawn if one.model is not Model.BA08]
    points = []
    for one in large:
        r, wanted = expected_distance(chain, one)
        kept = ~np.isnan(wanted)
        weight = np.full(kept.sum(), 1.0 / np.sqrt(kept.sum()))
        points.append((one.magnitude, r[kept], np.log(wanted[kept]), weight))

    def left(figures: Floats) -> Floats:
        fit = chain.distance.model_copy(update=_line(figures))
        parts = [(np.log(line_distance(fit, m, r)) - y) * w for m, r, y, w in points]
        return np.concatenate(parts)

    start = [chain.distance.ln_length_m6, chain.distance.ln_length_per_magnitude, 6.0]
    solved = least_squares(left, start)
    line = chain.distance.model_copy(update=_line(np.round(solved.x, 4)))
    sys.stderr.write(f"# distance, line only: {np.sqrt(2 * solved.cost / len(points)):.4f}\n")
    table = _table(line, points)
    distance = line.model_copy(update={"ln_correction": table})
    return chain.model_copy(update={"distance": distance})


def _line(figures: Floats) -> dict[str, float]:
    names = ("ln_length_m6", "ln_length_per_magnitude", "least_km")
    return {name: abs(float(v)) for name, v in zip(names, figures, strict=True)}


def _table(
    line: Distance, points: Sequence[tuple[float, Floats, Floats, Floats]]
) -> tuple[tuple[float, ...], ...]:
    """Ridge regression on the knots: small and smooth where no map speaks."""
    shape = (len(MAGNITUDES), len(DISTANCES_KM))
    knots = tuple(np.log(DISTANCES_KM))
    rows, goal = [], []
    for m, r, y, w in points:
        i, u = table_weights(MAGNITUDES, np.array([m]))
        j, v = table_weights(knots, np.log(r))
        design = np.zeros((r.size, *shape))
        each = np.arange(r.size)
        for di, a in ((0, 1 - u[0]), (1, u[0])):
            for dj, b in ((0, 1 - v), (1, v)):
                design[each, i[0] + di, j + dj] += a * b
        rows.append(design.reshape(r.size, -1) * w[:, None])
        goal.append((y - np.log(line_distance(line, m, r))) * w)
    penalty = _penalty(shape)
    design_all = np.vstack([*rows, penalty])
    goal_all = np.concatenate([*goal, np.zeros(len(penalty))])
    found, *_ = np.linalg.lstsq(design_all, goal_all, rcond=None)
    left = np.concatenate(goal) - np.vstack(rows) @ found
    sys.stderr.write(f"# distance: {np.sqrt(np.square(left).sum() / len(points)):.4f}\n")
    return tuple(tuple(round(float(v), 4) for v in row) for row in found.reshape(shape))


def _penalty(shape: tuple[int, int]) -> Floats:
    unit = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
    bent = [np.diff(unit, 2, axis=axis).reshape(len(unit), -1).T * SMOOTH for axis in (1, 2)]
    size = unit.reshape(len(unit), -1) * np.sqrt(SMALL)
    return np.vstack([*bent, size])


def document(chain: Chain, used: int, folder: str) -> str:
    """The file's text."""
    lines = [
        "# BMKG's chain of ground-motion models where the papers leave a choice or where its maps",
        "# differ from them. Written by `python -m processing.gmm.fit`; not edited by hand.",
        f"# {used} maps of {folder}; docs/shaking.md says what each figure is.",
        "",
        f"component_factor = {chain.component_factor}",
        f"pgv_per_sa1 = {chain.pgv_per_sa1}",
    ]
    dumped = chain.model_dump()
    for name in ("choice", "ba08", "distance"):
        tables = {k: v for k, v in dumped[name].items() if isinstance(v, dict)}
        lines += ["", f"[{name}]"]
        lines += [f"{k} = {_toml(v)}" for k, v in dumped[name].items() if k not in tables]
        for inner, values in tables.items():
            lines += ["", f"[{name}.{inner}]", *(f"{k} = {_toml(v)}" for k, v in values.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "[\n" + "".join(f"    {_toml(row)},\n" for row in value) + "]"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(v) for v in value) + "]"
    return str(value)


def fitted(maps: Sequence[ShakeMap]) -> Chain:
    """The chain from these maps."""
    drawn = [one for one in map(cells, maps) if one is not None]
    if not {Model.BA08, Model.CRUSTAL} <= {one.model for one in drawn}:
        raise DataError("fit: expected maps of small and of large quakes, found one kind only")
    return fit_distance(fit_ba08(START, drawn), drawn)


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m processing.gmm.fit", description=__doc__)
    parser.add_argument("folder", type=Path, help="grid.xml files, or events.csv with grids/*.npz")
    parser.add_argument("--all", action="store_true", help="hold no map out")
    given = parser.parse_args(arguments)
    try:
        maps = list(shakemaps(given.folder))
        without = frozenset() if given.all else held_out(maps)
        used = [one for one in maps if one.event_id not in without]
        chain = fitted(used)
    except DataError as error:
        sys.stderr.write(f"fit: {error}\n")
        return 2
    sys.stdout.write(document(chain, len(used), "BMKG's ShakeMaps 2012-2024"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
