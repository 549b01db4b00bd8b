"""Scenarios: a folder with `scenario.toml` and payloads, served step by step.

    title = "Cianjur, 21 November 2022"
    note = "Re-creation after the real schema with the event's public facts"
    re_creation = true
    sources = ["bmkg-quakes", "bmkg-inatews"]   # optional: the feeds to poll

    [[step]]
    at = 2022-11-21T06:25:00Z
    note = "the felt quake is published"
    serve = { "/DataMKG/TEWS/autogempa.json" = "autogempa-1.json" }
    fail = { "/alerts/nowcast/id" = 503 }

What a step serves stays until a later step serves or fails the same path. `serve` maps a
path of BMKG's (with query, if any) to a payload file; `fail` maps a path to an HTTP status, 0 =
no answer. A path that no step names answers 404.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import SettingsError


class Step(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: AwareDatetime
    note: str = ""
    serve: dict[str, str] = {}
    fail: dict[str, int] = {}


class Scenario(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    note: str = ""
    re_creation: bool
    recorded: bool = False
    """The payloads came from the real feeds at these times (`kentongan record`). A recording is
    played as a re-creation all the same: what is past is never warned of again."""
    sources: tuple[str, ...] = (
        "bmkg-inatews",
        "bmkg-quakes",
        "bmkg-nowcast",
        "himawari-rp",
        "bmkg-forecast",
    )
    """The feeds that the scenario plays; the others are not polled."""
    step: tuple[Step, ...] = Field(min_length=1)
    folder: Path
    name: str

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.step


def load_scenario(folder: Path) -> Scenario:
    """Read and check one scenario.

    Raises:
        SettingsError: unreadable, unknown keys, steps out of order, a payload is missing.
    """
    path = folder / "scenario.toml"
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        scenario = Scenario.model_validate({**raw, "folder": folder, "name": folder.name})
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"scenario {path}: {error}") from error
    _check(scenario)
    return scenario


def _check(scenario: Scenario) -> None:
    times = [step.at for step in scenario.steps]
    if times != sorted(set(times)):
        raise SettingsError(f"scenario {scenario.name}: steps must be in order of time, each later")
    missing = sorted(
        name
        for step in scenario.steps
        for name in step.serve.values()
        if not (scenario.folder / name).is_file()
    )
    if missing:
        raise SettingsError(f"scenario {scenario.name}: payloads not found: {', '.join(missing)}")
