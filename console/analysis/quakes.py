"""A quake's shaking in pictures and tables: two lines of formulas that differ."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from console.analysis.shown import Drawing
from kentongan.errors import DataError

if TYPE_CHECKING:
    import xarray as xr

CHAIN, ALLEN = "BMKG's chain", "Allen et al. 2012"
_LINES = {"mmi_chain": CHAIN, "mmi_allen": ALLEN}
_COUNTED = {"level": "of the level", "bmkg_chain": CHAIN, "allen_2012": ALLEN}
_KM_PER_DEGREE = 111.195
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")


def epicentre(field: xr.Dataset) -> tuple[float, float]:
    """Latitude and longitude, degrees.

    Raises:
        DataError: the field is not of a quake.
    """
    said: dict[str, Any] = json.loads(field.attrs.get("event", "{}")).get("evidence", {})
    if "mmi_chain" not in field or "latitude" not in said:
        raise DataError("field: expected the shaking of a quake, with mmi_chain and its evidence")
    return float(said["latitude"]), float(said["longitude"])


def shaking_maps(field: xr.Dataset, title: str = "") -> Drawing:
    """MMI by both lines and their difference within 150 km, with coast, scale and keys."""
    from processing.gmm.maps import Panel, side_by_side

    chain, allen = (field[name].to_numpy().astype(float) for name in _LINES)
    panels = [
        Panel(f"MMI, {CHAIN}", chain),
        Panel(f"MMI, {ALLEN}", allen),
        Panel("difference: chain minus Allen", chain - allen, difference=True),
    ]
    north, east = (field[name].to_numpy() for name in ("latitude", "longitude"))
    return Drawing(side_by_side(title, north, east, panels, epicentre=epicentre(field)))


def west_to_east(field: xr.Dataset, *, within_km: float = 150) -> pd.DataFrame:
    """MMI by both lines on the row of cells through the epicentre; index: km east of it."""
    latitude, longitude = epicentre(field)
    row = field[list(_LINES)].sel(latitude=latitude, method="nearest")
    per_degree = _KM_PER_DEGREE * np.cos(np.radians(latitude))
    km = (row["longitude"].to_numpy() - longitude) * per_degree
    found = pd.DataFrame({said: row[name].to_numpy() for name, said in _LINES.items()}, index=km)
    found.index.name = "km east of the epicentre"
    near: pd.DataFrame = found.loc[np.abs(km) <= within_km]
    return near


def people_table(noted: dict[str, Any], classes: range = range(4, 9)) -> pd.DataFrame:
    """People in each whole MMI by each line."""
    names = [str(c) for c in classes]
    found = pd.DataFrame(noted["people"]).loc[names].rename(columns=_COUNTED).astype("int64")
    found.index = pd.Index([_ROMAN[c] for c in classes], name="MMI")
    return found


def band_table(noted: dict[str, Any], line: str, classes: range = range(4, 9)) -> pd.DataFrame:
    """People at each MMI or more that 10, 50 and 90 % of the drawn quakes do not exceed."""
    found = pd.DataFrame(noted["bands"][line]["at_least"]).T.loc[[str(c) for c in classes]]
    found.index = pd.Index([_ROMAN[c] for c in classes], name="MMI at least")
    return found.astype("int64")
