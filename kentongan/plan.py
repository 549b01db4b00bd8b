"""The evacuation plan: between `risk` and `notify`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kentongan.types import TaskKind


class PlannedTask(BaseModel):
    """One request to one team. `team_id` None: nobody can; the need stays visible."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TaskKind
    adm4_code: str
    """Village that is helped; for `receive`, the village of the people who come."""
    level: int
    people: int
    unmet_people: int
    """People for whom no team or no shelter place is left."""
    team_id: str | None
    coordinator_id: str | None
    shelter_id: str | None
    eta_min: float | None
    """Travel alone, straight line x detour at the policy's speed."""
    mobilisation_min: float
    after: str = ""
    """What must happen first, e.g. `PD-4` before anybody enters a tsunami zone."""
    note: str = ""


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[PlannedTask, ...]
    unmet_people: int
