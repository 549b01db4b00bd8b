"""Checklists as data: what people do by hazard and level, who does it, and within which time.

One TOML file a hazard and one for all (`common.toml`) below `data/sop`; unknown keys are refused,
units stand in the keys, author and date in the file. A file that the ministry has not signed says
`unconfirmed = true`, and whoever reads a checklist is told.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from kentongan.errors import SettingsError
from kentongan.types import HazardId, Level

COMMON = "common"
PUBLIC_LEVELS = (Level.WASPADA, Level.SIAGA, Level.AWAS)


class Phase(StrEnum):
    ALERT = "alert"
    """From the first release that reached the step's level."""
    UPDATE = "update"
    """From the newest update; asked anew for each."""
    END = "end"
    """From the all-clear, the cancellation, or the warning's own expiry."""


class Role(StrEnum):
    PUSDALOPS = "pusdalops"
    SHIFT_LEAD = "kepala-shift"
    COORDINATOR = "koordinator-tagana"
    TEAM = "tim-tagana"
    DINSOS = "dinas-sosial"
    LOGISTICS = "logistik"
    PRESS = "humas"


ROLE_NAMES: dict[Role, str] = {
    Role.PUSDALOPS: "Petugas piket Pusdalops",
    Role.SHIFT_LEAD: "Kepala shift",
    Role.COORDINATOR: "Koordinator Tagana",
    Role.TEAM: "Tim Tagana",
    Role.DINSOS: "Dinas Sosial kabupaten/kota",
    Role.LOGISTICS: "Petugas logistik",
    Role.PRESS: "Humas",
}


class HandOver(StrEnum):
    """To whom a matter goes that is not the ministry's."""

    EMERGENCY = "112"
    SEARCH_AND_RESCUE = "115"
    BPBD = "BPBD"
    BNPB = "BNPB"
    BMKG = "BMKG"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Step(_Strict):
    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", min_length=3, max_length=40)
    """Stable: ticks name it."""
    phase: Phase
    levels: tuple[Annotated[int, Field(ge=Level.WASPADA, le=Level.AWAS)], ...] = Field(
        default=PUBLIC_LEVELS, min_length=1
    )
    role: Role
    within_minutes: int = Field(ge=1, le=24 * 60)
    text: str = Field(min_length=10, max_length=400)
    """Indonesian, a command."""
    call: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    hand_over: tuple[HandOver, ...] = ()
    hand_over_when: str = ""

    @model_validator(mode="after")
    def _says_when(self) -> Step:
        if bool(self.hand_over) != bool(self.hand_over_when):
            raise ValueError(f"step {self.id}: expected hand_over and hand_over_when together")
        if len(set(self.levels)) != len(self.levels):
            raise ValueError(f"step {self.id}: a level stands twice in levels")
        return self


class Checklist(_Strict):
    """One file."""

    author: str = Field(min_length=1)
    date: date
    unconfirmed: bool = False
    """Nobody at the ministry has signed it."""
    hazard: HazardId | Literal["any"]
    step: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_step_once(self) -> Checklist:
        _refuse_twice(step.id for step in self.step)
        return self


def _refuse_twice(ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for step_id in ids:
        if step_id in seen:
            raise ValueError(f"step {step_id}: stands twice; ids must be unique for a hazard")
        seen.add(step_id)


@dataclass(frozen=True)
class Sop:
    """Every checklist of a folder."""

    common: Checklist
    by_hazard: dict[HazardId, Checklist]

    def steps(self, hazard: HazardId, level: int, phase: Phase) -> tuple[Step, ...]:
        """What is to be done, the most urgent first; the hazard's own before what is common."""
        found = (*self.by_hazard[hazard].step, *self.common.step)
        fitting = [step for step in found if step.phase is phase and level in step.levels]
        return tuple(sorted(fitting, key=lambda step: step.within_minutes))

    def unconfirmed(self, hazard: HazardId) -> bool:
        return self.common.unconfirmed or self.by_hazard[hazard].unconfirmed


def load_sop(folder: Path) -> Sop:
    """Read and check a folder: one file for each hazard, and `common.toml`.

    Raises:
        SettingsError: a file is missing or wrong, or a level of a hazard has no steps.
    """
    common = _read(folder / f"{COMMON}.toml", "any")
    by_hazard = {h: _read(folder / f"{h}.toml", h) for h in HazardId}
    for hazard, checklist in by_hazard.items():
        try:
            _refuse_twice(step.id for step in (*checklist.step, *common.step))
        except ValueError as error:
            raise SettingsError(f"sop {folder / f'{hazard}.toml'}: {error}") from error
    sop = Sop(common, by_hazard)
    _refuse_gaps(sop, folder)
    return sop


def _read(path: Path, hazard: str) -> Checklist:
    try:
        found = Checklist.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise SettingsError(f"sop {path}: {error}") from error
    if found.hazard != hazard:
        raise SettingsError(f"sop {path}: expected hazard = {hazard!r}, found {found.hazard!r}")
    return found


def _refuse_gaps(sop: Sop, folder: Path) -> None:
    """A level nobody knows what to do at is a fault of the file, not a quiet night."""
    for hazard, checklist in sop.by_hazard.items():
        for level in PUBLIC_LEVELS:
            own = [s for s in checklist.step if s.phase is Phase.ALERT and level in s.levels]
            ends = sop.steps(hazard, level, Phase.END)
            if not own or not ends:
                raise SettingsError(
                    f"sop {folder / f'{hazard}.toml'}: level {int(level)} has no step of phase "
                    f"{'alert' if not own else 'end'}; every level from 2 to 4 needs one"
                )
