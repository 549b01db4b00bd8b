"""Which villages' forecasts are worth BMKG's 60 requests a minute, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.impact import UNASSIGNED
from kentongan.types import Level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ingest.forecast_plan.aliases import Alias, Aliases
    from ingest.forecast_plan.coverage import Coverage
    from ingest.forecast_plan.plan import Knowledge, Plan
    from ingest.forecast_plan.villages import Villages
    from kentongan.settings import Settings
    from orchestration.context import CycleContext
    from risk.layers.layerset import LayerSet

FORECAST = "bmkg-forecast"
_DISTRICT = 8  # characters of an adm3 code


def wanted_villages(context: CycleContext, at: datetime) -> list[str]:
    """Codes to ask BMKG for now, the most urgent first; see `ingest.forecast_plan.plan`."""
    return [ask.asked_as for ask in plan_now(context, at).asks]


def plan_now(context: CycleContext, at: datetime, *, budget: int | None = None) -> Plan:
    """What to ask for with `budget` requests; None: as many as the settings and the host's minute
    allow."""
    from ingest.forecast_plan.plan import plan_forecasts

    villages = villages_of(context.layers)
    aliases = _aliases(context.settings)
    return plan_forecasts(
        villages,
        _known(context, villages, aliases, at),
        urgency(context, villages, at),
        budget=_budget(context) if budget is None else budget,
        at=at,
        aliases=aliases.by_row(villages),
    )


def covered(
    context: CycleContext, at: datetime, area: str = ""
) -> tuple[Coverage, list[Coverage], int]:
    """All of an area, its parts, and in how many districts of the nation one village is assessed.

    Raises:
        DataError: `area` is no code.
    """
    from ingest.forecast_plan import coverage

    villages = villages_of(context.layers)
    known = _known(context, villages, _aliases(context.settings), at)
    return (
        coverage.whole(villages, known, at, area=area),
        coverage.coverage(villages, known, at, area=area),
        coverage.districts_reached(villages, known, at),
    )


def _known(context: CycleContext, villages: Villages, aliases: Aliases, at: datetime) -> Knowledge:
    from ingest.forecast_plan.state import known_forecasts, refresh

    refresh(context.engine, villages, aliases, at)
    return known_forecasts(context.engine, villages, at)


def villages_of(layers: LayerSet) -> Villages:
    """The layer set's villages; made once a set and process."""
    from ingest.forecast_plan.villages import make_villages

    found = _MADE.get(layers.version)
    if found is None:
        table = layers.villages
        found = make_villages(
            table["adm4_code"].to_numpy(),
            table["people"].to_numpy(),
            table["latitude"].to_numpy(),
            table["longitude"].to_numpy(),
        )
        _MADE.clear()
        _MADE[layers.version] = found
    return found


_MADE: dict[str, Villages] = {}


def _aliases(settings: Settings) -> Aliases:
    from ingest.forecast_plan.aliases import load_aliases

    return load_aliases(settings.forecast_aliases)


def _budget(context: CycleContext) -> int:
    """Requests of this cycle: the setting's, or what other processes have left of the minute."""
    from ingest.wire.http import host_of, is_loopback

    allowed, url = context.settings.forecast_requests_per_cycle, context.settings.bmkg_api_url
    if is_loopback(url):
        return allowed
    return max(0, min(allowed, _left(context, host_of(url))))


def _left(context: CycleContext, host: str) -> int:
    from ingest.wire.rate import SUPPORT_RESERVE, SharedLimiter

    return SharedLimiter(context.engine).left(host) - SUPPORT_RESERVE


# --- what is in danger -----------------------------------------------------------------


def urgency(context: CycleContext, villages: Villages, at: datetime) -> NDArray[np.int8]:
    """`ingest.forecast_plan.plan.Urgency` of each village, dims (villages,)."""
    import numpy as np

    from ingest.forecast_plan.plan import Urgency

    marks = np.zeros(len(villages), dtype=np.int8)
    stand_ins = villages.representatives(np.zeros(len(villages), dtype=bool))
    named, provinces = _in_doubt(context, at)
    warned = villages.rows(sorted(_warned(context, at)))
    likely = np.union1d(
        villages.rows(sorted(_likely(context, at))),
        np.flatnonzero(np.isin(villages.districts, sorted(named))[villages.district]),
    )
    near = villages.districts_near(np.union1d(warned, likely))
    marks[stand_ins[near]] = Urgency.NEIGHBOUR
    marks[stand_ins[villages.in_provinces(sorted(provinces))]] = Urgency.AREA_UNKNOWN
    marks[likely] = Urgency.LIKELY
    marks[warned] = Urgency.WARNED
    return marks


def _warned(context: CycleContext, at: datetime) -> set[str]:
    from notify.life import active_warnings

    return {code for w in active_warnings(context.engine, at) for code in w.body.levels}


def _likely(context: CycleContext, at: datetime) -> set[str]:
    """Villages in level 1 or more of an event that has not ended, warned or not yet."""
    from orchestration import event_store

    events = [e for e in event_store.active(context.engine) if e.event.valid_to > at]
    paths = [e.impact_path for e in events if context.runs.exists(e.impact_path)]
    return {
        code for path in paths for code in _watched(event_store.read_impact(context.runs, path))
    }


def _watched(impact: pd.DataFrame) -> Iterable[str]:
    codes = impact.loc[impact["level"] >= int(Level.WATCH), "adm4_code"]
    return (str(code) for code in codes if code != UNASSIGNED)


def _in_doubt(context: CycleContext, at: datetime) -> tuple[set[str], set[str]]:
    """Where BMKG warns and we know no area: districts that it names, and provinces of which a
    warning names none that can be found."""
    from ingest.known import unknown_areas
    from processing.gazetteer import key

    items = [item for item in unknown_areas(context.engine, at) if item.province_code]
    if not items:
        return set(), set()
    codes = _district_codes(context.layers)
    named: set[str] = set()
    provinces: set[str] = set()
    for item in items:
        found = [codes.get((item.province_code, key(n)), []) for n in item.district_names]
        named.update(code for each in found for code in each)
        if not found or not all(found):
            provinces.add(item.province_code)
    return named, provinces


def _district_codes(layers: LayerSet) -> dict[tuple[str, str], list[str]]:
    """adm3 codes by province and name."""
    from processing.gazetteer import key

    found: dict[tuple[str, str], list[str]] = {}
    for code, name in layers.names.items():
        if len(code) == _DISTRICT:
            found.setdefault((code[:2], key(name)), []).append(code)
    return found


# --- older codes -----------------------------------------------------------------------


def older_codes(layers: LayerSet, table: str) -> list[Alias]:
    """Pairs from an older decree's list: CSV with `code,name` of all four levels, codes dotted.

    Raises:
        DataError: another form.
    """
    from ingest.forecast_plan.aliases import Place, derive, places_of

    own = layers.villages
    columns = ("adm4_code", "name", "adm3_name", "adm2_name")
    newer = [Place(*row) for row in zip(*(own[c].tolist() for c in columns), strict=True)]
    return derive(places_of(table), newer)
