"""Ours and Allen (2012) against BMKG's maps; the tables of docs/shaking.md.

    python -m processing.gmm.proof FOLDER [--picture FILE.svg] [--maps FOLDER]

Only events that the fit did not use are judged ("held out"), unless a table says otherwise. Each
event counts alike. Vs30 comes from a map merged of the other events, as in operation, or from the
event's own grid, which proves the formula alone.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from processing.gmm.bmkg import QuakeFacts, mmi_grid, model_for, sites
from processing.gmm.fit import distances, held_out
from processing.gmm.folder import ShakeMap, shakemaps
from processing.gmm.maps import difference_map
from processing.gmm.vs30 import UNKNOWN, Vs30Map, merge
from processing.shaking.allen import allen_2012_hypo

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

WITHIN_KM = 150.0
SHAKEN_MMI = 2.0
"""Cells below, in BMKG's map, are at its lower end (1.00) or not felt: they flatter any mean."""
DRAWN_CELLS = 300
"""Shaken cells that a map must have to be drawn: fewer are no picture."""
MAGNITUDES = (0.0, 4.0, 5.0, 6.0, 7.0, 10.0)
DEPTHS_KM = (0.0, 30.0, 70.0, 150.0, 800.0)
RINGS_KM = (0.0, 25.0, 50.0, 100.0, 150.0, 300.0)


@dataclass(frozen=True)
class Versions:
    """MMI of one event's cells, BMKG's and ours."""

    bmkg: Floats
    merged: Floats
    own: Floats
    allen: Floats
    distance_km: Floats
    unknown_site: float


def versions(one: ShakeMap, vs30: Vs30Map) -> Versions:
    """All four on BMKG's own points; rows from south to north."""
    up = slice(None, None, 1 if one.latitude[0] < one.latitude[-1] else -1)
    quake = QuakeFacts(one.magnitude, one.depth_km, one.latitude_of, one.longitude_of)
    latitude, r = one.latitude[up], distances(one)[up]
    merged = vs30.on(latitude, one.longitude)
    allen, _ = allen_2012_hypo(one.magnitude, np.hypot(r, max(one.depth_km, 1.0)))
    return Versions(
        bmkg=one.mmi[up],
        merged=mmi_grid(quake, sites(latitude, one.longitude, merged)).astype(float),
        own=mmi_grid(quake, sites(latitude, one.longitude, one.vs30[up])).astype(float),
        allen=np.clip(allen, 1.0, 10.0),
        distance_km=r,
        unknown_site=float((merged == UNKNOWN).mean()),
    )


def table(maps: Sequence[ShakeMap]) -> pd.DataFrame:
    """One row an event and ring of distance: mean and mean absolute differences to BMKG."""
    import pandas as pd

    rows: list[dict[str, object]] = []
    out = held_out(maps)
    vs30 = merge(m for m in maps if m.event_id not in out)
    for one in maps:
        found = versions(one, vs30)
        facts: dict[str, object] = {
            "event": one.event_id, "magnitude": one.magnitude, "depth_km": one.depth_km,
            "kind": one.kind, "held_out": one.event_id in out,
            "model": str(model_for(QuakeFacts(one.magnitude, one.depth_km, 0.0, 0.0))),
        }  # fmt: skip
        for low, high in (*pairwise(RINGS_KM), (0.0, WITHIN_KM)):
            ring = (found.distance_km >= low) & (found.distance_km < high)
            for kind, cells in (("all", ring), ("shaken", ring & (found.bmkg >= SHAKEN_MMI))):
                if cells.any():
                    rows.append(
                        {
                            **facts,
                            "from": low,
                            "to": high,
                            "cells": kind,
                            "count": int(cells.sum()),
                            **_scores(found, cells),
                        }
                    )
    return pd.DataFrame(rows)


