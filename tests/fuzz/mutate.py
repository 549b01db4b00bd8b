"""Mutant number `index` of a parser: the same bytes each time, from the same corpus."""

from __future__ import annotations

import bz2
from functools import cache
from random import Random

from tests.fuzz import blind, grid, png, trees
from tests.fuzz.corpus import TEXT_FORMS, Seed

BLIND_SHARE = {"json": 0.35, "xml": 0.35, "txt": 1.0, "png": 0.3, "nc": 0.5, "bz2": 0.2, "bin": 1.0}
"""Share of the mutants that know nothing of the form; the others change its parts."""
_BOTH = 0.05


def mutant(
    parser: str, index: int, own: list[Seed], all_texts: tuple[bytes, ...]
) -> tuple[Seed, bytes]:
    rng = Random(f"{parser}:{index}")  # noqa: S311 - not for secrets
    seed = rng.choice(own)
    others = all_texts if seed.form in TEXT_FORMS else tuple(s.payload for s in own)
    draw = rng.random()
    if draw < _BOTH:
        return seed, blind.changed(_by_form(seed, rng), rng, others)
    if draw < BLIND_SHARE[seed.form]:
        return seed, _blind(seed, rng, others)
    return seed, _by_form(seed, rng)


def _blind(seed: Seed, rng: Random, others: tuple[bytes, ...]) -> bytes:
    """Of files with a head, half of the changes are to the head."""
    if seed.form in TEXT_FORMS or rng.random() < 0.5:
        return blind.changed(seed.payload, rng, others)
    head = rng.choice((64, 512, 3_000))
    return blind.changed(seed.payload[:head], rng, others) + seed.payload[head:]


def _by_form(seed: Seed, rng: Random) -> bytes:
    if seed.form in ("json", "xml"):
        return trees.changed(seed.payload, seed.form, rng)
    if seed.form == "png":
        return png.changed(seed.payload, rng)
    if seed.form == "nc":
        return grid.changed(seed.payload, rng)
    if seed.form == "bz2":
        return _unpacked(seed, rng)
    return _blind(seed, rng, (seed.payload,))


@cache
def _content(seed: Seed) -> bytes:
    return bz2.decompress(seed.payload)


def _unpacked(seed: Seed, rng: Random) -> bytes:
    """What is packed, changed in its head or anywhere."""
    data = _content(seed)
    head = rng.choice((300, 1_500, len(data)))
    return (blind.changed(data[:head], rng, (data[:5_000],)) + data[head:])[: len(data) + 5_000]
