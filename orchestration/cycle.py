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


def run_cycle(
    context: CycleContext, at: datetime, *, sources: Sequence[str] | None = None
) -> dict[str, Any]:
    """Run one cycle at `at`; returns the document of `kentongan run --json`.

    Args:
        sources: the sources to poll; None: every one that is configured.

    A feed that fails is an entry of the document, never an error of the cycle.
    """
    at = require_aware(at)
    first, last = _by_tier(context, sources)
    # Not while polls run: silent hosts would keep every other cycle of the home waiting.
    polls = stages.poll_all(context, at, first)
    with exclusive(context.settings.home):
        done = stages.advance(context, at)
    # After the warnings: 60 requests a minute, or a large image, must never delay one.
    polls = [*polls, *stages.poll_all(context, at, last)]
    with exclusive(context.settings.home):
        outputs = stages.draw(context, at)
        return cycle_document(context, at, polls=polls, done=done, outputs=outputs)


def _by_tier(context: CycleContext, sources: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """The sources to poll before and after the warnings."""
    from ingest.registry import SOURCES, configured

    chosen = configured(context.settings) if sources is None else list(sources)
    first = [s for s in chosen if SOURCES[s].info.tier == "warning"]
    return first, [s for s in chosen if SOURCES[s].info.tier == "support"]
