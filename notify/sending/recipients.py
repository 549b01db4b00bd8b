"""Who can be reached. Here: synthetic residents and the layer set's coordinators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from kentongan.db import insert_ignore, recipients
from kentongan.errors import RuleViolation
from kentongan.transactions import writing
from notify.firewall.gate import SYNTHETIC_PREFIX, is_synthetic
from notify.wording.language import FALLBACK, spoken_languages

if TYPE_CHECKING:
    import pandas as pd
    from sqlalchemy import ColumnElement

RESIDENTS_PER_VILLAGE = 2
_CHUNK = 10_000


def reads(language: str) -> ColumnElement[bool]:
    """Who gets texts of this language: those who chose it; the fallback's also all others for
    whose language nothing reviewed exists."""
    if language != FALLBACK:
        return recipients.c.language == language
    others = [code for code in spoken_languages() if code != FALLBACK]
    return recipients.c.language.not_in(others)


def ensure_synthetic(engine: Engine, codes: Iterable[str]) -> int:
    """Two residents for each village, the same ones each time; returns how many are new.

    Ids like `r-75.02.07.2001-1`; numbers +999, the village's ten digits and the resident's.
    """
    return _insert(engine, _residents(codes))


def _residents(codes: Iterable[str]) -> Iterator[dict[str, Any]]:
    for code in sorted(set(codes)):
        digits = code.replace(".", "")
        for number in range(1, RESIDENTS_PER_VILLAGE + 1):
            yield {
                "recipient_id": f"r-{code}-{number}",
                "role": "resident",
                "adm4_code": code,
                "address": f"{SYNTHETIC_PREFIX}{digits}{number}",
                "language": "id",
                "synthetic": True,
            }


def ensure_coordinators(engine: Engine, coordinators: pd.DataFrame) -> int:
    """The coordinators of a layer set (`kentongan.areas.COORDINATORS`).

    Raises:
        RuleViolation: a number that is not synthetic; real people come by the registry,
            with consent and encrypted.
    """
    return _insert(engine, _coordinators(coordinators))


def _coordinators(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    columns = ("coordinator_id", "adm4_code", "msisdn")
    for coordinator_id, code, msisdn in zip(*(frame[c].tolist() for c in columns), strict=True):
        if not is_synthetic(msisdn):
            raise RuleViolation(
                f"coordinator {coordinator_id}: expected a synthetic number (+999 …) in a layer "
                "set; real numbers belong into the registry of recipients"
            )
        yield {
            "recipient_id": coordinator_id,
            "role": "coordinator",
            "adm4_code": code,
            "address": msisdn,
            "language": "id",
            "synthetic": True,
        }


def _insert(engine: Engine, rows: Iterable[dict[str, Any]]) -> int:
    pending, new = list(rows), 0
    for start in range(0, len(pending), _CHUNK):
        with writing(engine) as connection:
            result = connection.execute(
                insert_ignore(connection, recipients),
                pending[start : start + _CHUNK],
                execution_options={"preserve_rowcount": True},
            )
            new += max(result.rowcount, 0)
    return new
