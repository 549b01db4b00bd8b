"""Task numbers that survive a tired thumb: `T`, digits, and a check digit (Damm 2004).

The check digit finds every single wrong digit and every exchange of two neighbours.
"""

from __future__ import annotations

import hashlib
import re

# Totally anti-symmetric quasigroup of order 10 (H. M. Damm, 2004), row by row.
_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)
_FORM = re.compile(r"^T?[\s-]?(\d{5,9})$", re.IGNORECASE)


def check_digit(digits: str) -> str:
    interim = "0"
    for digit in digits:
        interim = _DAMM[int(interim)][int(digit)]
    return interim


def candidate(warning_id: str, kind: str, adm4_code: str, *, attempt: int) -> str:
    """The number of a task; a higher attempt is for when another task has it already.

    Five digits before the check digit, six from the eighth attempt on, seven from the
    sixteenth.
    """
    length = 5 + attempt // 8
    seed = f"{warning_id}|{kind}|{adm4_code}|{attempt}"
    number = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % 10**length
    digits = f"{number:0{length}d}"
    return f"T{digits}{check_digit(digits)}"


def read_task_id(text: str) -> str | None:
    """`t 482173` → `T482173`; None if it is no task number or the check digit is wrong."""
    match = _FORM.match(text.strip())
    if match is None or check_digit(match[1]) != "0":
        return None
    return f"T{match[1]}"
