"""The words of CAP documents by hazard and level, Indonesian and English side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from kentongan.types import HazardId
from notify.wording.language import Facts, HazardWords, facts, language

LEVEL_WORDS = {2: "WASPADA", 3: "SIAGA", 4: "AWAS"}


@dataclass(frozen=True)
class LevelPhrases:
    response: str
    what_id: str
    what_en: str
    do_id: str
    do_en: str


@dataclass(frozen=True)
class HazardPhrases:
    facts: Facts
    indonesian: HazardWords
    english: HazardWords

    @property
    def category(self) -> str:
        return self.facts.category

    @property
    def event_code(self) -> str | None:
        """OET:v1.2, only where known from a published alert."""
        return self.facts.event_code

    @property
    def name_id(self) -> str:
        return self.indonesian.name

    @property
    def name_en(self) -> str:
        return self.english.name

    @property
    def end_id(self) -> str:
        return self.indonesian.end_what

    @property
    def end_en(self) -> str:
        return self.english.end_what

    @property
    def end_do_id(self) -> str:
        return self.indonesian.end_do

    @property
    def end_do_en(self) -> str:
        return self.english.end_do

    @property
    def by_level(self) -> dict[int, LevelPhrases]:
        return {level: self.at(level) for level in self.indonesian.levels}

    def at(self, level: int) -> LevelPhrases:
        """The words of `level`, or of the next lower one that has any."""
        own, other = self.indonesian.at(level), self.english.at(level)
        lower = [known for known in self.facts.response if known <= level]
        known = max(lower) if lower else min(self.facts.response)
        return LevelPhrases(self.facts.response[known], own.what, other.what, own.do, other.do)


@cache
def phrases() -> dict[HazardId, HazardPhrases]:
    own, other = language("id").hazards, language("en").hazards
    return {h: HazardPhrases(facts()[h], own[h], other[h]) for h in HazardId}
