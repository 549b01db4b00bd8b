"""Codes of areas: text with dots by Kemendagri, or something that only looks like it.

Of the 514 regency codes of BPS, 479 exist at Kemendagri too and 180 of those name another
place, so a code that is known proves nothing by itself: its name is compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kentongan.codes import DECREE
from risk.layers.check.finding import Finding, Severity
from risk.layers.check.reference import LENGTH, Reference, plain

DOTTED = re.compile(r"^\d{2}(\.\d{2}(\.\d{2}(\.\d{4})?)?)?$")
_DIRTY = re.compile(r"^(\d{2}\.\d{2}\.\d{2}\.\d{4}|\d{2}\.\d{2}\.\d{2}|\d{10}|\d{6})-\d+$")
_NUMBER = re.compile(r"^\d{1,2}\.\d$|^\d+\.0+$|^\d(\.\d+)?e\+?\d+$", re.IGNORECASE)
_UNDOTTED = re.compile(r"^(\d{4}|\d{6}|\d{10})$")
_BPS = re.compile(r"^ID\d{2,10}$|^\d{7}$|^\d{16}$", re.IGNORECASE)
_UNDEFINED = re.compile(r"tidak terdefinisi|undefined|belum terdefinisi", re.IGNORECASE)

_OTHERS_PCT = 20
"""Per cent of the named codes whose name belongs to another code, from which the codes are not
Kemendagri's: between its own vintages fewer than 3 % moved, of BPS's regencies 37 % differ."""
_KNOWN_PCT = 50
"""Below this share of codes that the decree has, it is another list."""
_AGREE_PCT = 90
"""Of names, from which digits without dots are read as Kemendagri's."""
_NAMED = 3
"""Codes named in a finding about many."""
_FIRST_THREE = ("93", "94", "95")
_NEW_PAPUA = (*_FIRST_THREE, "96")
"""Selatan, Tengah, Pegunungan (July 2022), Barat Daya (December 2022)."""
_MANY_PROVINCES = 30
"""From this many provinces a layer is of the whole nation."""


@dataclass(frozen=True)
class Codes:
    """Codes of one column, one for each row.

    Attributes:
        code: dotted code, or empty where the row has none that can be used.
        level: 1 province to 4 village; 0 if no code can be used.
        undefined: rows that have no code because they are no area ("tidak terdefinisi").
    """

    code: NDArray[np.object_]
    level: int
    undefined: NDArray[np.bool_]
    findings: tuple[Finding, ...]


def examine_codes(values: pd.Series, names: pd.Series | None, file: str, known: Reference) -> Codes:
    """Read a column of codes.

    Args:
        values: the column as it came, of any type.
        names: names of the same areas, if the file has them.
        known: what the decree says.
    """
    column = _Column(values, names, file, known)
    code = column.read()
    level = column.level(code)
    findings = [*column.findings, *_checked(code, level, column)] if level else column.findings
    return Codes(code, level, column.undefined, tuple(findings))


