"""For analysts: a home as tables, fields and maps, each in one line of a notebook.

    from console.analysis import open_home
    home = open_home("/var/lib/kentongan")
    home.warnings()                       # DataFrame
    home.field("shaking-20221121T062110Z")  # xarray Dataset or GeoDataFrame
    home.impacts("shaking-20221121T062110Z")  # GeoDataFrame, one row a village
    home.map()                            # opens without internet

Nothing here writes to a home, sends or decides.
"""

from __future__ import annotations

from console.analysis.afternoon import remember, warn_by
from console.analysis.home import Home, open_home
from console.analysis.playing import play, play_night
from console.analysis.quakes import shaking_maps, west_to_east
from console.analysis.shown import Drawing, Page, columns, lines, offline, picture, shaded

__all__ = [
    "Drawing",
    "Home",
    "Page",
    "columns",
    "lines",
    "offline",
    "open_home",
    "picture",
    "play",
    "play_night",
    "remember",
    "shaded",
    "shaking_maps",
    "warn_by",
    "west_to_east",
]
