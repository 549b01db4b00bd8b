"""Fills pages from the program itself each time the site is built, so that none can go stale.

A line `{{ MAKER }}` of a page, or `{{ MAKER WORDS }}`, is replaced by the Markdown that this maker
of `MAKERS` gives; `{{ include PATH }}` by a file of the repository.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import api_pages
import cli_pages
import included
import schema_pages
import screen_pages
import settings_pages

LINE = re.compile(r"^\{\{ (\w+)(?: ([^{}\n]+))? \}\}$", re.MULTILINE)

MAKERS: dict[str, Callable[..., str]] = {
    "cli": cli_pages.markdown,
    "settings": settings_pages.markdown,
    "tables": schema_pages.tables,
    "records": schema_pages.records,
    "impact": schema_pages.impact,
    "warning": schema_pages.warning,
    "cap": schema_pages.cap,
    "api": api_pages.markdown,
    "screens": screen_pages.markdown,
    "screen": screen_pages.one,
    "others": included.others,
}
INCLUDE = re.compile(r"^\{\{ include (\S+) \}\}$", re.MULTILINE)


def fill(text: str, page: str) -> str:
    """The text of a page, e.g. "reference/cli", with each such line replaced and links right.

    Raises:
        KeyError: a line names a maker that is not there.
    """
    own = included.relink(text, page)
    whole = INCLUDE.sub(lambda m: included.relink(included.markdown(m[1]), page, of=m[1]), own)
    return LINE.sub(lambda m: MAKERS[m[1]](*([m[2]] if m[2] else [])), whole)


def _read(_app: Any, name: str, source: list[str]) -> None:
    source[0] = fill(source[0], name)


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    """Pages that are made anew even where their own file is unchanged."""
    pages = (name for name in env.found_docs if LINE.search(env.doc2path(name).read_text("utf-8")))
    return [name for name in pages if app.env]


def _language(_app: Any, _name: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """A page whose head says `lang: id` is marked so, for screen readers and hyphens."""
    meta = context.get("meta") or {}
    if "lang" in meta:
        context["language"] = meta["lang"]


def setup(app: Any) -> dict[str, Any]:
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _outdated)
    app.connect("html-page-context", _language)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
