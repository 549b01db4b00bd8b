"""`dataset["depth"].kentongan.overlay(...)` once this module is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import xarray as xr

from risk.analyst.overlay import Overlay, overlay


@xr.register_dataarray_accessor("kentongan")  # type: ignore[no-untyped-call]
class KentonganArray:
    """A field of values or classes with coordinates of its cell centres."""

    def __init__(self, array: xr.DataArray) -> None:
        self._array = array

    def overlay(
        self,
        people: Path | str | xr.DataArray | None = None,
        areas: Path | str | gpd.GeoDataFrame | None = None,
        *,
        thresholds: Sequence[float] | None = None,
        area_id: str | None = None,
        people_kind: str | None = None,
    ) -> Overlay:
        """People by class of this field; see `risk.analyst.overlay.overlay`."""
        return overlay(
            self._array,
            people,
            areas,
            thresholds=thresholds,
            area_id=area_id,
            people_kind=people_kind,
        )
