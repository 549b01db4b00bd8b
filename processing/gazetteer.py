"""BMKG's names of places, led to Kemendagri codes.

A bulletin names a province by a short form (`NTT`), a regency in capitals with hyphens or
without spaces (`KOTA-BAU-BAU`, `RAJAAMPAT`), a part of it (`FLORES-TIMUR BAGIAN UTARA`) or an
island (`BIMA PULAU SANGIANG`); no code. What cannot be led to an area is said, never guessed.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kentongan.codes import adm_level, parent
from kentongan.errors import DataError, SettingsError
from kentongan.settings import data_dir

SIDES = {
    "UTARA": "N",
    "SELATAN": "S",
    "TIMUR": "E",
    "BARAT": "W",
    "TIMURLAUT": "NE",
    "UTARATIMUR": "NE",
    "TENGGARA": "SE",
    "SELATANTIMUR": "SE",
    "TIMURSELATAN": "SE",
    "BARATDAYA": "SW",
    "SELATANBARAT": "SW",
    "BARATSELATAN": "SW",
    "BARATLAUT": "NW",
    "UTARABARAT": "NW",
    "BARATUTARA": "NW",
    "TIMURUTARA": "NE",
}
_PART = re.compile(r"^(?P<base>.*)\s*\b(?:BAGIAN|PESISIR|PANTAI)\s+(?P<side>[A-Z ]+)$")
_ISLAND = re.compile(r"^(?P<base>.*?)(?:\s*\bPULAU)+\s+(?P<island>(?:(?!\bPULAU\b).)+)$")
MAX_NAME = 120
"""Characters; the longest name in the area layer has 40. A longer text is no name."""
_KINDS = {"KABUPATEN", "KAB", "ADMINISTRASI", "ADM"}
_SHORT = {"KEP": "KEPULAUAN", "P": "PULAU", "PULO": "PULAU"}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Province(_Strict):
    code: str
    name: str
    names: tuple[str, ...]


class _Former(_Strict):
    codes: tuple[str, ...]
    names: tuple[str, ...]
    reason: str


class _Alias(_Strict):
    names: tuple[str, ...]
    codes: tuple[str, ...]
    reason: str


class _Place(_Alias):
    province: str


class _Split(_Strict):
    parent: str
    children: tuple[str, ...]
    year: int


class GazetteerTable(_Strict):
    """`data/gazetteer.toml`: what cannot be found by matching names."""

    author: str
    date: date
    province: tuple[_Province, ...]
    former_province: tuple[_Former, ...]
    alias: tuple[_Alias, ...]
    place: tuple[_Place, ...]
    split: tuple[_Split, ...]


@dataclass(frozen=True)
class ZoneArea:
    """Areas that together bound a zone, and the side of them that is meant; empty: the whole."""

    adm_codes: tuple[str, ...]
    side: str = ""


@dataclass(frozen=True)
class Resolution:
    """What a name leads to. No areas: it could not be led anywhere."""

    areas: tuple[ZoneArea, ...] = ()
    note: str = ""
    """What an operator should know, e.g. that a wider area stands in for an unknown island."""
    widened: bool = False
    """A wider area than named stands in, because the part was not found."""


def words(text: str) -> str:
    """Capitals A-Z and digits, single spaces; accents, dots, hyphens and the like fall away."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    joined = plain.upper().replace("'", "").replace("`", "")
    return " ".join(_SHORT.get(word, word) for word in re.split(r"[^A-Z0-9]+", joined) if word)


def key(text: str) -> str:
    """`words` without spaces, so that RAJAAMPAT, RAJA-AMPAT and Raja Ampat are one."""
    return words(text).replace(" ", "")


def _without_kind(text: str) -> str:
    found = words(text).split()
    while len(found) > 1 and found[0] in _KINDS:
        found = found[1:]
    if len(found) > 2 and found[0] == "KOTA" and found[1] in _KINDS:
        found = [found[0], *found[2:]]
    return " ".join(found)


