"""Fields of a request: texts with names in braces, and nothing that could be run. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, Any]
"""Texts, numbers, yes and no, lists and tables of these."""

NAMES = frozenset(
    {"to", "to_no_plus", "text", "from", "id", "validity_min", "dlr_url", "user", "password",
     "token"}
)  # fmt: skip
SECRETS = frozenset({"user", "password", "token"})
_PLACE = re.compile(r"\{([^{}]*)\}")


def names_in(value: Any) -> set[str]:
    """Every name in braces, however deep it stands."""
    if isinstance(value, str):
        return set(_PLACE.findall(value))
    if isinstance(value, Mapping):
        return set().union(*map(names_in, value.values())) if value else set()
    if isinstance(value, list | tuple):
        return set().union(*map(names_in, value)) if value else set()
    return set()


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """The same with every name replaced by its value, once: what a value holds stays as it is.

    A text that is one name alone and ends in `:int` (`{validity_min:int}`) becomes a number.
    """
    if isinstance(value, str):
        return _text(value, lambda name: values[name])
    if isinstance(value, Mapping):
        return {key: filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    return value


def _text(template: str, value_of: Callable[[str], str]) -> str | int:
    alone = _PLACE.fullmatch(template)
    if alone and alone[1].endswith(":int"):
        return int(value_of(alone[1].removesuffix(":int")))
    return _PLACE.sub(lambda found: value_of(found[1]), template)


def unknown_names(value: Any) -> list[str]:
    """Names that no message has; a typing error would go out as text."""
    return sorted(name for name in names_in(value) if name.removesuffix(":int") not in NAMES)
