"""Which villages' forecasts are worth BMKG's 60 requests a minute now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.context import CycleContext

FORECAST = "bmkg-forecast"


def wanted_villages(context: CycleContext, at: datetime) -> list[str]:
    """Villages under a warning first, then one per district, the oldest first."""
    from ingest.known import forecast_ages
    from ingest.planner import plan_forecasts
    from notify.life import active_warnings

    warned = sorted({c for w in active_warnings(context.engine, at) for c in w.body.levels})
    codes = context.layers.villages["adm4_code"]
    representatives = codes.groupby(codes.str[:8]).first().tolist()
    return plan_forecasts(
        warned,
        representatives,
        forecast_ages(context.engine, at),
        budget=context.settings.forecast_requests_per_cycle,
        at=at,
    )
