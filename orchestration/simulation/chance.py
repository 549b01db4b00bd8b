"""Chance without a state: every draw is a hash of the seed and of what it is about.

So one person's draw does not depend on who was asked before, and a night that was interrupted goes
on as it would have. SHA-256 (FIPS 180-4), the first 53 bits as a fraction.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import TypeVar

_T = TypeVar("_T")
_BITS = 53
_EDGE = 1e-9


def share(seed: int, *about: object) -> float:
    """Uniform in [0, 1)."""
    text = "|".join([str(seed), *map(str, about)])
    first = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    return (first >> (64 - _BITS)) / float(1 << _BITS)


def happens(chance: float, seed: int, *about: object) -> bool:
    return share(seed, *about) < chance


def pick(values: Sequence[_T], seed: int, *about: object) -> _T:
    """One of them, each as likely."""
    return values[int(share(seed, *about) * len(values))]


def weighted(weights: Mapping[str, float], seed: int, *about: object) -> str:
    """A key, by its weight; they need not add up to 1."""
    left = share(seed, *about) * sum(weights.values())
    for name, weight in weights.items():
        left -= weight
        if left < 0:
            return name
    return next(reversed(list(weights)))


def between(low: float, high: float, seed: int, *about: object) -> float:
    return low + (high - low) * share(seed, *about)


def lognormal(median: float, spread: float, seed: int, *about: object) -> float:
    """Around a median; `spread` is the factor of one standard deviation."""
    uniform = min(max(share(seed, *about), _EDGE), 1 - _EDGE)
    return median * math.exp(math.log(spread) * NormalDist().inv_cdf(uniform))
