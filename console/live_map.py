"""The situation map of this moment, for the DAGs: they stand above this package."""

from __future__ import annotations

from typing import Any


def draw_now(at: str) -> dict[str, Any]:
    """Draw the situation at `at`, ISO 8601, into the home; returns the path."""
    from console.situation_map import situation_map
    from orchestration.steps import map_step

    return map_step(at, situation_map)
