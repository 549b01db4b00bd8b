"""Phone books as offices send them: every sort of broken line, from one seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

GOOD = "good"
_OPERATORS = ("811", "812", "813", "821", "852", "857", "878", "895", "896", "838")


def number(rng: random.Random) -> str:
    """An Indonesian mobile number, `812…`, without its prefix."""
    return rng.choice(_OPERATORS) + f"{rng.randrange(10**8):08d}"


def good_spelling(rng: random.Random, bare: str) -> str:
    return rng.choice(
        (f"0{bare}", f"+62{bare}", f"62{bare}", bare, f"0062{bare}", f"+62 {bare[:3]}-{bare[3:]}",
         f"0{bare[:3]} {bare[3:7]} {bare[7:]}", f"'0{bare}", f"(0{bare[:3]}) {bare[3:]}",
         f"tel:+62{bare}", f"+62(0){bare}", f" 0{bare} ", f"0{bare[:3]}.{bare[3:]}")
    )  # fmt: skip


BROKEN: dict[str, Callable[[random.Random, str], str]] = {
    "empty": lambda rng, bare: "",
    "letters": lambda rng, bare: f"0{bare[:5]}O{bare[6:]}",
    "two": lambda rng, bare: f"0{bare} / 0{bare[::-1]}",
    "short": lambda rng, bare: f"0{bare[:4]}",
    "long": lambda rng, bare: f"0{bare}{bare[:3]}",
    "fixed": lambda rng, bare: f"021{bare[:8].replace('0', '5')}",
    "foreign": lambda rng, bare: f"+659{rng.randrange(10**6, 10**7)}",
    "service": lambda rng, bare: rng.choice(("112", "171", "14045", "0800123456", "08091234567")),
    "formula": lambda rng, bare: rng.choice(
        ("=cmd|' /C calc'!A0", "=HYPERLINK(\"\"http://x.invalid\"\")", "@SUM(1+1)", "+cmd|x!A1",
         f"=0{bare}")
    ),
    "power": lambda rng, bare: f"6.28{bare[:3]}E+12",
    "made-up": lambda rng, bare: f"+9997502{bare[:7]}",
    "nul": lambda rng, bare: f"0{bare[:4]}\x00{bare[4:]}",
    "control": lambda rng, bare: f"0{bare[:4]}\x07{bare[4:]}",
    "huge": lambda rng, bare: "8" * 2_000,
    "words": lambda rng, bare: "tidak ada HP",
}  # fmt: skip
SHAPES = ("quote", "cells", "no-area", "other-area", "bps-area", "number-as-area", "no-consent",
          "twice")  # fmt: skip


def phone_book(
    seed: int, lines: int, villages: Sequence[str], *, good_pct: int = 50
) -> tuple[str, dict[int, str]]:
    """A file of `lines` lines below its header, and what is wrong with each line (by its number in
    the file); `good` for those that name somebody."""
    rng = random.Random(seed)  # noqa: S311 no secret
    out, kinds, used, taken = ["nama,nomor,kode desa,setuju"], {}, [], set[str]()
    for line in range(2, lines + 2):
        kind = GOOD if rng.randrange(100) < good_pct else rng.choice((*BROKEN, *SHAPES))
        bare = next(n for n in iter(lambda: number(rng), "") if n not in taken)
        taken.add(bare)
        kind = "empty" if kind == "twice" and not used else kind
        kinds[line] = kind
        out.append(_line(rng, kind, bare, rng.choice(villages), used))
        if kind == GOOD:
            used.append(bare)
    return "\n".join(out) + "\n", kinds


def _line(rng: random.Random, kind: str, bare: str, village: str, used: list[str]) -> str:
    name = rng.choice(("Siti", "Budi Santoso", "Ibu Ani", "Ñoño", "Dé"))
    good = good_spelling(rng, bare)
    if kind in BROKEN:
        return f'{name},"{BROKEN[kind](rng, bare)}",{village},ya'
    shapes = {
        GOOD: f"{name},{good},{village},ya",
        "quote": f'{name},"{good},{village},ya',
        "cells": f"{name},{good},{village}",
        "no-area": f"{name},{good},,ya",
        "other-area": f"{name},{good},99.99.99.9999,ya",
        "bps-area": f"{name},{good},3204,ya",
        "number-as-area": f"{name},{good},0{bare},ya",
        "no-consent": f"{name},{good},{village},tidak",
        "twice": f"{name},{good_spelling(rng, rng.choice(used or [bare]))},{village},ya",
    }
    return shapes[kind]
