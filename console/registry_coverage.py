"""The table of `kentongan recipients coverage`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kentongan.codes import adm_level
from kentongan.types import DataQuality

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from kentongan.settings import Settings
    from notify.registry.coverage import Covered


@dataclass(frozen=True)
class Coverage:
    """What is printed."""

    areas: tuple[Covered, ...]
    names: dict[str, str]
    strangers: int
    """Registered in no village of the layer set."""
    modelled: bool
    """Whether people of villages are modelled, not counted."""

    @property
    def document(self) -> dict[str, Any]:
        return {
            "areas": [
                {
                    "code": one.code,
                    "name": self.names.get(one.code, ""),
                    "registered": one.registered,
                    "people": one.people,
                    "per_1000": None if one.per_thousand is None else round(one.per_thousand, 2),
                }
                for one in self.areas
            ],
            "registered_in_no_village": self.strangers,
            "people_are_modelled": self.modelled,
        }


def covered(engine: Engine, settings: Settings, area: str, level: int | None) -> Coverage:
    """Areas of a level within `area`; by default of the next level below it."""
    from notify.registry.coverage import coverage, registered_residents
    from risk.layers.layerset import load_layers

    layers = load_layers(settings.layers)
    own = adm_level(area) if area else 0
    chosen = max(level or min(own + 1, 4), own, 1)
    villages = layers.villages
    people = dict(zip(villages["adm4_code"], villages["people"].tolist(), strict=True))
    with engine.connect() as connection:
        registered = registered_residents(connection)
    found, strangers = coverage(registered, people, area=area, level=chosen)
    modelled = bool((villages["data_quality"] != DataQuality.MEASURED).any())
    return Coverage(tuple(found), layers.names, strangers, modelled)


def as_text(found: Coverage) -> str:
    from console.columns import table

    rows = [
        (
            one.code,
            found.names.get(one.code, ""),
            f"{one.registered:,}",
            "not known" if one.people is None else f"{one.people:,}",
            "not known" if one.per_thousand is None else f"{one.per_thousand:.2f}",
        )
        for one in found.areas
    ]
    lines = [table(("code", "area", "registered", "people", "per 1,000"), rows)]
    total = sum(one.registered for one in found.areas)
    lines.append(f"{total:,} registered; whoever is not in the registry gets no SMS")
    if found.strangers:
        lines.append(f"{found.strangers:,} more in villages that the layer set does not have")
    if found.modelled:
        lines.append("people of villages are modelled in this layer set")
    return "\n".join(lines)
