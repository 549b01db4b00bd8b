"""The one Jinja2 environment of the faces: escapes everything, refuses unknown names."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console import words

ASSETS = Path(__file__).parent / "assets"
_TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """Autoescape is on for every template, whatever its name ends in."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals["words"] = words
    found.filters["number"] = words.number
    found.filters["shortened"] = words.shortened
    return found


def render(name: str, **values: Any) -> str:
    return environment().get_template(name).render(**values)
