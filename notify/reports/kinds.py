"""What a report is about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """In the order in which an equal score is decided: whoever may die comes first."""

    DANGER = "danger"
    """Somebody is trapped, hurt or carried away now."""
    MISSING = "missing"
    EVACUATE = "evacuate"
    CONFLICT = "conflict"
    VULNERABLE = "vulnerable"
    """Children, old or disabled people alone; trauma."""
    NEEDS = "needs"
    TSUNAMI = "tsunami"
    FIRE = "fire"
    LANDSLIDE = "landslide"
    FLOOD = "flood"
    VOLCANO = "volcano"
    STORM = "storm"
    QUAKE = "quake"
    INFRASTRUCTURE = "infrastructure"
    BANSOS = "bansos"
    VOLUNTEER = "volunteer"
    CLEAR = "clear"
    """All clear, or a report taken back."""
    INFO = "info"
    PRANK = "prank"
    UNCLEAR = "unclear"


HAZARDS = frozenset(
    {
        Category.TSUNAMI, Category.FIRE, Category.LANDSLIDE, Category.FLOOD, Category.VOLCANO,
        Category.STORM, Category.QUAKE,
    }
)  # fmt: skip
RANK = {category: place for place, category in enumerate(Category)}


NEW, ASKED, ROUTED, CLOSED, NOISE = "new", "asked", "routed", "closed", "noise"
"""States of a report."""
SMS, WEB, VOICE = "sms", "web", "voice"
"""Ways by which one comes."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a text counts for a category."""

    category: Category
    said: str
    """As it stands in the text, after the usual short forms are written out."""
    known: str
    """The lexicon's word that it is taken for."""
    weight: float
    note: str = ""
    """`not …`, `after …`: why it counts less or elsewhere."""

    def __str__(self) -> str:
        taken = f" ({self.known})" if self.known != self.said else ""
        note = f", {self.note}" if self.note else ""
        return f"{self.category} {self.weight:+.1f}: {self.said}{taken}{note}"


@dataclass(frozen=True, slots=True)
class Classified:
    """What a text says."""

    category: Category
    urgency: int
    """0 to 3; 3 is danger to life."""
    language: str
    """id, jv, su, min, en; empty: not told."""
    confidence: float
    """0..1: how far the best category is ahead of the next."""
    reasons: tuple[Reason, ...] = ()
    hazards: tuple[Category, ...] = ()
    """Hazards that are spoken of as there, the clearest first."""
