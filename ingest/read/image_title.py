"""The time drawn into a satellite image: `HIMAWARI-9 RP  01/01/2026  09:50UTC`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from ingest.read.glyphs import is_colon, read_character, split_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TITLE_ROWS = 62
"""The dark bar on top is 65 rows high; its last rows mix with the map below."""
TITLE_COLUMNS = 1150
"""The title ends near column 810; the copyright line begins near 1245."""
_SCAN_MINUTES = 10
"""Himawari scans the disk every ten minutes, so the last digit of a time is 0."""
_FIRST_YEAR = 2015
"""Himawari-8 became operational in July 2015."""


def title_time(bar: NDArray[np.uint8]) -> datetime | None:
    """The time of the title, day before month; None unless every character is certain.

    `bar` has shape (rows, columns, 3): the top of the image.
    """
    words = split_words(_cream(bar[:TITLE_ROWS, :TITLE_COLUMNS]))
    for day, clock in pairwise(words):
        if len(day) == 10 and len(clock) == 8:
            return _time(day, clock)
    return None


def _cream(bar: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the cream of the title (255,248,198) covers at least half a pixel of the dark bar."""
    import numpy as np

    colour = bar.astype(np.int16)
    bright = (colour[..., 0] >= 150) & (colour[..., 1] >= 145)
    return np.asarray(bright & (colour[..., 0] - colour[..., 2] >= 25))


def _time(day: Sequence[NDArray[np.bool_]], clock: Sequence[NDArray[np.bool_]]) -> datetime | None:
    date_marks = read_character(day[2]) == "/" == read_character(day[5])
    clock_marks = is_colon(clock[2]) and [read_character(g) for g in clock[5:]] == ["U", "T", "C"]
    digits = [
        read_character(glyph, "0123456789")
        for glyph in (*day[:2], *day[3:5], *day[6:], *clock[:2], *clock[3:5])
    ]
    if not (date_marks and clock_marks and all(digits)):
        return None
    try:
        value = datetime.strptime("".join(digits) + "+0000", "%d%m%Y%H%M%z").astimezone(UTC)
    except ValueError:
        return None
    return value if value.year >= _FIRST_YEAR and value.minute % _SCAN_MINUTES == 0 else None
