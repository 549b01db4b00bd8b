"""Rain on the ground: flood and landslide out of the field of rain, and what was not assessed.

Both need what a deployment gives (heights, a map of susceptibility). Without it, or where it
cannot be used, they are *not assessed*, and the cycle says so: never "none".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kentongan.errors import KentonganError
from kentongan.hazard import HazardField
from kentongan.types import HazardId
from orchestration.rain.reasons import NEEDS, NO_RAIN, NO_RASTER

if TYPE_CHECKING:
    from orchestration.context import CycleContext

NOTE = "rain/ground.json"


class GroundNote(BaseModel):
    """What became of the last field of rain."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: AwareDatetime
    """Time of the frame."""
    reasons: dict[str, str] = {}
    """Hazard -> why it was not assessed, or only in part."""


def ground_fields(
    context: CycleContext, rain: HazardField, at: datetime, troubles: list[dict[str, str]]
) -> list[HazardField]:
    """Flood and landslide of a field of rain; one that fails stops neither the other nor the rain.

    What could not be assessed is kept for `not_assessed`.
    """
    from orchestration.rain.flooding import flood_field
    from orchestration.rain.sliding import landslide_field
    from orchestration.stages import guarded
    from processing.rain.policy import rain_policy

    policy = rain_policy()
    steps: dict[HazardId, Callable[[], tuple[HazardField | None, str]]] = {
        HazardId.FLOOD: partial(flood_field, context, rain, policy),
        HazardId.LANDSLIDE: partial(landslide_field, context, rain, at, policy),
    }
    fields, reasons = [], {}
    for hazard, step in steps.items():
        what = f"{hazard} from rain"
        field, reason = guarded(what, troubles, partial(_tried, step)) or (None, "the step failed")
        fields += [field] if field else []
        if reason:
            reasons[str(hazard)] = reason
    note = GroundNote(of=rain.event.onset, reasons=reasons)
    context.runs.write(NOTE, note.model_dump_json().encode())
    return fields


def _tried(
    step: Callable[[], tuple[HazardField | None, str]],
) -> tuple[HazardField | None, str]:
    """Data that cannot be used are a reason, not a fault of the cycle."""
    try:
        return step()
    except (KentonganError, ValueError) as error:
        return None, str(error)


def not_assessed(context: CycleContext, at: datetime) -> list[dict[str, str]]:
    """Hazards of which nothing, or not everything, can be said at `at`, each with its reason."""
    from processing.rain.policy import rain_policy

    oldest = timedelta(minutes=rain_policy().nowcast.oldest_frame_minutes)
    note = _note(context)
    found = []
    for hazard, raster in NEEDS.items():
        if context.layers.raster(raster) is None:
            reason = NO_RASTER[hazard]
        elif note is None or not note.of <= at < note.of + oldest:
            reason = NO_RAIN
        else:
            reason = note.reasons.get(str(hazard), "")
        if reason:
            found.append({"hazard_id": str(hazard), "reason": reason})
    return found


def _note(context: CycleContext) -> GroundNote | None:
    if not context.runs.exists(NOTE):
        return None
    try:
        return GroundNote.model_validate_json(context.runs.read(NOTE))
    except ValueError:
        # Damaged: nothing is known of the last field, which is what None says.
        return None


def prepare_ground(context: CycleContext, at: datetime, troubles: list[dict[str, str]]) -> None:
    """Compile, count, calibrate and follow for the next field; after the messages.

    Heights that cannot be used are no trouble here: `not_assessed` says so when rain comes.
    """
    from orchestration.rain.cells import prepare_cells
    from orchestration.rain.land import flood_ground_of
    from orchestration.rain.sliding import renew_percentiles
    from orchestration.stages import guarded
    from processing.rain.policy import rain_policy

    policy = rain_policy()

    def terrain() -> tuple[HazardField | None, str]:
        flood_ground_of(context, policy.flood)
        return None, ""

    def percentiles() -> tuple[HazardField | None, str]:
        renew_percentiles(context, at, policy)
        return None, ""

    guarded("terrain", troubles, partial(_tried, terrain))
    guarded("percentiles of rain", troubles, partial(_tried, percentiles))
    guarded("calibration of rain", troubles, partial(_calibrated, context, at))
    guarded("cells", troubles, partial(prepare_cells, context, at))


def _calibrated(context: CycleContext, at: datetime) -> None:
    from orchestration.rain.live import calibrate

    calibrate(context, at)


def least_villages(hazard: HazardId) -> int | None:
    """At level 2 or above, for a draft of a province; None: as for rain."""
    from processing.rain.policy import rain_policy

    policy = rain_policy()
    least = {
        HazardId.FLOOD: policy.flood.least_villages,
        HazardId.LANDSLIDE: policy.landslide.least_villages,
    }
    return least.get(hazard)
