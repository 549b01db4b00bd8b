"""People, posts and shelters out of a deployment's own tables (CSV or Parquet)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from kentongan.areas import SHELTERS, TEAMS
from kentongan.errors import LayerError

_PEOPLE = ("adm4_code", "people")
_POSTS = ("adm4_code", "longitude", "latitude", "members")
_SHELTERS = ("adm4_code", "name", "longitude", "latitude", "capacity")


def read_people(path: Path) -> pd.Series:
    """People by village code, int64.

    Raises:
        LayerError: another shape, a code twice, a negative or broken number.
    """
    table = _table(path, _PEOPLE)
    if table["adm4_code"].duplicated().any():
        twice = table["adm4_code"][table["adm4_code"].duplicated()].iloc[0]
        raise LayerError(f"{path}: village {twice} stands there twice; expected once")
    people = _numbers(table, "people", path)
    return pd.Series(people.round().astype(np.int64).to_numpy(), index=table["adm4_code"])


def read_posts(path: Path, coordinators: pd.DataFrame) -> pd.DataFrame:
    """Teams with the columns of `kentongan.areas.TEAMS`; what the file lacks gets a default.

    The coordinator defaults to the first one of the regency, `on_duty` to yes.
    """
    table = _table(path, _POSTS)
    number = pd.Series(np.arange(1, len(table) + 1), index=table.index).astype("str")
    heads = coordinators.groupby("adm2_code")["coordinator_id"].first()
    defaults: dict[str, pd.Series | str | bool] = {
        "team_id": "T-" + number,
        "post_id": "P-" + number,
        "name": "Tagana " + table["adm4_code"],
        "coordinator_id": table["adm4_code"].str[:5].map(heads).fillna(""),
        "on_duty": True,
    }
    for name, value in defaults.items():
        if name not in table:
            table[name] = value
    duty = table["on_duty"].astype("str").str.strip().str.lower()
    table["on_duty"] = duty.isin(["true", "1", "yes", "ya"])
    for name in ("longitude", "latitude", "members"):
        table[name] = _numbers(table, name, path)
    return table[list(TEAMS)].astype({"members": np.int16})


def read_shelters(path: Path) -> pd.DataFrame:
    """Shelters with the columns of `kentongan.areas.SHELTERS`."""
    table = _table(path, _SHELTERS)
    if "shelter_id" not in table:
        table["shelter_id"] = [f"S-{i}" for i in range(1, len(table) + 1)]
    for name in ("longitude", "latitude", "capacity"):
        table[name] = _numbers(table, name, path)
    return table[list(SHELTERS)].astype({"capacity": np.int32})


def _table(path: Path, required: tuple[str, ...]) -> pd.DataFrame:
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            table = pd.read_parquet(path)
        else:
            table = pd.read_csv(path, dtype={"adm4_code": "str"})
    except (OSError, ValueError) as error:
        raise LayerError(
            f"{path}: cannot be read ({str(error)[:200]}); expected CSV or Parquet"
        ) from error
    missing = [name for name in required if name not in table.columns]
    if missing:
        raise LayerError(
            f"{path}: column {missing[0]!r} is missing; expected {', '.join(required)}; "
            f"found {', '.join(map(str, table.columns))}"
        )
    table["adm4_code"] = table["adm4_code"].astype("str").str.strip()
    return table


def _numbers(table: pd.DataFrame, name: str, path: Path) -> pd.Series:
    numbers = pd.to_numeric(table[name], errors="coerce")
    low = -180 if name in {"longitude", "latitude"} else 0
    wrong = ~(numbers >= low)
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise LayerError(
            f"{path}: {name} of row {row + 1} is {table[name].iloc[row]!r}; expected a number "
            f"not below {low}"
        )
    return numbers
