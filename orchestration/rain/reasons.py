"""Why a hazard was not assessed, in words of an operator."""

from __future__ import annotations

from kentongan.types import HazardId

NEEDS = {HazardId.FLOOD: "elevation", HazardId.LANDSLIDE: "susceptibility"}
"""Raster of the layer set without which nothing can be said of a hazard."""
NO_RASTER = {
    HazardId.FLOOD: "no elevation in the layer set",
    HazardId.LANDSLIDE: "no map of susceptibility in the layer set",
}
NO_RAIN = "rain of the last hours is not known: no fresh frame of a satellite"
NOT_ASSESSED = (
    ("elevation", "banjir (tanpa data ketinggian)"),
    ("susceptibility", "longsor (tanpa peta kerentanan)"),
)
"""Raster, and what is said on a map without it."""
