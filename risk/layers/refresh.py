"""A layer set made anew: downloaded, checked, built beside the old one, then put in its place.

`current` in the folder is a link to the set in use. It moves in one step, and only to a set that
passed every check; whatever fails leaves it where it is and raises.
"""

from __future__ import annotations

import shutil
import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import LayerError, SettingsError
from risk.layers.build import build_layers
from risk.layers.check.finding import Finding, require_none_refused
from risk.layers.check.run import Role, check_file
from risk.layers.fetch import Fetched, fetch_source
from risk.layers.given import Given
from risk.layers.layerset import LayerSet, load_layers
from risk.layers.people_raster import PeopleKind
from risk.layers.progress import Advance, silent
from risk.layers.rasters import is_raster
from risk.layers.source_list import sources

CURRENT = "current"
KEPT = 3
"""Sets kept: the one in use and two to go back to."""


class RefreshPlan(BaseModel):
    """`layers.toml` of a deployment; paths are relative to its folder.

    A source of `fetch` is downloaded into `downloads/`; the other keys are those of
    `kentongan layers build`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fetch: tuple[str, ...] = ()
    sources: str = ""
    """An own list of sources; empty: the one of the product."""
    areas: str
    area_id: str | None = None
    name: str | None = None
    people: tuple[str, ...] = ()
    people_kind: PeopleKind | None = None
    posts: str | None = None
    members: str | None = None
    shelters: str | None = None
    roads: str | None = None
    friction: str | None = None
    elevation: str | None = None
    susceptibility: str | None = None
    liquefaction: str | None = None
    rivers: str | None = None
    nearest_km: float = Field(default=2.0, ge=0, le=50)
    least_villages_pct: float = Field(default=99.0, ge=0, le=100)
    """Of the set in use; fewer villages stop the swap. Unconfirmed."""
    people_change_pct: float = Field(default=20.0, ge=0)
    """More or fewer people than the set in use stop the swap. Unconfirmed."""


@dataclass(frozen=True)
class Refreshed:
    """Attributes:
    swapped: false where the new set has the bytes of the old one.
    """

    version: str
    path: Path
    swapped: bool

    def document(self) -> dict[str, object]:
        return {"version": self.version, "path": str(self.path), "swapped": self.swapped}


def read_plan(path: Path) -> RefreshPlan:
    """Raises:
    SettingsError: unreadable, an unknown or a missing key.
    """
    try:
        return RefreshPlan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeError, ValidationError) as error:
        raise SettingsError(f"layer plan {path}: {error}") from error


def refresh(plan: Path, home: Path, advance: Advance = silent) -> Refreshed:
    """Fetch, check, build and swap; see `renew`."""
    rules = read_plan(plan)
    fetch_all(rules, plan.parent, advance)
    check_all(rules, plan.parent, advance)
    return renew(plan, home, advance)


def fetch_all(rules: RefreshPlan, folder: Path, advance: Advance = silent) -> list[Fetched]:
    """Download every source of the plan into `downloads/`."""
    listed = sources(folder / rules.sources if rules.sources else None)
    to = folder / "downloads"
    return [fetch_source(name, to, listed=listed, advance=advance) for name in rules.fetch]


def check_all(rules: RefreshPlan, folder: Path, advance: Advance = silent) -> tuple[Finding, ...]:
    """What the checks say of every file of the plan.

    Raises:
        LayerError: something would be refused.
    """
    given = _given(rules, folder)
    found: list[Finding] = []
    for role, path in given.files():
        kind = given.people_kind if role == "people" and is_raster(path) else None
        area_id = given.area_id if role == "areas" else None
        wanted = _ROLES.get(role)
        found += check_file(path, wanted, kind=kind, area_id=area_id, advance=advance)
    require_none_refused(found)
    return tuple(found)


_ROLES = {
    "areas": Role.AREAS, "people": Role.PEOPLE, "elevation": Role.ELEVATION,
    "friction": Role.FRICTION, "susceptibility": Role.SUSCEPTIBILITY, "roads": Role.LINES,
    "liquefaction": Role.LIQUEFACTION, "rivers": Role.LINES,
}  # fmt: skip


def renew(plan: Path, home: Path, advance: Advance = silent) -> Refreshed:
    """Build from the files of the plan and swap.

    Args:
        plan: `layers.toml`; its folder holds the files it names.
        home: folder of the sets; `home/current` is the one in use.

    Raises:
        LayerError: what failed; the set in use stays.
    """
    rules = read_plan(plan)
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"next.{uuid.uuid4().hex}"
    try:
        layers = build_layers(_given(rules, plan.parent), draft, advance)
        require_like(layers, in_use(home), rules)
        return _swap(layers, draft, home)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _given(rules: RefreshPlan, folder: Path) -> Given:
    def at(name: str | None) -> Path | None:
        return folder / name if name else None

    single: dict[str, Any] = {
        role: at(getattr(rules, role))
        for role in (
            "posts", "members", "shelters", "roads", "friction", "elevation", "susceptibility",
            "liquefaction", "rivers",
        )
    }  # fmt: skip
    return Given(
        folder / rules.areas, rules.area_id, rules.name, tuple(folder / p for p in rules.people),
        rules.people_kind, rules.nearest_km, **single,
    )  # fmt: skip


def in_use(home: Path) -> LayerSet | None:
    """The set behind `current`; None before the first swap."""
    current = home / CURRENT
    return load_layers(current) if current.exists() else None


def require_like(new: LayerSet, old: LayerSet | None, rules: RefreshPlan) -> None:
    """Refuse a set that lost villages or people against the one in use.

    Raises:
        LayerError: says what changed; raise the limits of the plan if it is right.
    """
    if old is None:
        return
    count, before = len(new.villages), len(old.villages)
    if count * 100 < rules.least_villages_pct * before:
        raise LayerError(
            f"new layer set: {count} villages, {before} in use; expected at least "
            f"{rules.least_villages_pct:g} %; the set in use stays"
        )
    people, had = int(new.villages["people"].sum()), int(old.villages["people"].sum())
    if abs(people - had) * 100 > rules.people_change_pct * had:
        raise LayerError(
            f"new layer set: {people:,} people, {had:,} in use; expected at most "
            f"{rules.people_change_pct:g} % more or fewer; the set in use stays"
        )


def _swap(layers: LayerSet, draft: Path, home: Path) -> Refreshed:
    target = home / layers.version
    current = home / CURRENT
    same = current.is_symlink() and current.resolve() == target.resolve()
    if not target.exists():
        draft.rename(target)
    load_layers(target)
    if not same:
        link = home / f"{CURRENT}.{uuid.uuid4().hex}"
        link.symlink_to(target.name)
        link.replace(current)
    _forget_old(home, target)
    return Refreshed(layers.version, target, not same)


def _forget_old(home: Path, keep: Path) -> None:
    """Only sets of ours, oldest first, beyond `KEPT`."""
    built = [p for p in home.glob("built-*") if p.is_dir() and not p.is_symlink() and p != keep]
    built.sort(key=lambda p: (p.stat().st_mtime_ns, p.name))
    for old in built[: max(0, len(built) - (KEPT - 1))]:
        shutil.rmtree(old)
