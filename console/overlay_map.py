"""The map of an overlay: each area in the highest class that holds a tenth of its people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from console import words
from console.area_map import MOST_DRAWN, AreaMap, area_page
from risk.analyst.classes import UNKNOWN
from risk.analyst.result import column_of

if TYPE_CHECKING:
    from risk.analyst.overlay import Overlay

_SHARE = 0.1
"""Of an area's people: the same rule gives a village its level."""
_RAMP = ("#ffffff", "#cfe3f1", "#ffe066", "#f58518", "#a50026", "#6a0136", "#3b0033")
_NOT_KNOWN = "#b9bec6"


def overlay_page(found: Overlay, title: str) -> str:
    """The page as text; of many areas those with most people in the hazard."""
    known = [key for key in found.classes if key != UNKNOWN]
    colours = {key: _colour(place, len(known)) for place, key in enumerate(known)}
    table = found.table
    notes = list(found.warnings)
    if len(table) > MOST_DRAWN:
        hit = table[[column_of(key) for key in known if key != "0"]].sum(axis=1)
        table = table.loc[
            hit.sort_values(ascending=False, kind="stable").index[:MOST_DRAWN].sort_values()
        ]
        notes.append(
            f"{MOST_DRAWN:,} of {len(found.table):,} areas are drawn: those with most people hit"
        )
    records = table.drop(columns="geometry").to_dict("records")
    legend = [(colours[key], _legend(found, key)) for key in known]
    if UNKNOWN in found.classes:
        legend.append((_NOT_KNOWN, "bahaya tidak diketahui (not known)"))
    notes.insert(
        0,
        f"Penduduk {words.number(found.total_people)}, "
        f"tanpa wilayah {words.number(found.unassigned)}",
    )
    return area_page(
        AreaMap(
            title=f"Terpapar: {title}",
            shapes=table.geometry.to_numpy(),
            fill=[_fill(row, known, colours) for row in records],
            tips=[_tip(row, found.classes) for row in records],
            legend=legend,
            notes=notes,
        )
    )


def _colour(place: int, classes: int) -> str:
    if classes <= 5:
        return _RAMP[place]
    return _RAMP[round(place * (len(_RAMP) - 1) / (classes - 1))]


def _legend(found: Overlay, key: str) -> str:
    people = f"{words.number(found.by_class[key])} orang"
    if found.thresholds is None:
        return f"kelas {key}: {people}"
    edges = found.thresholds
    low = f"≥ {edges[int(key) - 1]:g}" if int(key) else f"< {edges[0]:g}"
    return f"kelas {key} ({low}): {people}"


def _fill(row: dict[str, Any], known: list[str], colours: dict[str, str]) -> str:
    people = max(int(row["people"]), 1)
    numbers = np.array([int(row[column_of(key)]) for key in known])
    at_least = numbers[::-1].cumsum()[::-1]
    high = [
        key for key, n in zip(known, at_least, strict=True) if key != "0" and n >= _SHARE * people
    ]
    if high and row["people"]:
        return colours[high[-1]]
    return _NOT_KNOWN if row["known_fraction"] < 1 - _SHARE else colours.get("0", _RAMP[0])


def _tip(row: dict[str, Any], classes: tuple[str, ...]) -> list[str]:
    name = f"{row.get('name', '')} ({row['area_id']})".strip()
    lines = [name, f"Penduduk {words.number(int(row['people']))}"]
    for key in classes:
        people = int(row[column_of(key)])
        what = "tidak diketahui" if key == UNKNOWN else f"kelas {key}"
        if people:
            lines.append(f"{what}: {words.number(people)}")
    return lines
