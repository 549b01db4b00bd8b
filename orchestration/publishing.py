"""The public folders after a release: alert files, feeds, index."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from notify.public import Refreshed
    from orchestration.context import CycleContext


def publish_feeds(
    context: CycleContext, at: datetime, troubles: list[dict[str, str]], *, whole: bool = False
) -> Refreshed:
    """What stands below `public/` (or `public-exercise/`), as the database has it at `at`.

    Args:
        whole: every alert ever released, byte for byte.
    """
    from notify.public import refresh

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
