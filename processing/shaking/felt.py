"""Felt reports ("dirasakan") as a correction of the whole event.

The median of observed minus predicted MMI, shrunk by n / (n + prior): few reports move little.
The term is added to a line's MMI everywhere. Which places report is no fair sample (those where
something was felt and telephones still work), so the term is bounded, and by policy only raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kentongan.policy import ShakingRules
from kentongan.records import Felt, Quake
from processing.quakes import Floats
from processing.shaking.inputs import Locate

Predict = Callable[[Floats, Floats], Floats]
"""Latitudes and longitudes of n places, degrees → MMI, shape (n,)."""


@dataclass(frozen=True)
class Reports:
    """Felt reports with a position; arrays of shape (n,)."""

    places: tuple[str, ...]
    latitude: Floats
    longitude: Floats
    mmi: Floats
    """Middle of the reported range."""
    unplaced: tuple[str, ...]
    """Names that no place near the epicentre bears."""


def reports(felt: Sequence[Felt], quake: Quake, locate: Locate, rules: ShakingRules) -> Reports:
    """Reports that count: of at least `felt_min_mmi`, at a place that is known."""
    counted = [one for one in felt if _middle(one) >= rules.felt_min_mmi]
    found = [(one, locate(one.place, quake.latitude, quake.longitude)) for one in counted]
    placed = [(one, where) for one, where in found if where is not None]
    return Reports(
        places=tuple(one.place for one, _ in placed),
        latitude=np.array([where[0] for _, where in placed], dtype=float),
        longitude=np.array([where[1] for _, where in placed], dtype=float),
        mmi=np.array([_middle(one) for one, _ in placed], dtype=float),
        unplaced=tuple(one.place for one, where in found if where is None),
    )


def _middle(felt: Felt) -> float:
    return (felt.mmi_low + felt.mmi_high) / 2


@dataclass(frozen=True)
class EventTerm:
    """MMI: what the reports say, and what is added to a line for it."""

    found: float = 0.0
    applied: float = 0.0


def event_term(found: Reports, predict: Predict, rules: ShakingRules) -> EventTerm:
    """Zero without reports."""
    count = len(found.places)
    if not count:
        return EventTerm()
    middle = float(np.median(found.mmi - predict(found.latitude, found.longitude)))
    shrunk = middle * count / (count + rules.felt_prior)
    bounded = max(-rules.felt_max_shift, min(rules.felt_max_shift, shrunk))
    return EventTerm(bounded, bounded if rules.felt_lowers else max(bounded, 0.0))


def says_more(found: Reports, term: EventTerm, rules: ShakingRules) -> bool:
    """Whether enough places report more than the formula gives for a small quake to be believed."""
    return term.applied > 0 and len(found.places) >= rules.felt_lifts_from
