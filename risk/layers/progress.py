"""How long work tells how far it is; who shows it is a face's business."""

from __future__ import annotations

from collections.abc import Callable

Advance = Callable[[str, float], None]
"""What is being done, and which share of it is done, 0 to 1."""


def silent(_what: str, _done: float) -> None:
    """Nobody looks."""
