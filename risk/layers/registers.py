"""Posts, members and shelters out of a deployment's own tables (CSV or Parquet).

Formats: docs/layers.md. A place is a pair of coordinates, or the village of its code.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from kentongan.areas import MEMBERS, SHELTERS, TEAMS
from kentongan.errors import LayerError
from risk.layers import columns
from risk.layers.check.codes import examine_codes
from risk.layers.check.finding import Finding, Severity, require_none_refused
from risk.layers.check.reference import reference
from risk.layers.check.tables import examine_points, numbers
from risk.layers.vectors import read_table

GRADES = ("muda", "madya", "utama")
"""Of Tagana members, by Permensos 28/2012."""
_YES = {"true", "1", "yes", "ya", "y", "aktif", "siaga"}


@dataclass(frozen=True)
class Register:
    """One checked table."""

    table: pd.DataFrame
    findings: tuple[Finding, ...]


def read_posts(path: Path, coordinators: pd.DataFrame, villages: pd.DataFrame) -> Register:
    """Teams with the columns of `kentongan.areas.TEAMS`; what the file lacks gets a default.

    The coordinator defaults to the first one of the regency, `on_duty` to yes.

    Args:
        villages: of the set, for the places of posts without coordinates.
    """
    register = _read(path, villages, (("members", columns.MEMBERS),))
    return Register(_as_teams(register.table, coordinators), register.findings)


def teams_of_members(members: pd.DataFrame, coordinators: pd.DataFrame) -> pd.DataFrame:
    """One team for each post of the members' table, or for each village that has members."""
    key = members["post_id"].where(members["post_id"] != "", "P-" + members["adm4_code"])
    active = members[members["active"]].assign(post_id=key)
    groups = active.groupby("post_id", sort=True)
    table = groups[["adm4_code", "longitude", "latitude"]].first()
    table["members"] = groups.size().astype(np.float64)
    return _as_teams(table.reset_index(), coordinators)


def _as_teams(table: pd.DataFrame, coordinators: pd.DataFrame) -> pd.DataFrame:
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
    table["on_duty"] = _yes(table["on_duty"])
    return table[list(TEAMS)].astype({"members": np.int16})


def read_members(path: Path, villages: pd.DataFrame) -> Register:
    """Members with the columns of `kentongan.areas.MEMBERS`.

    Telephone numbers are not kept: only the sha256 of the number in E.164 form, so that the
    register of recipients can be matched. A hash of a number can be guessed; it is no secret.
    """
    register = _read(path, villages, ())
    table, findings = register.table, list(register.findings)
    for name, words in (
        ("grade", columns.GRADE), ("skills", columns.SKILLS), ("phone", columns.PHONE)
    ):  # fmt: skip
        table = columns.with_plain_names(table, **{name: words})
        if name not in table:
            table[name] = ""
    table["grade"] = table["grade"].astype("str").str.strip().str.casefold()
    findings += _grades(table["grade"], path.name)
    table["skills"] = [
        ";".join(sorted({w.strip().casefold() for w in re.split(r"[;,|]", str(s)) if w.strip()}))
        for s in table["skills"]
    ]
    numbers_e164 = [e164(str(phone)) for phone in table["phone"]]
    findings += _phones(table["phone"], numbers_e164, path.name)
    table["phone_sha256"] = [
        hashlib.sha256(n.encode()).hexdigest() if n else "" for n in numbers_e164
    ]
    order = pd.Series(np.arange(1, len(table) + 1), index=table.index).astype("str")
    for name, value in (("member_id", "M-" + order), ("post_id", ""), ("active", "true")):
        if name not in table:
            table[name] = value
    table["active"] = _yes(table["active"])
    return Register(table[list(MEMBERS)], tuple(findings))


def e164(phone: str) -> str:
    """`0812-3456-7890` -> `+6281234567890`; empty if it is no number of 8 to 15 digits."""
    digits = re.sub(r"[\s().-]", "", phone)
    if re.fullmatch(r"0\d{7,13}", digits):
        digits = "+62" + digits[1:]
    if re.fullmatch(r"62\d{7,13}", digits):
        digits = "+" + digits
    return digits if re.fullmatch(r"\+[1-9]\d{7,14}", digits) else ""


