"""The tables and the picture of docs/shaking.md: ours and Allen (2012) against BMKG's maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from processing.gmm.judged import WITHIN_KM

if TYPE_CHECKING:
    import pandas as pd

MAGNITUDES = (0.0, 4.0, 5.0, 6.0, 7.0, 10.0)
DEPTHS_KM = (0.0, 30.0, 70.0, 150.0, 800.0)


def _class(value: float, edges: Sequence[float]) -> str:
    i = min(int(np.searchsorted(edges, value, side="right")), len(edges) - 1) - 1
    return f"{edges[i]:g} to {edges[i + 1]:g}"


def magnitude_class(row: pd.Series) -> str:
    return _class(row["magnitude"], MAGNITUDES)


def magnitude_depth(row: pd.Series) -> str:
    return f"M {magnitude_class(row)}, depth {_class(row['depth_km'], DEPTHS_KM)} km"


def _ring(row: pd.Series) -> str:
    return f"M {magnitude_class(row)}, {row['from']:03.0f} to {row['to']:.0f} km"


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

    judged, shaken = near[near["held_out"]], near["cells"] == "shaken"
    for name, kind in KINDS.items():
        one = judged[judged["kind"] == kind]
        add(
            f"{name}, held out, within 150 km, all cells",
            one[~shaken[one.index]],
            "M",
            magnitude_class,
        )
        add(
            f"{name}, held out, within 150 km, cells of MMI 2 and more",
            one[shaken[one.index]],
            "M",
            magnitude_class,
        )
    every = near[shaken]
    add(
        "By magnitude and depth, all events, within 150 km, MMI 2 and more",
        every,
        "class",
        magnitude_depth,
    )
    rings = found[
        found["held_out"]
        & (found["cells"] == "shaken")
        & (found["to"] - found["from"] < WITHIN_KM + 1)
    ]
    rings = rings[~((rings["from"] == 0) & (rings["to"] == WITHIN_KM))]
    add("By distance, held out, MMI 2 and more", rings, "class", _ring)
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

    shown = order if len(order) <= 2 * count else pd.concat([order.head(count), order.tail(count)])
    for _, r in shown.iterrows():
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
