"""The public folders after a release: alert files, feeds, index."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from kentongan.errors import DataError
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.times import parse_instant

if TYPE_CHECKING:
    from notify.cap.public import Refreshed
    from orchestration.context import CycleContext


def publish_feeds(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]], *, whole: bool = False
) -> Refreshed:
    """What stands below `public/` (or `public-exercise/`), as the database has it at `at`.

    Args:
        whole: every alert ever released, byte for byte.
    """
    from notify.cap.public import refresh

    done = refresh(
        context.engine,
        context.runs,
        at=at,
        mode=context.settings.mode,
        public_url=context.settings.public_url,
        whole=whole,
    )
    troubles.extend({"what": "public feeds", "detail": text} for text in done.troubles)
    return done


def verify_alerts(at: str, settings: Settings | None = None) -> dict[str, Any]:
    """Read every alert ever released, and put back what is missing from the public folders.

    Raises:
        DataError: an alert is not public as it was released.
    """
    from notify.cap.public import refresh
    from orchestration.context import open_ingest

    used = settings or Settings()
    with open_ingest(used) as ingest:
        done = refresh(
            ingest.engine,
            Store(str(used.home.resolve())),
            at=parse_instant(at),
            mode=used.mode,
            public_url=used.public_url,
            whole=True,
        )
    if done.troubles:
        raise DataError(f"{len(done.troubles)} alerts: {done.troubles[0]}")
    return {"written": len(done.written), "in_force": done.in_force}
