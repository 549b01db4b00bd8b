"""One whole cycle: poll, hazards, overlay, decide, release, dispatch, map.

Each stage reads what the stage before left in tables and files, so the DAGs run the same
functions as separate tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from kentongan.lock import exclusive
from kentongan.times import require_aware
from orchestration import stages
from orchestration.context import CycleContext
from orchestration.document import cycle_document
from orchestration.forecasts import FORECAST


def run_cycle(
    context: CycleContext, at: datetime, *, sources: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run one cycle at `at`; returns the document of `kentongan run --json`.

    Args:
        sources: the sources to poll; None: all of the registry.

    A feed that fails is an entry of the document, never an error of the cycle.
    """
    at = require_aware(at)
    with exclusive(context.settings.home):
        polls = stages.poll_all(context, at, _first(sources))
        done = stages.advance(context, at)
        if sources is None or FORECAST in sources:
            # After the warnings: 60 requests a minute must never delay one.
            polls = [*polls, *stages.poll_all(context, at, [FORECAST])]
        outputs = stages.draw(context, at)
        return cycle_document(context, at, polls=polls, done=done, outputs=outputs)


def _first(sources: Sequence[str] | None) -> list[str]:
    from ingest.registry import SOURCES

    chosen = SOURCES if sources is None else sources
    return [s for s in chosen if s != FORECAST]