class _Column:
    """One column while it is read; `findings` grows."""

    def __init__(
        self, values: pd.Series, names: pd.Series | None, file: str, known: Reference
    ) -> None:
        self.file, self.known, self.label = file, known, f"column {values.name!r}"
        self.findings: list[Finding] = []
        self.numeric = pd.api.types.is_numeric_dtype(values)
        self.raw = _as_text(values)
        blank = pd.Series([""] * len(values))
        self.names = blank if names is None else _as_text(names).str.strip()
        self.undefined = np.zeros(len(values), dtype=np.bool_)

    def say(
        self, severity: Severity, check: str, found: str, expected: str, remedy: str = "",
        codes: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.findings.append(
            Finding(severity, check, self.file, self.label, found, expected, remedy, codes)
        )

    def read(self) -> NDArray[np.object_]:
        text = self._without_spaces()
        self._find_undefined(text)
        text = self._without_object_ids(text)
        text = self._with_dots(text)
        if not self._refuse_numbers(text):
            self._refuse_bps_forms(text)
            self._refuse_others(text)
        usable = text.str.match(DOTTED)
        return text.where(usable, "").to_numpy(dtype=object).copy()

    def level(self, code: NDArray[np.object_]) -> int:
        """Of most codes; the others are left out and named."""
        length = pd.Series([len(c) for c in code if c], dtype=np.int64)
        if length.empty:
            return 0
        level = {n: k for k, n in LENGTH.items()}[int(length.mode().iloc[0])]
        other = np.array([bool(c) and len(c) != LENGTH[level] for c in code])
        if other.any():
            deeper = any(len(c) > LENGTH[level] for c in code)
            self.say(
                Severity.FLAG if deeper else Severity.INFO, "mixed-levels",
                f"{int(other.sum())} codes of another level, e.g. {code[other][0]!r}",
                f"codes of one level in a file (here {level})", "they are left out",
            )  # fmt: skip
            code[other] = ""
        return level

    def _without_spaces(self) -> pd.Series:
        text = self.raw.str.strip()
        spaced = int((text != self.raw).sum())
        if spaced:
            self.say(
                Severity.INFO, "spaces", f"{spaced} codes with spaces around them",
                "codes without spaces", "removed",
            )  # fmt: skip
        return text

    def _find_undefined(self, text: pd.Series) -> None:
        nothing = text.isin(["", "None", "nan", "NaN", "<NA>", "0"])
        self.undefined = (nothing | self.names.str.contains(_UNDEFINED)).to_numpy()
        text[self.undefined] = ""
        if self.undefined.any():
            rows = np.flatnonzero(self.undefined)
            name = self.names.iloc[rows[0]]
            self.say(
                Severity.INFO, "undefined-area",
                f"{rows.size} features without a code, the first has FID {rows[0]}"
                + (f" and the name {name!r}" if name else ""),
                "a code for each area",
                "they are left out; people there are counted as unassigned",
            )  # fmt: skip

    def _without_object_ids(self, text: pd.Series) -> pd.Series:
        found = text.str.extract(_DIRTY)[0]
        dirty = found.notna()
        if dirty.any():
            self.say(
                Severity.FLAG, "dirty-codes",
                f"{int(dirty.sum())} codes with an object id, e.g. {text[dirty].iloc[0]!r}",
                "a bare code", "read as the code before the dash",
                tuple(found[dirty].map(_dotted)),
            )  # fmt: skip
        return text.where(~dirty, found)

    def _with_dots(self, text: pd.Series) -> pd.Series:
        """Digits without dots, where names prove that they are Kemendagri's."""
        plain_digits = text.str.match(_UNDOTTED)
        if not plain_digits.any() or not (self.names[plain_digits] != "").any():
            return text
        dotted = text[plain_digits].map(_dotted)
        named = [self.known.names.get(c) for c in dotted]
        agree = [
            n is not None and plain(n) == plain(m)
            for n, m in zip(named, self.names[plain_digits], strict=True)
        ]
        if sum(agree) * 100 < _AGREE_PCT * len(agree):
            return text
        self.say(
            Severity.INFO, "codes-without-dots",
            f"{len(dotted)} codes without dots; names agree with {DECREE} for {sum(agree)}",
            "dots", f"{text[plain_digits].iloc[0]!r} is read as {dotted.iloc[0]!r}",
        )  # fmt: skip
        return text.where(~plain_digits, text.map(_dotted))

    def _refuse_numbers(self, text: pd.Series) -> bool:
        wrong = text[text.str.match(_NUMBER)]
        if wrong.empty:
            return False
        lost = f"{wrong.iloc[0]!r} may have been {wrong.iloc[0]}0" if "." in wrong.iloc[0] else ""
        self.say(
            Severity.REFUSE, "codes-as-numbers",
            f"{len(wrong)} codes that were numbers once, e.g. {wrong.iloc[0]!r}",
            "codes as text such as '11.10'",
            f"export the column as text; {lost}" if lost else "export the column as text",
            )  # fmt: skip
        return True

    def _refuse_bps_forms(self, text: pd.Series) -> None:
        wrong = text[text.str.match(_BPS) | text.str.match(_UNDOTTED)]
        if not wrong.empty:
            self.say(
                Severity.REFUSE, "bps-codes",
                f"{wrong.iloc[0]!r} ({len(wrong)} of {len(text)} like it)"
                + (", as numbers" if self.numeric else ""),
                "dotted Kemendagri codes such as 32.03.07.2009, as text",
                "codes of BPS (and P-codes of HDX) look alike and name other places; "
                + "bridge them by name or shape: kentongan layers bridge",
            )  # fmt: skip

    def _refuse_others(self, text: pd.Series) -> None:
        odd = (text != "") & ~text.str.match(DOTTED) & ~text.str.match(_BPS)
        wrong = text[odd & ~text.str.match(_UNDOTTED)]
        if not wrong.empty:
            self.say(
                Severity.REFUSE, "no-codes",
                f"{wrong.iloc[0]!r} ({len(wrong)} of {len(text)} like it)",
                "dotted Kemendagri codes such as 32.03.07.2009, as text",
                "name the right column with --area-id",
            )  # fmt: skip


def _as_text(values: pd.Series) -> pd.Series:
    text = values.astype("object").where(values.notna(), "")
    return pd.Series([str(v) for v in text], dtype="object").fillna("")


def _dotted(digits: str) -> str:
    if "." in digits:
        return digits
    cuts = [digits[:2], digits[2:4], digits[4:6], digits[6:]]
    return ".".join(cut for cut in cuts if cut)


def _checked(code: NDArray[np.object_], level: int, column: _Column) -> list[Finding]:
    used = code != ""
    found: list[Finding] = []
    found += _unknown(code[used], level, column)
    found += _names_of_others(code[used], column.names.to_numpy(dtype=object)[used], level, column)
    found += vintage({str(c)[:2] for c in code[used]}, column.file, column.label)
    found += _same_names(code[used], column.names.to_numpy(dtype=object)[used], level, column)
    return found


def _unknown(code: NDArray[np.object_], level: int, column: _Column) -> list[Finding]:
    strange = sorted({str(c) for c in code} - column.known.codes[level])
    if not strange:
        return []
    pct = 100 * len(strange) / len(set(code))
    severity = Severity.REFUSE if pct > 100 - _KNOWN_PCT else Severity.FLAG
    named = ", ".join(strange[:_NAMED])
    return [
        Finding(
            severity, "unknown-codes", column.file, column.label,
            f"{len(strange)} of {len(set(code))} codes that the decree does not have, e.g. {named}",
            f"codes of {DECREE}",
            "another vintage: translate moved codes, or take a newer file", tuple(strange),
        )
    ]  # fmt: skip


def _names_of_others(
    code: NDArray[np.object_], names: NDArray[np.object_], level: int, column: _Column
) -> list[Finding]:
    """Codes under which the file has a name that belongs to other codes of the same parent kind."""
    known = column.known
    wrong: list[tuple[str, str, str]] = []
    compared = 0
    for c, name in zip(code, names, strict=True):
        own = known.names.get(c)
        if not name or own is None:
            continue
        compared += 1
        if plain(own) == plain(name):
            continue
        others = [o for o in known.by_name[level].get(plain(name), ()) if _near(o, c, level)]
        if others:
            wrong.append((c, name, others[0]))
    if not wrong:
        return []
    many = len(wrong) * 100 > _OTHERS_PCT * compared
    c, name, other = wrong[0]
    return [
        Finding(
            Severity.REFUSE if many else Severity.FLAG,
            "bps-codes" if many else "names-of-others", column.file, column.label,
            f"{len(wrong)} of {compared} names belong to other codes, e.g. {c} is "
            f"{known.names[c]!r} and the file says {name!r}, which is {other}",
            f"names as in {DECREE}",
            "codes of BPS or of another vintage: kentongan layers bridge" if many
            else "look whether these codes moved", tuple(c for c, *_ in wrong),
        )
    ]  # fmt: skip


def _near(other: str, code: str, level: int) -> bool:
    """Names of villages repeat all over the nation; only one in the same regency says anything."""
    return level <= 2 or other[:5] == code[:5]


def vintage(provinces: set[str], file: str, label: str) -> list[Finding]:
    """A layer of the nation from before Papua's division.

    Args:
        provinces: codes of the provinces that a file has.
    """
    missing = [p for p in _NEW_PAPUA if p not in provinces]
    old_papua = bool(provinces & {"91", "92"})
    if len(provinces) < _MANY_PROVINCES or not old_papua or not set(_FIRST_THREE) <= set(missing):
        return []
    return [
        Finding(
            Severity.REFUSE, "old-provinces", file, label,
            f"{len(provinces)} provinces, without {', '.join(missing)}",
            "the 38 provinces since 2022 (Papua has six)",
            "take a layer of 2023 or later; Papua's regencies have other codes now",
            ("91", "92", *missing),
        )
    ]  # fmt: skip


def _same_names(
    code: NDArray[np.object_], names: NDArray[np.object_], level: int, column: _Column
) -> list[Finding]:
    """Regencies and towns that share a bare name, such as Bogor."""
    if level != 2:
        return []
    table = pd.DataFrame({"code": code, "name": names})
    table = table[table["name"] != ""].drop_duplicates()
    twice = table[table["name"].duplicated(keep=False)].sort_values("name")
    if twice.empty:
        return []
    return [
        Finding(
            Severity.INFO, "kab-kota-names", column.file, column.label,
            f"{len(twice)} regencies and towns under one name, e.g. {twice['name'].iloc[0]!r} "
            f"({' and '.join(twice['code'].iloc[:2])})",
            "names with Kabupaten or Kota", "the code is the key, never the name",
        )
    ]  # fmt: skip
