"""How every page of the web application is made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse

from console import words
from console.templating import render
from console.web.access.who import who
from console.web.reading import Reading

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of pages with scripts or forms: all from us, nothing inline."""


def page(
    reading: Reading,
    request: Request,
    template: str,
    *,
    here: str,
    at: datetime | None = None,
    status: int = 200,
    **values: Any,
) -> HTMLResponse:
    """A page of the command centre, for the reader that the guard found.

    Args:
        here: path of the page in the navigation.
        at: the instant it is for; the application's clock without.
        values: what the template names; `who`, `banners`, `at`, `here` are always there.
    """
    mode = reading.settings.mode
    banners = [words.BANNERS[mode]] if mode in words.BANNERS else []
    text = render(
        template, at=at or reading.clock(), here=here, banners=banners, who=who(request), **values
    )
    headers = {
        "Content-Security-Policy": PAGE_POLICY,
        "Cache-Control": "private, no-store",
        # With no-referrer older browsers post `Origin: null`, which looks like a foreign page.
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(text, status, headers=headers)
