"""The first way to say something that fits: lengths are added up, only the winner is written.

A way is literal text and fields. All text is plain GSM-7, so the length of a whole is the sum of
the lengths of its parts: that is what the linter's proof rests on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

from notify.wording.gsm7 import to_basic

Options = Mapping[str, Sequence[str]]
"""Field -> ways to fill it, the most telling first."""

ORDER = ("arrival", "help", "when", "where")
"""What is kept longest, first: an hour of arrival and a place to go outlive a list of districts."""


@dataclass(frozen=True)
class Way:
    """One template, taken apart."""

    parts: tuple[tuple[str, str], ...]
    """(literal, field behind it); the field of the last is empty."""
    fixed: int
    """Characters of the literals."""
    fields: tuple[str, ...]

    def length(self, values: Mapping[str, str]) -> int:
        return self.fixed + sum(len(values[field]) for field in self.fields)

    def write(self, values: Mapping[str, str]) -> str:
        return "".join(text + (values[field] if field else "") for text, field in self.parts)


@lru_cache(maxsize=4096)
def way(template: str) -> Way:
    parts = tuple((text, field or "") for text, field, _, _ in Formatter().parse(template))
    return Way(
        parts=parts,
        fixed=sum(len(text) for text, _ in parts),
        fields=tuple(field for _, field in parts if field),
    )


def first_fit(
    templates: Sequence[str], options: Options, limit: int, resort: Sequence[str] = ()
) -> str:
    """The fullest text of at most `limit` characters.

    What is in `ORDER` is tried in every way; of other fields the first option counts. Templates of
    `resort` are taken only where no shorter place helps the others. Where nothing fits, the place
    is cut and never the words around it.

    Raises:
        KeyError: a template with a field that `options` does not fill.
    """
    ways, last = ([way(template) for template in some] for some in (templates, resort))
    varied = [name for name in ORDER if name in options]
    fixed = {name: values[0] for name, values in options.items() if name not in varied}
    for some in (ways, last):
        for values in _choices(varied, options, fixed):
            for one in some:
                if one.length(values) <= limit:
                    return one.write(values)
    return _with_cut_place((ways + last)[-1], {k: v[-1] for k, v in options.items()} | fixed, limit)


def _choices(
    varied: Sequence[str], options: Options, fixed: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    for chosen in itertools.product(*(options[name] for name in varied)):
        yield {**fixed, **dict(zip(varied, chosen, strict=True))}


def _with_cut_place(last: Way, values: Mapping[str, str], limit: int) -> str:
    over = last.length(values) - limit
    where = values.get("where", "")
    kept = where[: max(len(where) - over, 0)].rstrip(" ,.;:-/(")
    return last.write({**values, "where": kept})[:limit]


@lru_cache(maxsize=65_536)
def basic(text: str) -> str:
    """`to_basic`, but a leading space stays: a sentence that may be left out brings its own."""
    plain = to_basic(text)
    return f" {plain}" if plain and text[:1] == " " else plain
