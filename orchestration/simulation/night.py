"""The clock of a simulated night: feeds, people and the loop, minute by minute.

Everything but the people is the real thing: the cycle, the inbox, replies, pages, escalation and
the recorder's outbox. A night that was interrupted goes on after the last minute that it finished.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, select

from kentongan.db import task_steps
from kentongan.errors import RuleViolation, SettingsError
from kentongan.lock import exclusive
from kentongan.sealing import as_file, secrets_key
from kentongan.times import iso, parse_instant, require_aware
from kentongan.types import Mode
from notify.channels.channel import InboundMessage
from notify.inbox.store import keep, precise
from notify.tasks.links import Opened, open_token, whose
from notify.tasks.mine import people_with_tasks, press, tasks_of
from orchestration.context import CycleContext, open_context
from orchestration.simulation.acts import Act, Way
from orchestration.simulation.behaviour import Behaviour
from orchestration.simulation.people import ROUTE, People, provider_key
from orchestration.simulation.residents import Village
from orchestration.simulation.stories import CYCLE, FeedStory, Story, flood_day
from orchestration.simulation.tagana import pressed
from orchestration.steps import loop_in

if TYPE_CHECKING:
    from kentongan.sealing import Keys
    from kentongan.settings import Settings

Progress = Callable[[datetime, str], None]
"""Called with the instant and what happens then, where something does."""
MINUTE = timedelta(minutes=1)
FLOODS = ("flood-day",)
_MARK = ".kentongan-simulation"
_CLOCK = "simulation-clock.txt"


def story_of(name: str) -> Story:
    """A flood day, a bundled scenario, or a folder with one.

    Raises:
        SettingsError: there is none of that name.
    """
    from orchestration.scenarios import find

    if name in FLOODS:
        return flood_day(name)
    try:
        return FeedStory(find(name))
    except SettingsError as error:
        raise SettingsError(f"{error}; or {', '.join(FLOODS)}") from error


@dataclass
class Night:
    """One night in one home."""

    context: CycleContext
    story: Story
    people: People
    keys: Keys
    end: datetime
    notes: list[tuple[datetime, str]]

    @property
    def clock(self) -> Path:
        return self.context.settings.home / _CLOCK

    def run(self, progress: Progress | None = None) -> None:
        """Play what is left of it."""
        begun = parse_instant(self.clock.read_text()) if self.clock.exists() else None
        if begun is not None:
            self.people.listen(upto=begun)
            self.people.forget(begun)
        for at in self._instants(begun):
            self._moment(at, progress)
            _write_clock(self.clock, at)

    def _instants(self, begun: datetime | None) -> Iterator[datetime]:
        """Every minute, and the moments of the story between them."""
        minutes, at = [], self.story.start
        while at <= self.end:
            minutes.append(at)
            at += MINUTE
        moments = [one for one in self.story.moments() if one <= self.end]
        for one in sorted({*minutes, *moments}):
            if begun is None or one > begun:
                yield one

    def _moment(self, at: datetime, progress: Progress | None) -> None:
        if at in self.story.moments() or (at - self.story.start) % CYCLE == timedelta():
            note = self.story.play(self.context, at)
            if note:
                self.notes.append((at, note))
                if progress:
                    progress(at, note)
        self.people.listen()
        for act in self.people.due(at):
            self._do(act)
        with exclusive(self.context.settings.home):
            loop_in(self.context, at)
        self.people.listen()

    def _do(self, act: Act) -> None:
        if act.way is Way.PAGE:
            self._look_at_page(act)
            return
        message = InboundMessage(ROUTE, provider_key(act), act.number, act.text, act.at)
        keep(self.context.engine, self.keys, message)

    def _look_at_page(self, act: Act) -> None:
        """As the page does it: the link is opened, and buttons are pressed that it offers."""
        engine = self.context.engine
        opened = open_token(self.keys, act.link, at=act.at)
        if not isinstance(opened, Opened):
            return
        with engine.connect() as connection:
            person = whose(self.keys, opened, people_with_tasks(connection))
            done = _pressed_at(connection, person, act.at)
        given = self.people.behaviour.tagana
        for task in tasks_of(engine, person, self.context.layers.villages):
            choice = pressed(self.people.seed, given, person, task)
            if choice is not None and task.task_id not in done:
                press(
                    engine, person, task.task_id, choice[0],
                    fence=task.fence, at=act.at, people=choice[1],
                )  # fmt: skip


def _pressed_at(connection: Connection, person: str, at: datetime) -> set[str]:
    """Tasks on which a look that was interrupted has pressed already."""
    query = select(task_steps.c.task_id).where(
        task_steps.c.actor == person, task_steps.c.via == "link", task_steps.c.at == precise(at)
    )
    return set(connection.execute(query).scalars())


def _write_clock(path: Path, at: datetime) -> None:
    new = path.with_suffix(".new")
    new.write_text(iso(at))
    new.replace(path)


@contextmanager
def open_night(
    name: str,
    settings: Settings,
    *,
    seed: int,
    behaviour: Behaviour,
    hours: float | None = None,
    go_on: bool = False,
) -> Iterator[Night]:
    """A night in a home of its own, below `settings.home`.

    Args:
        hours: from the story's first moment; None: as long as it lasts.
        go_on: with what an interrupted night left; else the home is emptied first.

    Raises:
        RuleViolation: the mode is not exercise.
        SettingsError: no such story, or the home holds something else.
    """
    if settings.mode is not Mode.EXERCISE:
        raise RuleViolation(
            f"simulation: expected mode exercise, found {settings.mode}: made-up people never "
            "answer real requests; set KENTONGAN_MODE=exercise"
        )
    story = story_of(name)
    home = _home(settings.home / "simulations" / f"{story.name}-{seed}", go_on=go_on)
    own = settings.model_copy(
        update={"home": home, "secrets_key": _key(home, seed), "test_numbers": (), "routes": None}
    )
    end = require_aware(story.start) + timedelta(hours=hours or story.hours)
    with (
        story.opened(own) as given,
        open_context(given, live=False, re_creation=True) as context,
    ):
        people = People(context.engine, seed, behaviour, partial(_village, _names(context)))
        yield Night(context, story, people, secrets_key(given), end, [])


def _names(context: CycleContext) -> dict[str, Village]:
    villages = context.layers.villages
    columns = (villages[c].tolist() for c in ("adm4_code", "name", "adm3_name"))
    return {code: Village(name, district) for code, name, district in zip(*columns, strict=True)}


def _village(names: dict[str, Village], code: str) -> Village:
    return names.get(code, Village(code, ""))


def _key(home: Path, seed: int) -> Path:
    """The same links for the same seed. Nothing real is sealed in this home."""
    path = home / "simulation.key"
    if not path.exists():
        path.write_bytes(
            as_file([hashlib.sha256(f"kentongan simulation {seed}".encode()).digest()])
        )
        path.chmod(0o600)
    return path


def _home(home: Path, *, go_on: bool) -> Path:
    """An empty folder, or that of an interrupted night.

    Raises:
        SettingsError: the folder holds something else.
    """
    if home.exists() and any(home.iterdir()):
        if not (home / _MARK).is_file():
            raise SettingsError(f"{home}: not empty and not made by a simulation; move it away")
        if go_on:
            return home
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / _MARK).touch()
    return home