def _scores(found: Versions, cells: npt.NDArray[np.bool_]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for name in ("merged", "own", "allen"):
        off = getattr(found, name)[cells] - found.bmkg[cells]
        scores[f"{name}_mean"], scores[f"{name}_abs"] = float(off.mean()), float(np.abs(off).mean())
    return scores


def _class(value: float, edges: Sequence[float]) -> str:
    i = int(np.searchsorted(edges, value, side="right")) - 1
    return f"{edges[i]:g} to {edges[i + 1]:g}"


KINDS = {
    "Real quakes": "real",
    "Exercises by a round time": "round time",
    "Exercises processed before their origin": "exercise",
}
NAMES = ("merged_mean", "merged_abs", "own_mean", "own_abs", "allen_mean", "allen_abs")
HEAD = (
    "| {first} | events | ours: mean | ours: absolute | own Vs30: mean | own Vs30: absolute "
    "| Allen: mean | Allen: absolute |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


def markdown(found: pd.DataFrame, first: str, keys: pd.Series) -> str:
    """Mean over events of each class."""
    lines = [HEAD.format(first=first)]
    for key, part in found.groupby(keys, sort=True):
        figures = " | ".join(
            f"{part[name].mean():+.3f}" if "mean" in name else f"{part[name].mean():.3f}"
            for name in NAMES
        )
        lines.append(f"| {key} | {part['event'].nunique()} | {figures} |\n")
    return "".join(lines)


def report(found: pd.DataFrame) -> str:
    """The tables, in Markdown."""
    near = found[(found["from"] == 0) & (found["to"] == WITHIN_KM)]
    parts: list[str] = []

    def add(title: str, rows: pd.DataFrame, first: str, key: Callable[[pd.Series], str]) -> None:
        if len(rows):
            parts.append(f"\n### {title}\n\n" + markdown(rows, first, rows.apply(key, axis=1)))

    def magnitude(row: pd.Series) -> str:
        return _class(row["magnitude"], MAGNITUDES)

    def ring(row: pd.Series) -> str:
        return f"M {magnitude(row)}, {row['from']:03.0f} to {row['to']:.0f} km"

    def both(row: pd.Series) -> str:
        return f"M {magnitude(row)}, depth {_class(row['depth_km'], DEPTHS_KM)} km"

    judged, shaken = near[near["held_out"]], near["cells"] == "shaken"
    for name, kind in KINDS.items():
        one = judged[judged["kind"] == kind]
        add(f"{name}, held out, within 150 km, all cells", one[~shaken[one.index]], "M", magnitude)
        add(
            f"{name}, held out, within 150 km, cells of MMI 2 and more",
            one[shaken[one.index]],
            "M",
            magnitude,
        )
    every = near[shaken]
    add("By magnitude and depth, all events, within 150 km, MMI 2 and more", every, "class", both)
    rings = found[
        found["held_out"]
        & (found["cells"] == "shaken")
        & (found["to"] - found["from"] < WITHIN_KM + 1)
    ]
    rings = rings[~((rings["from"] == 0) & (rings["to"] == WITHIN_KM))]
    add("By distance, held out, MMI 2 and more", rings, "class", ring)
    parts.append(
        "\n### Best and worst real quakes, held out, within 150 km, MMI 2 and more\n\n"
        + _extremes(shaken_and_real(found))
    )
    return "".join(parts)


def shaken_and_real(found: pd.DataFrame) -> pd.DataFrame:
    """Held-out real events within 150 km, over cells of MMI 2 and more."""
    near = (found["from"] == 0) & (found["to"] == WITHIN_KM) & (found["cells"] == "shaken")
    return found[near & found["held_out"] & (found["kind"] == "real")]


def _extremes(rows: pd.DataFrame, count: int = 6) -> str:
    order = rows[rows["magnitude"] >= 4.0].sort_values("merged_abs")
    lines = [
        "| event | M | depth km | model | ours: mean | ours: absolute | Allen: absolute |\n"
        "|---|--:|--:|---|--:|--:|--:|\n"
    ]
    import pandas as pd

    for _, r in pd.concat([order.head(count), order.tail(count)]).iterrows():
        lines.append(
            f"| {r['event']} | {r['magnitude']:.1f} | {r['depth_km']:.0f} | {r['model']} | "
            f"{r['merged_mean']:+.3f} | {r['merged_abs']:.3f} | {r['allen_abs']:.3f} |\n"
        )
    return "".join(lines)


def picture(found: pd.DataFrame) -> str:
    """SVG: mean difference of each held-out real event within 150 km, ours and Allen's."""
    rows = shaken_and_real(found)
    shapes = [_axis()]
    for name, colour, size in (("allen_mean", "#c4561e", 3.0), ("merged_mean", "#1f5fa8", 2.4)):
        for m, v in zip(rows["magnitude"], rows[name], strict=True):
            x, y = _place(float(m), float(v))
            shapes.append(
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}" fill-opacity="0.6"/>'
            )
    shapes.append('<text x="70" y="24" fill="#1f5fa8">ours, merged Vs30</text>')
    shapes.append('<text x="230" y="24" fill="#c4561e">Allen et al. 2012</text>')
    body = "\n".join(shapes)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" font-family="sans-serif" '
        f'font-size="12">\n<rect width="640" height="360" fill="white"/>\n{body}\n</svg>\n'
    )


