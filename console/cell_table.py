"""Thunderstorm cells in words: where each is, how cold, how it changes, whither it moves."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from console.columns import table
from console.report import stamped
from orchestration.rain.cells import newest
from processing.rain.cell_near import LEAST_M_S
from processing.rain.cell_tracks import KM_A_DEGREE, CellFrame, TrackedCell
from processing.rain.policy import rain_policy

if TYPE_CHECKING:
    from orchestration.context import CycleContext
    from risk.layers.layerset import LayerSet

_SHOWN = 40
_WORDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_KMH = 3.6
_ON_LAND_KM = 20.0
"""From the nearest village; farther, a cell is said to stand over the sea or empty land."""


@dataclass(frozen=True)
class Shown:
    """Cells of a frame, each with the regency that is nearest; None: no fresh frame."""

    frame: CellFrame | None
    places: tuple[str, ...] = ()


def cells_at(context: CycleContext, at: datetime) -> Shown:
    """The newest cells at an instant, if their frame is fresh enough for a nowcast."""
    oldest = timedelta(minutes=rain_policy().nowcast.oldest_frame_minutes)
    frame = newest(context.runs, at, oldest)
    if frame is None:
        return Shown(None)
    return Shown(frame, tuple(_place(cell, context.layers) for cell in frame.cells))


def _place(cell: TrackedCell, layers: LayerSet) -> str:
    villages = layers.villages
    east = (villages["longitude"].to_numpy(dtype=float) - cell.longitude) * np.cos(
        np.radians(cell.latitude)
    )
    north = villages["latitude"].to_numpy(dtype=float) - cell.latitude
    away = np.hypot(east, north) * KM_A_DEGREE
    if not np.isfinite(away).any():
        return ""
    least = int(np.nanargmin(away))
    regency = str(villages["adm4_code"].iloc[least])[:5]
    name = layers.names.get(regency, regency)
    return name if away[least] <= _ON_LAND_KM else f"{away[least]:.0f} km off {name}"


def as_json(shown: Shown, at: datetime) -> dict[str, Any]:
    frame = shown.frame
    if frame is None:
        return {"at": stamped(at), "frame": None, "cells": None}
    return {
        "at": stamped(at),
        "frame": stamped(frame.time),
        "known_share": round(frame.known_share, 4),
        "gap_minutes": frame.gap_minutes,
        "cells": [
            {**asdict(cell), "near": place}
            for cell, place in zip(frame.cells, shown.places, strict=True)
        ],
        "ended": [asdict(one) for one in frame.ended],
    }


def as_text(shown: Shown, at: datetime) -> str:
    """For the duty officer; times in UTC."""
    frame = shown.frame
    if frame is None:
        return (
            f"Not known: no frame in kelvin is fresh enough at {at:%Y-%m-%d %H:%M} UTC. That does "
            "not mean that there are no cells."
        )
    tops = sum(cell.tops > 0 for cell in frame.cells)
    lines = [
        f"Frame of {frame.time:%Y-%m-%d %H:%M} UTC, {(at - frame.time).total_seconds() / 60:.0f} "
        f"minutes old, {frame.known_share:.0%} of it known: {_count(len(frame.cells))}, {tops} "
        "with a candidate of an overshooting top",
        *_of_history(frame),
    ]
    if not frame.cells:
        return "\n".join(lines)
    pairs = list(zip(frame.cells, shown.places, strict=True))
    head = ("track", "near", "lat", "lon", "coldest", "15 min", "area km2", "top", "age", "moves")
    rows = [(*_cells(cell, place),) for cell, place in pairs[:_SHOWN]]
    lines.append(table(head, rows, right={2, 3, 4, 5, 6}))
    if len(pairs) > _SHOWN:
        lines.append(f"and {len(pairs) - _SHOWN} warmer ones; --json has all")
    lines.append(
        "15 min: change of the coldest point. Places are below the tops. An estimate from cloud "
        "tops; no cell is a measurement of rain."
    )
    return "\n".join(lines)


def _count(cells: int) -> str:
    return "one cell" if cells == 1 else f"{cells} cells"


def _of_history(frame: CellFrame) -> list[str]:
    if frame.gap_minutes is not None:
        return [
            f"No frame for {frame.gap_minutes:.0f} minutes before it: every track begins anew, "
            "nothing is known of growth and motion"
        ]
    said = []
    if begun := Counter(c.begun for c in frame.cells if not c.age_minutes):
        said.append("begun " + ", ".join(f"{n} {how}" for how, n in sorted(begun.items())))
    if ended := Counter(one.how.partition(" into")[0] for one in frame.ended):
        said.append("ended " + ", ".join(f"{n} {how}" for how, n in sorted(ended.items())))
    return ["Since the frame before: " + "; ".join(said)] if said else []


def _cells(cell: TrackedCell, place: str) -> tuple[str, ...]:
    return (
        cell.track,
        place,
        f"{cell.latitude:.2f}",
        f"{cell.longitude:.2f}",
        f"{cell.min_k:.1f} K",
        "-" if cell.cooling_k_15min is None else f"{-cell.cooling_k_15min:+.1f} K",
        f"{cell.area_km2:,.0f}" + ("+" if cell.at_edge else ""),
        "yes" if cell.tops else "no",
        _age(cell),
        _moves(cell),
    )


def _age(cell: TrackedCell) -> str:
    if cell.age_minutes is None:
        return "not known"
    least = "at least " if cell.begun == "unseen" else ""
    split = " (split)" if cell.begun == "split" else ""
    return f"{least}{cell.age_minutes:.0f} min{split}"


def _moves(cell: TrackedCell) -> str:
    if cell.east_m_s is None or cell.north_m_s is None:
        return "not known"
    speed = float(np.hypot(cell.east_m_s, cell.north_m_s))
    if speed < LEAST_M_S:
        return "hardly"
    bearing = float(np.degrees(np.arctan2(cell.east_m_s, cell.north_m_s))) % 360
    return f"{_WORDS[round(bearing / 45) % 8]} {speed * _KMH:.0f} km/h"
