"""Teams that may be asked, out of the tables of a layer set, in the order of their ids."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.evacuation.policy import PlanPolicy
from risk.sphere import unit_vectors

if TYPE_CHECKING:
    from kentongan.plan import PlannedTask
    from kentongan.policy import CoverageRules
    from risk.evacuation.rules import LayerTables


@dataclass(frozen=True, eq=False)
class Teams:
    """One entry for each team on duty that holds no task.

    Attributes:
        xyz: unit vectors, shape (n, 3); point: longitude and latitude, shape (n, 2).
        members: int64, -1 not known.
        helps: int64, people whom it can assist, by its members.
        phone: whether anybody of it has a telephone; True where the set does not tell.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    villages: NDArray[np.str_]
    point: NDArray[np.float64]
    xyz: NDArray[np.float64]
    members: NDArray[np.int64]
    helps: NDArray[np.int64]
    skills: tuple[frozenset[str], ...]
    phone: NDArray[np.bool_]

    def stationed_in(self, codes: Collection[str]) -> NDArray[np.bool_]:
        return np.isin(self.villages, sorted(codes))


def teams_of(
    layers: LayerTables, rules: CoverageRules, plan: PlanPolicy, *, taken: Collection[str]
) -> Teams:
    """`taken`: teams that hold a task already."""
    table = layers.teams
    ready = table["on_duty"].to_numpy(dtype=bool) & ~table["team_id"].isin(taken).to_numpy()
    table = table[ready].sort_values("team_id", kind="stable")
    members = _members(table)
    known = np.where(members >= 0, members, rules.team_size)
    skills, phone = _skills_and_phones(table, getattr(layers, "members", None), plan)
    point = table[["longitude", "latitude"]].to_numpy(dtype=np.float64).reshape(-1, 2)
    return Teams(
        ids=tuple(table["team_id"].astype(str).tolist()),
        names=tuple(_texts(table, "name")),
        villages=table["adm4_code"].astype(str).to_numpy(dtype=np.str_),
        point=point,
        xyz=unit_vectors(point[:, 0], point[:, 1]),
        members=members,
        helps=known * rules.people_per_team // rules.team_size,
        skills=skills,
        phone=phone,
    )


def busy_teams(busy: Mapping[str, int], standing: Sequence[PlannedTask]) -> set[str]:
    """Teams that already hold a task."""
    held = {team for task in standing for team in task.teams}
    return held | {team for team, tasks in busy.items() if tasks > 0}


def _members(table: pd.DataFrame) -> NDArray[np.int64]:
    if "members" not in table:
        return np.full(len(table), -1, np.int64)
    return table["members"].fillna(-1).to_numpy(dtype=np.int64)


def _texts(table: pd.DataFrame, column: str) -> list[str]:
    if column not in table:
        return [""] * len(table)
    return [str(text) for text in table[column].fillna("").tolist()]


def _skills_and_phones(
    table: pd.DataFrame, members: pd.DataFrame | None, plan: PlanPolicy
) -> tuple[tuple[frozenset[str], ...], NDArray[np.bool_]]:
    """From the team's own columns `skills` and `phone`, else from the members of its post."""
    words = _texts(table, "skills")
    phone = np.ones(len(table), np.bool_)
    if "phone" in table:
        phone = np.array([bool(p) and str(p).strip() not in ("", "nan") for p in table["phone"]])
    if members is not None and len(members) and "post_id" in table:
        active = members[members["active"].to_numpy(dtype=bool)]
        by_post = active.groupby("post_id")
        said = by_post["skills"].agg(lambda texts: ";".join(sorted(set(texts)))).to_dict()
        reached = by_post["phone_sha256"].agg(lambda texts: bool(any(texts))).to_dict()
        posts = table["post_id"].tolist()
        words = [f"{own};{said.get(post, '')}" for own, post in zip(words, posts, strict=True)]
        if "phone" not in table:
            phone = np.array([reached.get(post, True) for post in posts], dtype=np.bool_)
    known = {text: plan.skills_of(text) for text in set(words)}
    return tuple(known[text] for text in words), phone.astype(np.bool_)