def read_shelters(path: Path, villages: pd.DataFrame) -> Register:
    """Shelters with the columns of `kentongan.areas.SHELTERS`."""
    register = _read(path, villages, (("capacity", columns.CAPACITY),))
    table = register.table
    if "name" not in table:
        table["name"] = "Tempat evakuasi " + table["adm4_code"]
    if "shelter_id" not in table:
        table["shelter_id"] = [f"S-{i}" for i in range(1, len(table) + 1)]
    return Register(table[list(SHELTERS)].astype({"capacity": np.int32}), register.findings)


def _read(
    path: Path, villages: pd.DataFrame, wanted: tuple[tuple[str, tuple[str, ...]], ...]
) -> Register:
    """Codes, places and whole numbers of a table; refuses what cannot be used.

    Raises:
        LayerError: a column is missing or something is refused.
    """
    known = reference()
    table = read_table(path)
    table = columns.with_plain_names(
        table, adm4_code=columns.CODE[4], longitude=columns.LONGITUDE,
        latitude=columns.LATITUDE, **dict(wanted),
    )  # fmt: skip
    for name in ("adm4_code", *(name for name, _ in wanted)):
        _require(table, name, path)
    codes = examine_codes(table["adm4_code"], None, path.name, known)
    findings = [*codes.findings, *examine_points(table, codes, path.name, known)]
    for name, _ in wanted:
        number, found = numbers(table[name], path.name, name)
        findings += found
        table[name] = number
    require_none_refused(findings)
    table["adm4_code"] = codes.code
    kept = _placed(table[codes.code != ""].copy(), villages)
    lost = len(table) - len(kept)
    findings += [_unplaced(path.name, lost)] if lost else []
    kept = kept.dropna(subset=[name for name, _ in wanted])
    return Register(kept.reset_index(drop=True), tuple(findings))


def _require(table: pd.DataFrame, name: str, path: Path) -> None:
    if name not in table.columns:
        raise LayerError(
            f"{path}: column {name!r} is missing; found {', '.join(map(str, table.columns))}; "
            "docs/layers.md lists the names that are understood"
        )


def _placed(table: pd.DataFrame, villages: pd.DataFrame) -> pd.DataFrame:
    """Rows with a place: their own, or the point of their village; outside the set none."""
    points = villages.set_index("adm4_code")[["longitude", "latitude"]]
    table = table[table["adm4_code"].isin(points.index)].copy()
    for name in ("longitude", "latitude"):
        own = pd.to_numeric(table[name], errors="coerce") if name in table else np.nan
        table[name] = pd.Series(own, index=table.index, dtype=np.float64).fillna(
            table["adm4_code"].map(points[name])
        )
    return table


def _unplaced(file: str, lost: int) -> Finding:
    return Finding(
        Severity.FLAG, "rows-left-out", file, "", f"{lost} rows of villages outside the set",
        "codes of villages of this set", "they are left out",
    )  # fmt: skip


def _yes(values: pd.Series) -> pd.Series:
    return values.astype("str").str.strip().str.lower().isin(_YES)


def _grades(grade: pd.Series, file: str) -> list[Finding]:
    odd = grade[(grade != "") & ~grade.isin(GRADES)]
    if odd.empty:
        return []
    return [
        Finding(
            Severity.FLAG, "unknown-grade", file, "", f"{len(odd)} grades like {odd.iloc[0]!r}",
            f"one of {', '.join(GRADES)}", "kept as written",
        )
    ]  # fmt: skip


def _phones(given: pd.Series, read: list[str], file: str) -> list[Finding]:
    wrong = sum(bool(str(g).strip()) and not r for g, r in zip(given, read, strict=True))
    if not wrong:
        return []
    return [
        Finding(
            Severity.FLAG, "bad-phone", file, "", f"{wrong} numbers that cannot be dialled",
            "numbers such as 0812-3456-7890 or +62812…",
            "text, not a number: a spreadsheet drops the leading 0",
        )
    ]  # fmt: skip
