"""A home where an estimate waits for two people with codes, served on a clock that stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kentongan.accounts.roles import Role
from kentongan.settings import data_dir
from tests.console.centre.staff import Office, Person, draft, hire
from tests.faces.scenes import EMPTY, Scene, scene, serve

PEOPLE = {
    "ani": (Role.DUTY_OFFICER, ("75",)),
    "budi": (Role.APPROVER, ()),
    "citra": (Role.APPROVER, ("75",)),
    "jauh": (Role.APPROVER, ("31",)),
    "dewi": (Role.VIEWER, ()),
    "eko": (Role.COORDINATOR, ("75",)),
    "fajar": (Role.ADMIN, ()),
}


def strict_policy(folder: Path) -> Path:
    """The policy of actual mode with a price: in exercise mode it asks for people and codes."""
    path = folder / "policy.toml"
    actual = (data_dir() / "policy" / "actual.toml").read_text(encoding="utf-8")
    path.write_text("price_per_sms_rupiah = 350\n" + actual, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def waiting_home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, dict[str, Person], Path]:
    """A home with the draft and its people, made once; copied, never written to."""
    folder = tmp_path_factory.mktemp("waiting")
    policy = strict_policy(folder)
    empty = scene(folder, EMPTY)
    with serve(empty, folder / "home", policy=policy) as place:
        at = place.clock.at
        draft(place.settings, at)
        people = {
            who: hire(place.settings, place.engine, who, role, at, areas)
            for who, (role, areas) in PEOPLE.items()
        }
    return Scene("waiting", folder / "home", empty.at), people, policy


@pytest.fixture
def opened(
    waiting_home: tuple[Scene, dict[str, Person], Path], tmp_path: Path
) -> Iterator[Callable[..., Office]]:
    """`opened(name="a", **settings)`: an office over a copy of that home."""
    found, people, policy = waiting_home
    with ExitStack() as stack:

        def find(name: str = "a", **settings: Any) -> Office:
            given = {"policy": policy, **settings}
            place = stack.enter_context(serve(found, tmp_path / name, **given))
            return Office(place, {who: replace(one) for who, one in people.items()})

        yield find


@pytest.fixture
def office(opened: Callable[..., Office]) -> Office:
    return opened()


@pytest.fixture(scope="module")
def reading(
    waiting_home: tuple[Scene, dict[str, Person], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Office]:
    """One office for tests that decide nothing."""
    found, people, policy = waiting_home
    home = tmp_path_factory.mktemp("reading") / "home"
    with serve(found, home, policy=policy) as place:
        yield Office(place, {who: replace(one) for who, one in people.items()})
