"""`data/simulation/*.toml`: how people behave in a simulated night."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kentongan.errors import SettingsError
from kentongan.policy import load_policy
from kentongan.settings import data_dir

Share = Annotated[float, Field(ge=0, le=1)]
Minutes = Annotated[float, Field(gt=0, le=1440)]
Range = tuple[float, float]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TaganaBehaviour(_Strict):
    """Who is asked for a task. Shares are of the people or tasks that the file names."""

    off: Share
    by_link: Share
    refuses: Share
    misses_first: Share
    answer_median_min: Minutes
    answer_spread: float = Field(ge=1, le=10)
    late: Share
    late_min: Minutes
    twice: Share
    wrong_digit: Share
    wrong_number: Share
    no_number: Share
    unclear: Share
    asks_for_help: Share
    fails: Share
    silent_after_yes: Share
    leaves_count_out: Share
    depart_min: Range
    travel_min: Range
    work_min: Range
    brought: Range
    visit_every_min: Range

    @field_validator("depart_min", "travel_min", "work_min", "brought", "visit_every_min")
    @classmethod
    def _rising(cls, value: Range) -> Range:
        if not 0 < value[0] <= value[1]:
            raise ValueError(f"expected two numbers above 0, the lower first, found {value}")
        return value


class PostBehaviour(_Strict):
    takes_over: Share
    answer_median_min: Minutes


class ResidentBehaviour(_Strict):
    prank: Share
    """Of everything that comes in from residents."""
    reports: Share
    again: Share
    within_min: Minutes
    wrong_place: Share
    no_place: Share
    languages: dict[str, Share]


class Behaviour(_Strict):
    author: str
    date: date
    tagana: TaganaBehaviour
    posts: PostBehaviour
    residents: ResidentBehaviour


def load_behaviour(path: Path | None = None) -> Behaviour:
    """The bundled behaviour, another bundled one by its name, or a file.

    Raises:
        SettingsError: it is not there or is wrong.
    """
    if path is None:
        return load_policy(folder() / "behaviour.toml", Behaviour)
    bundled = folder() / f"{path}.toml"
    if path.parent == Path() and path.suffix == "" and bundled.is_file():
        return load_policy(bundled, Behaviour)
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in folder().glob("*.toml") if "day" not in p.stem))
        raise SettingsError(f"behaviour {path}: expected a file or one of {names}; found neither")
    return load_policy(path, Behaviour)


def folder() -> Path:
    return data_dir() / "simulation"
