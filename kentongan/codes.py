"""Area codes by Kemendagri: `PP.KK.CC.VVVV`, dotted, always text.

Source: Kepmendagri 300.2.2-2430/2025. BPS codes look alike and name other places.
"""

from __future__ import annotations

import re

from kentongan.errors import DataError

DECREE = "Kepmendagri 300.2.2-2430/2025"

_PATTERN = re.compile(r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$")
_LENGTH = {1: 2, 2: 5, 3: 8, 4: 13}


def adm_level(code: str) -> int:
    """1 province, 2 regency, 3 district, 4 village.

    Raises:
        DataError: not a dotted Kemendagri code.
    """
    if not _PATTERN.match(code):
        raise DataError(
            f"area code {code!r}: expected a dotted Kemendagri code such as 75.02.07.2001; "
            "codes are text, keep leading zeros and dots"
        )
    return code.count(".") + 1


def parent(code: str, level: int) -> str:
    """The code of the area of `level` (1..4) that holds `code`.

    Raises:
        DataError: `code` is no area code, or lies above `level`.
    """
    own = adm_level(code)
    if level > own:
        raise DataError(
            f"area code {code!r} is of level {own} and has no ancestor of level {level}"
        )
    return code[: _LENGTH[level]]
