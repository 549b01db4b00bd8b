"""Deaths as orders of magnitude: a type of its own, which no text for the public takes.

An expected number is never shown. It is off by a factor of five in one of three events
(zeta 1.64), and Cianjur 2022 was off by a hundred.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

from risk.losses.models import LossFigures, expected_deaths


@dataclass(frozen=True)
class LossBand:
    """What is said of deaths, to a duty officer alone.

    Attributes:
        orders: words of the bins, ascending, e.g. `<1`, `1-99`.
        central: the bin of the central model.
        low, high: the lowest and highest bin that any of the models gives.
        chances: of each bin, by the central model and its residual; they add up to 1.
        models: bin by model.
        not_counted: people whose intensity is not known; their deaths are in no bin.
    """

    orders: tuple[str, ...]
    central: str
    low: str
    high: str
    chances: Mapping[str, float]
    models: Mapping[str, str]
    not_counted: int = 0


def loss_band(people: Mapping[int, int], figures: LossFigures, *, not_known: int = 0) -> LossBand:
    """Orders of magnitude of deaths under shaking.

    Args:
        people: by whole MMI.
        not_known: people whose intensity is not known.
    """
    counted = {mmi: n for mmi, n in people.items() if mmi >= figures.count_from_mmi}
    names = (figures.central, *figures.band)
    expected = {name: expected_deaths(figures.model(name), counted) for name in names}
    places = {name: _bin(number, figures.bins) for name, number in expected.items()}
    words = order_words(figures.bins)
    return LossBand(
        orders=words,
        central=words[places[figures.central]],
        low=words[min(places.values())],
        high=words[max(places.values())],
        chances=_chances(expected[figures.central], figures, words),
        models={name: words[place] for name, place in places.items()},
        not_counted=not_known,
    )


def chance_between(low: float, high: float, expected: float, zeta: float) -> float:
    """P(low < deaths < high) = Phi((ln high - ln E) / zeta) - Phi((ln low - ln E) / zeta).

    Deaths are lognormal about the expected number E (Jaiswal & Wald 2010, eq. 8).

    Args:
        low: 0 or more; 0 has no lower edge.
        high: above `low`; infinite has no upper edge.
        expected: 0 puts all weight at 0.
    """
    if expected <= 0:
        return 1.0 if low <= 0 < high else 0.0
    return _below(high, expected, zeta) - _below(low, expected, zeta)


def _below(edge: float, expected: float, zeta: float) -> float:
    if edge <= 0 or math.isinf(edge):
        return 0.0 if edge <= 0 else 1.0
    z = (math.log(edge) - math.log(expected)) / zeta
    return 0.5 * math.erfc(-z / math.sqrt(2))


def order_words(bins: tuple[float, ...]) -> tuple[str, ...]:
    """`<1`, `1-99`, `100-999`, `>=1000`."""
    inner = [f"{low:g}-{high - 1:g}" for low, high in itertools.pairwise(bins)]
    return (f"<{bins[0]:g}", *inner, f">={bins[-1]:g}")


def _bin(number: float, bins: tuple[float, ...]) -> int:
    return sum(number >= edge for edge in bins)


def _chances(expected: float, figures: LossFigures, words: tuple[str, ...]) -> dict[str, float]:
    zeta = figures.model(figures.central).zeta
    edges = (0.0, *figures.bins, math.inf)
    pairs = itertools.pairwise(edges)
    return {
        word: chance_between(low, high, expected, zeta)
        for word, (low, high) in zip(words, pairs, strict=True)
    }
