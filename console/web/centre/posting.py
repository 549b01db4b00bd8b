"""What a person does by a form of the command centre: who it is, and the act in the audit."""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from console.web.access.who import who
from console.web.forms import is_own, posted
from console.web.reading import Reading
from kentongan.errors import KentonganError, RuleViolation

BODY_BYTES = 16_384
FIELDS = 16
NAME_CHARS = 80
_log = logging.getLogger(__name__)

Fields = dict[str, str]
Do = Callable[[Request, Fields], str]
"""Does it and says where to go on; a `KentonganError` is shown to the person."""
Again = Callable[[Request, Fields, str], Response]
"""The page once more, with what was written and what is wrong."""


async def post(reading: Reading, request: Request, do: Do, again: Again) -> Response:
    """Read the form, do it, sign the audit's new head, and lead on: a reload posts nothing."""
    if not is_own(request, reading.settings.public_url):
        return HTMLResponse("Formulir ini hanya dapat dikirim dari halamannya sendiri.", 403)
    fields = await posted(request, largest=BODY_BYTES, most=FIELDS)
    if fields is None:
        return HTMLResponse("Formulir tidak terbaca.", 400)
    return await run_in_threadpool(_done, reading, request, fields, do, again)


def _done(reading: Reading, request: Request, fields: Fields, do: Do, again: Again) -> Response:
    try:
        return RedirectResponse(do(request, fields), 303)
    except KentonganError as error:
        return again(request, fields, str(error))
    finally:
        sign(reading)


def sign(reading: Reading) -> None:
    """Done or refused, the audit's new head is signed."""
    from kentongan.audit.heads import sign_and_keep

    for trouble in sign_and_keep(reading.engine, reading.settings, reading.clock()):
        _log.error("audit: %s", trouble)


def name_of(request: Request, fields: Fields) -> str:
    """Who acts: the account; at a machine without accounts, the name that was written.

    Raises:
        RuleViolation: no name.
    """
    found = who(request)
    if found.signed_in:
        return found.account_id
    name = " ".join(fields.get("petugas", "").split())[:NAME_CHARS]
    if not name:
        raise RuleViolation("Isi nama petugas. (Write your name.)")
    return name


def within(request: Request, code: str | None) -> None:
    """That the act lies in the account's area.

    Raises:
        RuleViolation: it does not.
    """
    found = who(request)
    if code and found.outside([code]):
        raise RuleViolation(
            f"{found.account_id} acts for {', '.join(found.areas)}; {code} lies outside: ask "
            "somebody who acts there"
        )
