"""Every example of `docs/gateways.md` is a route that can be read."""

from __future__ import annotations

import re
import textwrap
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from notify.channels.http.route import HttpRoute
from notify.channels.modem import GammuRoute

PAGE = Path(__file__).parents[3] / "docs" / "gateways.md"


def blocks() -> list[dict[str, Any]]:
    found = re.findall(r"(?:^    .+\n)+", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    made = []
    for block in map(textwrap.dedent, found):
        if "url = " not in block and "spool = " not in block:
            continue
        if "get-url" in block:
            continue
        if "[[route]]" not in block:
            block = f'[[route]]\nkind = "http"\nroute = "example"\nchannel = "sms"\n{block}'
        (route,) = tomllib.loads(block)["route"]
        made.append(route)
    return made


@pytest.mark.parametrize("route", blocks(), ids=lambda route: str(route.get("url", "modem")))
def test_an_example_is_a_route(route):
    model = HttpRoute if route["kind"] == "http" else GammuRoute
    model.model_validate(route)
    with pytest.raises(ValidationError):
        model.model_validate({**route, "unknown": 1})


def test_all_examples_are_found():
    assert [route["kind"] for route in blocks()] == ["http", "http", "http", "gammu"]
