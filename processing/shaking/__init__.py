"""Shaking: the intensity of a quake, from what is known of it, on cells.

`fields.shaking_fields` is the step. The main line is BMKG's own chain of formulas
(`processing.gmm`), the second opinion Allen, Wald & Worden (2012); BMKG's own grid, where it is
real, takes over. Each state of knowledge is a version of the same event.
"""

from __future__ import annotations

from processing.shaking.allen import (
    METHOD,
    allen_2012_hypo,
    allen_2012_rup,
    field_radius_km,
    gate_reason,
)
from processing.shaking.compute import mmi_level
from processing.shaking.fields import PREFIX, shaking_fields, shaking_raster
from processing.shaking.inputs import NOTHING_MORE, KnownFault, ShakingInputs

__all__ = [
    "METHOD",
    "NOTHING_MORE",
    "PREFIX",
    "KnownFault",
    "ShakingInputs",
    "allen_2012_hypo",
    "allen_2012_rup",
    "field_radius_km",
    "gate_reason",
    "mmi_level",
    "shaking_fields",
    "shaking_raster",
]