def _place(magnitude: float, difference: float) -> tuple[float, float]:
    return 60 + (magnitude - 2.5) / 6.5 * 560, 180 - np.clip(difference, -2.5, 2.5) / 2.5 * 140


def _axis() -> str:
    lines: list[str] = []
    for value in (-2, -1, 0, 1, 2):
        _, y = _place(2.5, value)
        lines.append(f'<line x1="60" x2="620" y1="{y:.0f}" y2="{y:.0f}" stroke="#ccc"/>')
        lines.append(f'<text x="30" y="{y + 4:.0f}">{value:+d}</text>')
    for m in range(3, 10):
        x, _ = _place(m, 0)
        lines.append(f'<text x="{x - 4:.0f}" y="338">{m}</text>')
    lines.append('<text x="300" y="354">magnitude</text>')
    lines.append('<text x="420" y="24">mean MMI minus BMKG\'s</text>')
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(prog="python -m processing.gmm.proof", description=__doc__)
    parser.add_argument("folder", type=Path, help="events.csv with grids/*.npz, or *.xml")
    parser.add_argument("--picture", type=Path, help="SVG of all held-out real quakes")
    parser.add_argument("--maps", type=Path, help="folder for maps of the best and the worst")
    given = parser.parse_args(arguments)
    maps = _distinct(shakemaps(given.folder))
    found = table(maps)
    sys.stdout.write(report(found))
    if given.picture:
        given.picture.write_text(picture(found), encoding="utf-8")
    if given.maps:
        for name, text in drawn(found, maps).items():
            (given.maps / f"shaking-{name}.svg").write_text(text, encoding="utf-8")
    return 0


def drawn(found: pd.DataFrame, maps: Sequence[ShakeMap]) -> dict[str, str]:
    """Ours, BMKG's and their difference for the events that `chosen` names; SVG."""
    out = held_out(maps)
    vs30 = merge(m for m in maps if m.event_id not in out)
    by_id = {m.event_id: m for m in maps}
    return {name: _difference(by_id[event], vs30) for name, event in chosen(found).items()}


def _difference(one: ShakeMap, vs30: Vs30Map) -> str:
    found = versions(one, vs30)
    return difference_map(one, found.merged, found.bmkg)


def chosen(found: pd.DataFrame) -> dict[str, str]:
    """Events to be drawn, by one rule.

    Of the held-out real quakes of M 4 and more with at least `DRAWN_CELLS` cells of MMI 2 and more
    within 150 km: least and greatest mean absolute difference with the merged Vs30; and the
    greatest of M 6 and more. Of equals the first id.
    """
    rows = shaken_and_real(found).sort_values("event")
    rows = rows[(rows["magnitude"] >= 4.0) & (rows["count"] >= DRAWN_CELLS)]
    large = rows[rows["magnitude"] >= 6.0]
    named = {"best": (rows, "min"), "worst": (rows, "max"), "worst-large": (large, "max")}
    return {
        name: str(part["event"].iloc[getattr(part["merged_abs"], f"arg{end}")()])
        for name, (part, end) in named.items()
        if len(part)
    }


def _distinct(maps: Iterable[ShakeMap]) -> list[ShakeMap]:
    return list({one.event_id: one for one in maps}.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
