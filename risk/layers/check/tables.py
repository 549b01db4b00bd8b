"""Tables: people by area, points with or without codes."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from risk.layers import columns
from risk.layers.check.codes import Codes, examine_codes
from risk.layers.check.finding import EVERYWHERE, Finding, Severity
from risk.layers.check.people import regency_findings
from risk.layers.check.places import examine_places
from risk.layers.check.reference import LENGTH, Reference

_GROUPED = re.compile(r"^\d{1,3}([.,]\d{3})+$")
"""`1.234.567`: dots between thousands, as Indonesian spreadsheets write."""


_MOST = 1e9
"""More people than the nation has."""


@dataclass(frozen=True)
class PeopleTable:
    """People by area.

    Attributes:
        people: whole people by dotted code, one row a code.
        level: of the codes; 0 if the table cannot be used.
    """

    people: pd.Series
    level: int
    findings: tuple[Finding, ...]


def examine_people_table(
    table: pd.DataFrame, column: str | None, file: str, known: Reference
) -> PeopleTable:
    """Check a table of people by village, district, regency or province.

    Args:
        column: of the codes; None refuses the table.
    """
    counts = columns.find(table.columns, columns.PEOPLE)
    if column is None or counts is None:
        return _unusable(table, "codes" if column is None else "people", file)
    name = next((n for k in "4231" if (n := columns.find(table, columns.NAME[int(k)]))), None)
    codes = examine_codes(table[column], table[name] if name else None, file, known)
    number, found = numbers(table[counts], file, counts)
    used = codes.code != ""
    findings = [*codes.findings, *found, *_twice(codes.code[used], file)]
    found_people = pd.Series(number[used], index=codes.code[used]).dropna()
    one_each = found_people[~found_people.index.duplicated()].sort_index()
    if codes.level >= 2 and not found:
        findings += _totals(one_each, codes.level, file, known)
    return PeopleTable(one_each.round().astype(np.int64), codes.level, tuple(findings))


def _unusable(table: pd.DataFrame, what: str, file: str) -> PeopleTable:
    found = ", ".join(map(str, table.columns))[:300]
    finding = Finding(
        Severity.REFUSE, f"no-{what}", file, "", f"no column of {what} among {found}",
        "columns adm4_code (or adm2_code) and people", "rename the columns",
    )  # fmt: skip
    return PeopleTable(pd.Series(dtype=np.int64), 0, (finding,))


def numbers(values: pd.Series, file: str, name: str) -> tuple[NDArray[np.float64], list[Finding]]:
    """A column as numbers not below 0; NaN where it has none."""
    text = values.astype("object").where(values.notna(), "").astype("str").str.strip()
    empty = text.isin(["", "None", "nan", "<NA>"])
    number = pd.to_numeric(text.where(~empty), errors="coerce")
    grouped = text.str.match(_GROUPED) & number.isna()
    # One group reads as a number: 123.456 may be 123456 people.
    doubtful = text.str.match(r"^\d{1,3}\.\d{3}$") & (name not in columns.LATITUDE)
    found: list[Finding] = []
    if grouped.any() or (doubtful.mean() > 0.5):
        first = text[grouped if grouped.any() else doubtful].iloc[0]
        found.append(_bad(file, name, "grouped-digits", f"{first!r}", "digits without dots"))
    wrong = number.isna() & ~empty & ~grouped
    if wrong.any():
        found.append(_bad(file, name, "no-number", f"{text[wrong].iloc[0]!r}", "a number"))
    below = number < 0
    if below.any():
        row = int(np.argmax(below.to_numpy())) + 1
        said = f"{text[below].iloc[0]} in row {row}"
        found.append(_bad(file, name, "negative-people", said, "a number not below 0"))
    far = number.abs() > _MOST
    if far.any():
        said = f"{text[far].iloc[0]!r}"
        found.append(_bad(file, name, "no-number", said, f"a number up to {_MOST:,.0f}"))
    number = number.where(~far)
    if empty.any():
        found += [_gaps_in(file, name, int(empty.sum()))]
    return number.to_numpy(np.float64), found


def _bad(file: str, name: str, check: str, found: str, expected: str) -> Finding:
    return Finding(
        Severity.REFUSE, check, file, f"column {name!r}", found, expected,
        "correct it; nothing is guessed", EVERYWHERE,
    )  # fmt: skip


def _gaps_in(file: str, name: str, count: int) -> Finding:
    return Finding(
        Severity.FLAG, "no-people", file, f"column {name!r}", f"{count} rows without a number",
        "a number in each row", "their people are modelled as without the table",
    )  # fmt: skip


def _twice(code: NDArray[np.object_], file: str) -> list[Finding]:
    text = pd.Series(code)
    again = text[text.duplicated()]
    if again.empty:
        return []
    return [
        Finding(
            Severity.REFUSE, "duplicate-codes", file, str(again.iloc[0]),
            f"{again.nunique()} codes stand there twice", "each code once",
            "take out the wrong row", EVERYWHERE,
        )
    ]  # fmt: skip


def _totals(people: pd.Series, level: int, file: str, known: Reference) -> list[Finding]:
    """People by regency against the register, of regencies that the table has whole."""
    prefix = people.index.str[: LENGTH[2]]
    total = people.groupby(prefix).sum()
    if level > 2:
        have = pd.Series(people.index).groupby(prefix).count()
        want = pd.Series(sorted(known.codes[level]))
        every = want.groupby(want.str[: LENGTH[2]]).count().reindex(have.index)
        total = total[(have >= 0.95 * every).to_numpy()]
    return regency_findings(total, known, file) if len(total) else []


def examine_points(
    table: pd.DataFrame, codes: Codes | None, file: str, known: Reference
) -> list[Finding]:
    """Places of a table with longitude and latitude."""
    names = [columns.find(table.columns, n) for n in (columns.LONGITUDE, columns.LATITUDE)]
    if None in names:
        return []
    lon, lat = (pd.to_numeric(table[n], errors="coerce").to_numpy(np.float64) for n in names)
    code = codes.code if codes else np.full(len(table), "", dtype=object)
    return [*_half(lon, lat, file), *examine_places(code, lon, lat, file, known)]


def _half(lon: NDArray[np.float64], lat: NDArray[np.float64], file: str) -> list[Finding]:
    lost = int((np.isnan(lon) | np.isnan(lat)).sum())
    if not lost:
        return []
    return [
        Finding(
            Severity.INFO, "no-coordinates", file, "", f"{lost} rows without coordinates",
            "coordinates or a code", "the point of the village of the code is used",
        )
    ]  # fmt: skip
