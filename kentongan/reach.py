"""Whether help comes to a village in time, and where its people can go: `risk` to `notify`.

Not known is never help: a village without an entry is told what those are told who are alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Help(StrEnum):
    COMING = "coming"
    """A free team, reserved for this village alone, is there and out again before the hazard."""
    ALONE = "alone"
    """No team can be there in time, or none may enter."""
    CLEARED = "cleared"
    """The team that was there says that everybody is out. The danger is the same."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VillageReach:
    help: Help = Help.UNKNOWN
    eta_min: float | None = None
    """From now until the team is there, mobilisation included; None where none comes."""
    point: str = ""
    """Name of the nearest assembly point outside the danger; empty where none is known."""
    km: float | None = None
    """Way to it: straight line times the policy's detour factor."""


@dataclass(frozen=True)
class Reach:
    """Attributes:
    villages: adm4_code -> what is known of it.
    neighbours: adm2_code with people whom nobody reaches -> adm2 codes of the regencies next
        to it whose coordinators are told of the gap.
    """

    villages: Mapping[str, VillageReach] = field(default_factory=dict)
    neighbours: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, code: str) -> VillageReach:
        return self.villages.get(code, NOTHING_KNOWN)


NOTHING_KNOWN = VillageReach()
