"""Words and limits of a plan: kinds by hazard, notes, and what other warnings forbid."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kentongan.types import HazardId, Level, TaskKind

if TYPE_CHECKING:
    import pandas as pd

    from kentongan.decision import Decision

KINDS = {
    HazardId.FLOOD: TaskKind.EVACUATE,
    HazardId.LANDSLIDE: TaskKind.EVACUATE,
    HazardId.TSUNAMI: TaskKind.RECEIVE,
    HazardId.SHAKING: TaskKind.ASSESS,
}
"""Hazards without a line here never make a task."""

PREFERRED_MINUTES = 60.0  # a team from outside goes first if it is there within the hour
"""The same hour as `reachable_60min`."""

AFTER_TSUNAMI = "PD-4"
"""InaTEWS' bulletin that ends a warning: the only leave to enter a tsunami zone."""
NO_ENTRY = "Zona peringatan tsunami: jangan masuk sebelum PD-4"
ON_HOLD = "Pesisir: BMKG menyebut potensi tsunami; jangan masuk sebelum ada buletinnya"
AFTER_BULLETIN = "buletin BMKG"
OUTDOORS = "Daerah guncangan: berkumpul di luar bangunan"
CAPACITY_UNKNOWN = "Daya tampung belum diketahui"
TOO_FAR = "{} jiwa tidak sampai dengan berjalan kaki sebelum bahaya tiba"
NO_PHONE = "tim tanpa telepon, bersama tim lain"
NOT_IN_LAYERS = "Desa tidak ada dalam data wilayah"
NO_TEAM = "Tidak ada tim yang dapat diminta"


class LayerTables(Protocol):
    """The tables of a layer set that a plan reads; columns in `kentongan.areas`.

    Optional: `members` (a table), the column `vulnerability` of `villages`.
    """

    @property
    def villages(self) -> pd.DataFrame: ...
    @property
    def teams(self) -> pd.DataFrame: ...
    @property
    def shelters(self) -> pd.DataFrame: ...
    @property
    def coordinators(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Bounds:
    """What warnings in force forbid.

    Attributes:
        zone: villages of the decision itself; severe: those at level 3 or above.
        avoid: villages under level 2 or above of other events; no shelter there is used.
        no_entry: villages under a tsunami warning of another event that PD-4 has not ended.
        on_hold: villages where a tsunami is possible and no zone is drawn yet.
        shaken: villages under a shaking warning.
    """

    zone: frozenset[str]
    severe: frozenset[str]
    avoid: frozenset[str] = frozenset()
    no_entry: frozenset[str] = frozenset()
    on_hold: frozenset[str] = frozenset()
    shaken: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        decision: Decision,
        *,
        avoid: Collection[str] = (),
        no_entry: Collection[str] = (),
        on_hold: Collection[str] = (),
        shaken: Collection[str] = (),
    ) -> Bounds:
        severe = {c for c, level in decision.levels.items() if level >= Level.SIAGA}
        return cls(
            zone=frozenset(decision.levels),
            severe=frozenset(severe),
            avoid=frozenset(avoid),
            no_entry=frozenset(no_entry),
            on_hold=frozenset(on_hold),
            shaken=frozenset(shaken),
        )

    def closed(self, kind: TaskKind) -> frozenset[str]:
        """Villages out of which no team is asked, because it would stand in a tsunami zone."""
        barred = self.zone if kind is TaskKind.RECEIVE else frozenset()
        return barred | self.no_entry | self.on_hold

    def entry_forbidden(self, code: str, kind: TaskKind) -> tuple[str, str] | None:
        """Note and `after` of a village that nobody enters yet. Receivers never enter one."""
        if kind is TaskKind.RECEIVE:
            return None
        if code in self.no_entry:
            return NO_ENTRY, AFTER_TSUNAMI
        return (ON_HOLD, AFTER_BULLETIN) if code in self.on_hold else None
