"""The evacuation plan: between `risk` and `notify`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from kentongan.types import TaskKind

STRAIGHT, ROADS = "straight-line", "roads"


class Leg(BaseModel):
    """One team that takes some of a village's people to one shelter, or a part of that.

    `team_id` None: these people have a place, and nobody to help them there. `shelter_id` None:
    nobody is moved (assess), or no place is left.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    people: int
    team_id: str | None = None
    team: str = ""
    members: int | None = None
    """None: not known."""
    skills: tuple[str, ...] = ()
    phone: bool = True
    """False: the team has no telephone; another team of the task has one."""
    eta_min: float | None = None
    """Of the team, travel alone: to the village, or to the shelter where it receives."""
    shelter_id: str | None = None
    shelter: str = ""
    way_min: float | None = None
    """Of the people, from the village to the shelter."""
    way: str = STRAIGHT
    """How `way_min` and `line` were found: `straight-line` or `roads`."""
    line: tuple[tuple[float, float], ...] = ()
    """Longitude, latitude from the village to the shelter; empty where nobody is moved."""
    marks: tuple[str, ...] = ()
    """`outdoors`: the shelter lies where the ground shook; `capacity-unknown`; `too-far-on-foot`:
    those who walk are not there before the hazard."""


class PlannedTask(BaseModel):
    """One request for one village. `team_id` None: nobody can; the need stays visible.

    A village may need several teams and shelters: these are the `legs` of its one task, so that
    a task stays unique by warning, kind and village. `team_id` and `eta_min` are those of the team
    that is there first, `shelter_id` is the shelter that takes most.
    """

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
    """Travel alone; over roads where the layer set has them, else straight line x detour."""
    mobilisation_min: float
    after: str = ""
    """What must happen first, e.g. `PD-4` before anybody enters a tsunami zone."""
    note: str = ""
    legs: tuple[Leg, ...] = ()
    deadline: datetime | None = None
    """When the hazard is there: until then people must be out. None: it is there, or is over."""

    @property
    def teams(self) -> tuple[str, ...]:
        """All teams that are asked, the first one to arrive before the others."""
        named = [leg.team_id for leg in self.legs if leg.team_id is not None]
        return tuple(dict.fromkeys([self.team_id, *named] if self.team_id else named))


class Proof(BaseModel):
    """How good a plan is, by prices that were worked out apart from the solver."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    optimal: bool = True
    """No pair of village and shelter, or of village and team, could make the plan better."""
    gap_people: int = 0
    """At most so many more could be placed; 0 where the optimum is proven."""
    components: int = 0
    pairs: int = 0
    """Pairs within reach, each looked at by the proof."""
    pairs_left_out: int = 0
    """Pairs beyond the most that are looked at for one village; 0: none."""


class Plan(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[PlannedTask, ...]
    unmet_people: int
    proof: Proof | None = None
    """None: there was nothing to plan."""
