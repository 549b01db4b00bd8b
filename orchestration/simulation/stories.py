"""What happens in a night: a bundled scenario with its feeds, or a flood made by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from kentongan.lock import exclusive
from kentongan.policy import load_policy
from kentongan.times import compact
from kentongan.types import DocumentStatus, HazardId, Level
from orchestration import event_store, stages
from orchestration.cycle import run_cycle
from orchestration.simulation.behaviour import folder

if TYPE_CHECKING:
    from kentongan.hazard import HazardField
    from kentongan.scenario import Scenario
    from kentongan.settings import Settings
    from orchestration.context import CycleContext

CYCLE = timedelta(minutes=5)
"""Between two cycles; answers and silence are looked at each minute."""
_WARNING_FEEDS = ("bmkg-inatews", "bmkg-quakes", "bmkg-nowcast")


class Story(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def start(self) -> datetime: ...

    @property
    def hours(self) -> float:
        """That it lasts by itself."""

    def moments(self) -> list[datetime]:
        """At which something happens."""

    def play(self, context: CycleContext, at: datetime) -> str:
        """Bring the centre up to an instant; what is to be said of it, mostly nothing."""

    def opened(self, settings: Settings) -> AbstractContextManager[Settings]:
        """The settings with which it is played."""


@dataclass
class FeedStory:
    """A scenario's documents, served step by step; between them the feeds stay as they are."""

    scenario: Scenario
    _server: Any = None

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def title(self) -> str:
        return self.scenario.title

    @property
    def start(self) -> datetime:
        return self.scenario.steps[0].at

    @property
    def hours(self) -> float:
        return (self.scenario.steps[-1].at - self.start) / timedelta(hours=1) + 0.5

    def moments(self) -> list[datetime]:
        return [step.at for step in self.scenario.steps]

    @contextmanager
    def opened(self, settings: Settings) -> Iterator[Settings]:
        from ingest.play.feedserver import ScenarioServer
        from orchestration.scenarios import bases

        with ScenarioServer(self.scenario) as server:
            self._server = server
            own = settings.with_feed_server(
                server.url, home=settings.home, database_url="", sources=self.scenario.sources
            )
            yield own.model_copy(update=bases(self.scenario, server.url))

    def play(self, context: CycleContext, at: datetime) -> str:
        number = max(i for i, step in enumerate(self.scenario.steps) if step.at <= at)
        step = self.scenario.steps[number]
        self._server.show(number)
        is_new = step.at == at
        sources = self.scenario.sources if is_new else _between(self.scenario)
        run_cycle(context, at, sources=sources)
        return step.note if is_new else ""


def _between(scenario: Scenario) -> tuple[str, ...]:
    return tuple(one for one in scenario.sources if one in _WARNING_FEEDS)


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Strict):
    after_min: float = Field(ge=0)
    km: dict[Level, float]
    """Level -> kilometres around the middle."""
    note: str


class FloodDay(_Strict):
    """`data/simulation/*-day.toml`: a hazard made by hand, for lack of a recorded one."""

    author: str
    date: date
    title: str
    start: AwareDatetime
    hours: float
    province: str
    latitude: float
    longitude: float
    water_after_min: float = Field(ge=0)
    """From the start until the water stands in the houses: teams must be out before."""
    renew_min: float = Field(gt=0)
    stage: tuple[Stage, ...] = Field(min_length=1)


@dataclass
class FloodStory:
    """Rings of water around a place, as an authority announces them."""

    day: FloodDay
    name: str = "flood-day"
    _known: list[datetime] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.day.title

    @property
    def start(self) -> datetime:
        return self.day.start

    @property
    def hours(self) -> float:
        return self.day.hours

    def moments(self) -> list[datetime]:
        """Every stage, and every renewal while the water stands."""
        begun = [self.start + timedelta(minutes=one.after_min) for one in self.day.stage]
        ends = [*begun, self.start + timedelta(hours=self.hours)]
        step = timedelta(minutes=self.day.renew_min)
        found = []
        for one, after in pairwise(ends):
            while one < after:
                found.append(one)
                one += step
        return found

    @contextmanager
    def opened(self, settings: Settings) -> Iterator[Settings]:
        yield settings.model_copy(update={"database_url": ""})

    def play(self, context: CycleContext, at: datetime) -> str:
        stage = self._stage(at)
        if stage is not None and at in self.moments():
            _see(context, self.day, stage, at)
        with exclusive(context.settings.home):
            stages.advance(context, at)
        is_new = stage is not None and at == self.start + timedelta(minutes=stage.after_min)
        return stage.note if stage is not None and is_new else ""

    def _stage(self, at: datetime) -> Stage | None:
        minutes = (at - self.start) / timedelta(minutes=1)
        return next((one for one in reversed(self.day.stage) if one.after_min <= minutes), None)


def flood_day(name: str) -> FloodStory:
    """A bundled one, by its name.

    Raises:
        SettingsError: it cannot be read.
    """
    return FloodStory(load_policy(folder() / f"{name}.toml", FloodDay), name)


def _see(context: CycleContext, day: FloodDay, stage: Stage, at: datetime) -> None:
    from risk.overlay import impact_table

    made = _field(day, stage, at)
    impact = impact_table(made, context.layers, context.levels)
    digest = event_store.field_hash(made.event, context.layers.version, f"{stage.km}")
    event_store.save(context.engine, context.runs, made, made.event, impact, digest=digest, at=at)


def _field(day: FloodDay, stage: Stage, at: datetime) -> HazardField:
    from kentongan.hazard import AreaRule, HazardEvent, HazardField

    event = HazardEvent(
        event_id=f"flood-{compact(day.start)}-{day.province}",
        hazard_id=HazardId.FLOOD,
        level=max(stage.km),
        onset=day.start + timedelta(minutes=day.water_after_min),
        valid_from=at,
        valid_to=at + timedelta(hours=2),
        official=True,
        status=DocumentStatus.ACTUAL,
        re_creation=True,
        title=day.title,
        method="made-by-hand/1",
        observations=(),
        province_codes=(day.province,),
    )
    return HazardField(event, AreaRule.SHARE_OF_PEOPLE, raster=_rings(day, stage))


def _rings(day: FloodDay, stage: Stage) -> Any:
    """Levels on the analysis grid, in discs around the middle."""
    import numpy as np
    import xarray as xr

    from kentongan.grid import BASE_GRID as GRID

    north = 110.57 * (GRID.latitude - day.latitude)  # km a degree of latitude
    east = 111.32 * np.cos(np.radians(day.latitude)) * (GRID.longitude - day.longitude)
    away = np.hypot(north[:, None], east[None, :])
    level = np.zeros(away.shape, np.int8)
    for one, km in sorted(stage.km.items()):
        level[away <= km] = int(one)
    return xr.Dataset(
        {"hazard_level": (("latitude", "longitude"), level)},
        coords={"latitude": GRID.latitude, "longitude": GRID.longitude},
    )