@dataclass(frozen=True)
class Gazetteer:
    """Names → codes. Made by `Gazetteer.build` or `load_gazetteer`; never changed."""

    provinces: Mapping[str, tuple[str, ...]]
    """Key of a province's name → its codes today."""
    province_names: Mapping[str, str]
    """Province code → name as shown."""
    regencies: Mapping[tuple[str, str], tuple[str, ...]]
    """(province code, key) → regency codes; a city also under its name with KOTA."""
    places: Mapping[tuple[str, str], tuple[str, ...]]
    """(province code, key) → codes of islands and parts entered by hand."""
    districts: Mapping[str, tuple[tuple[str, str], ...]]
    """Regency code → (words of a district's name, its code)."""
    children: Mapping[str, tuple[str, ...]]
    """Regency code → codes of those split off since BMKG's table of zones was made."""

    @classmethod
    def build(
        cls,
        regencies: Iterable[tuple[str, str]],
        *,
        table: GazetteerTable | None = None,
        districts: Iterable[tuple[str, str]] = (),
    ) -> Gazetteer:
        """Build from (code, name) of every regency, and of districts if islands are to match.

        Args:
            regencies: dotted adm2 codes and names, e.g. `("53.16", "Kabupaten Nagekeo")`.
            table: hand-made rows; none: the bundled `data/gazetteer.toml`.
            districts: dotted adm3 codes and names; without them an island is only found if
                entered by hand.

        Raises:
            DataError: a code is not dotted, not of its level, or none is given.
        """
        table = table or read_table(data_dir() / "gazetteer.toml")
        names = [(_checked(code, 2), _without_kind(name)) for code, name in regencies]
        if not names:
            raise DataError("gazetteer: no regencies given; expected (code, name) of all of them")
        return cls(
            provinces=_province_keys(table),
            province_names={row.code: row.name for row in table.province},
            regencies=_regency_keys(names, table),
            places={
                (row.province, key(name)): row.codes for row in table.place for name in row.names
            },
            districts=_districts(districts),
            children={row.parent: row.children for row in table.split},
        )

    def province_name(self, code: str) -> str:
        """`Nusa Tenggara Timur` for `53`; empty if unknown."""
        return self.province_names.get(code, "")

    def province_codes(self, name: str) -> tuple[str, ...]:
        """Codes that a province's name or short form stands for; empty if unknown."""
        return self.provinces.get(key(name), ())

    def regency(self, provinces: Sequence[str], name: str) -> tuple[str, ...]:
        """Codes of the regency or city of that name in these provinces; empty if unknown."""
        wanted = key(_without_kind(name))
        found = [self.regencies.get((province, wanted), ()) for province in provinces]
        return tuple(sorted({code for codes in found for code in codes}))

    def named(self, zones: Iterable[tuple[str, str]]) -> frozenset[str]:
        """Regencies that (province, district) pairs name outright, parts and islands apart."""
        bases = [
            (self.province_codes(province), _base_name(district)) for province, district in zones
        ]
        return frozenset(code for codes, base in bases for code in self.regency(codes, base))

    def resolve(self, province: str, district: str, *, named: Collection[str] = ()) -> Resolution:
        """Areas that one zone of a bulletin means.

        Args:
            province: as written, e.g. `NTT`.
            district: as written, e.g. `FLORES-TIMUR BAGIAN UTARA`.
            named: regencies that the same bulletin names itself (`Gazetteer.named`): a zone
                that bears their parent's name does not mean them.
        """
        if max(len(province), len(district)) > MAX_NAME:
            return Resolution()
        provinces = self.province_codes(province)
        place = [self.places.get((code, key(district)), ()) for code in provinces]
        if codes := tuple(sorted({code for codes in place for code in codes})):
            return Resolution((ZoneArea(codes),))
        if codes := self.regency(provinces, district):
            return Resolution((ZoneArea(self._with_children(codes, named)),))
        if part := _PART.match(_without_kind(district)):
            found = self._part(provinces, part["base"], part["side"], named)
            return found if found.areas else self._part_of(province, part["base"], part["side"])
        if island := _ISLAND.match(_without_kind(district)):
            return self._island(provinces, island["base"], island["island"])
        return Resolution()

    def _part(
        self, provinces: Sequence[str], base: str, direction: str, named: Collection[str]
    ) -> Resolution:
        codes, other = self.regency(provinces, base), self.regency(provinces, f"{base} {direction}")
        side = SIDES.get(direction.replace(" ", ""), "")
        if not codes:
            return Resolution((ZoneArea(other),) if other else ())
        areas = [ZoneArea(self._with_children(codes, named), side)]
        note = "" if side else f"part {direction!r} not known: the whole is taken"
        if other and not set(other) & set(named):
            areas.append(ZoneArea(other))
            note = f"may also mean {', '.join(other)}: both are taken"
        return Resolution(tuple(areas), note, widened=not side)

    def _part_of(self, province: str, base: str, direction: str) -> Resolution:
        """The side of an island or a place entered by hand."""
        side = SIDES.get(direction.replace(" ", ""), "")
        whole = self.resolve(province, base)
        return replace(whole, areas=tuple(ZoneArea(a.adm_codes, side) for a in whole.areas))

    def _island(self, provinces: Sequence[str], base: str, island: str) -> Resolution:
        regencies = self.regency(provinces, base) if base else ()
        wanted = words(island)
        found = {
            code
            for regency, rows in self.districts.items()
            if regency in regencies or (not base and parent(regency, 1) in provinces)
            for name, code in rows
            if name == wanted or name.startswith(f"{wanted} ")
        }
        if found:
            return Resolution((ZoneArea(tuple(sorted(found))),))
        if regencies:
            note = f"island {island!r} not known: the coast of {', '.join(regencies)} is taken"
            return Resolution((ZoneArea(regencies),), note, widened=True)
        return Resolution()

    def _with_children(self, codes: Sequence[str], named: Collection[str]) -> tuple[str, ...]:
        children = {child for code in codes for child in self.children.get(code, ())}
        return tuple(sorted({*codes, *(children - set(named))}))


