"""Which villages' forecasts are worth BMKG's 60 requests a minute now."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kentongan.db import feed_log
from kentongan.times import parse_instant

if TYPE_CHECKING:
    from orchestration.context import CycleContext

FORECAST = "bmkg-forecast"


def wanted_villages(context: CycleContext, at: datetime) -> list[str]:
    """Villages under a warning first, then one per district, the oldest first."""
    from ingest.planner import plan_forecasts

    from notify.life import active_warnings

    warned = sorted({c for w in active_warnings(context.engine, at) for c in w.body.levels})
    codes = context.layers.villages["adm4_code"]
    representatives = codes.groupby(codes.str[:8]).first().tolist()
    return plan_forecasts(
        warned,
        representatives,
        _last_polled(context),
        budget=context.settings.forecast_requests_per_cycle,
        at=at,
    )


def _last_polled(context: CycleContext) -> dict[str, datetime]:
    """Village -> when it was last asked for, also if the answer was 404."""
    query = (
        select(feed_log.c.url, func.max(feed_log.c.polled_at))
        .where(feed_log.c.source_id == FORECAST)
        .group_by(feed_log.c.url)
    )
    with context.engine.connect() as connection:
        rows = connection.execute(query).all()
    return {url.rpartition("adm4=")[2]: parse_instant(at) for url, at in rows if "adm4=" in url}
