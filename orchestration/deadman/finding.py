"""One thing that looks dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Finding:
    """Something that looks dead; it is an alarm once it lasts for `after`."""

    key: str
    what: str
    action: str
    since: datetime | None
    """None: not known, so from when it is first seen."""
    after: timedelta