def _base_name(district: str) -> str:
    part = _PART.match(_without_kind(district))
    return part["base"] if part else district


def _checked(code: str, level: int) -> str:
    if adm_level(code) != level:
        raise DataError(f"gazetteer: {code!r} is no code of level {level}")
    return code


def _province_keys(table: GazetteerTable) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for row in table.province:
        keys.update({key(name): (row.code,) for name in (row.name, *row.names)})
    for former in table.former_province:
        keys.update({key(name): former.codes for name in former.names})
    return keys


def _regency_keys(
    names: Sequence[tuple[str, str]], table: GazetteerTable
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Regencies by full name; then cities, aliases and names without KEPULAUAN fill gaps."""
    keys: dict[tuple[str, str], tuple[str, ...]] = {}
    for code, name in names:
        keys[parent(code, 1), key(name)] = (code,)
    for code, name in names:
        first, _, rest = name.partition(" ")
        if first in {"KOTA", "KEPULAUAN"} and rest:
            keys.setdefault((parent(code, 1), key(rest)), (code,))
    for row in table.alias:
        for name in row.names:
            keys.setdefault((parent(row.codes[0], 1), key(name)), row.codes)
    return keys


def _districts(
    rows: Iterable[tuple[str, str]],
) -> dict[str, tuple[tuple[str, str], ...]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for code, name in rows:
        plain = re.sub(r"^((?:PULAU|KEPULAUAN) )+", "", words(name))
        found.setdefault(parent(_checked(code, 3), 2), []).append((plain, code))
    return {regency: tuple(sorted(names)) for regency, names in found.items()}


def read_table(path: Path) -> GazetteerTable:
    """Read and validate the hand-made rows.

    Raises:
        SettingsError: unreadable, an unknown or a missing key.
    """
    try:
        return GazetteerTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(f"gazetteer {path}: {error}") from error
