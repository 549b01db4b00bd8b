"""The map of coverage: what part of each village a team reaches within 60 minutes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from console import words
from console.area_map import MOST_DRAWN, AreaMap, area_page

if TYPE_CHECKING:
    from risk.coverage_table import CoverageTable
    from risk.layers.layerset import LayerSet

_BANDS = (
    (0.95, "#1a7f4b", "hampir semua orang terjangkau dalam 60 menit (nearly all)"),
    (0.5, "#a6d96a", "sebagian besar terjangkau (most)"),
    (0.05, "#fdae61", "sebagian kecil terjangkau (few)"),
    (-1.0, "#a50026", "tidak terjangkau (not reached)"),
)


def coverage_page(table: CoverageTable, layers: LayerSet, title: str) -> str:
    """The page as text; of many villages those with most people left out come first."""
    villages = table.villages
    if len(villages) > MOST_DRAWN:
        order = villages["uncovered_people"].sort_values(ascending=False, kind="stable").index
        villages = villages.loc[order[:MOST_DRAWN].sort_values()]
    rows = layers.index(villages["adm4_code"])
    share = (villages["people_60min"] / villages["people"].clip(lower=1)).to_numpy()
    notes = [
        f"Waktu tempuh: {table.travel}; persiapan {table.mobilisation_minutes:.0f} menit tidak "
        "termasuk (travel, mobilisation apart)",
        f"{words.number(len(villages))} dari {words.number(len(table.villages))} desa digambar",
    ]
    posts = layers.teams[layers.teams["on_duty"].to_numpy(dtype=bool)]
    posts = posts[posts["adm4_code"].isin(villages["adm4_code"])].drop_duplicates("post_id")
    return area_page(
        AreaMap(
            title=title,
            shapes=layers.geometry[rows],
            fill=[_band(s)[1] for s in share],
            tips=[_tip(row) for row in villages.to_dict("records")],
            legend=[(colour, text) for _, colour, text in _BANDS],
            notes=notes,
            points=list(zip(posts["longitude"], posts["latitude"], posts["name"], strict=True)),
        )
    )


def _band(share: float) -> tuple[float, str, str]:
    return next(band for band in _BANDS if share >= band[0])


def _tip(row: dict[Any, Any]) -> list[str]:
    minutes = row["team_minutes"]
    return [
        f"{row['name']} ({row['adm4_code']})",
        f"Penduduk {words.number(int(row['people']))}",
        f"terjangkau 30 menit: {words.number(int(row['people_30min']))}",
        f"terjangkau 60 menit: {words.number(int(row['people_60min']))}",
        "Tidak ada tim" if np.isnan(minutes) else f"Tim terdekat {minutes:.0f} menit",
    ]
