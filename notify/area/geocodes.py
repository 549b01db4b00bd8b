"""Villages → codes at the coarsest level that is fully covered, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kentongan.codes import DECREE

GEOCODE_SCHEME = "Kemendagri:" + DECREE.replace(" ", "-").replace("/", "-")
"""CAP geocode `valueName`: the scheme and the decree that the codes are from."""
_LENGTHS = (2, 5, 8)
"""Of the codes of a province, a regency, a district."""


@dataclass(frozen=True)
class Counts:
    """How many villages each area of a layer set has."""

    villages: Mapping[str, int]
    """Code of a province, regency or district -> villages."""
    districts: Mapping[str, int]
    """adm2_code -> districts."""
    regencies: Mapping[str, int]
    """adm1_code -> regencies."""


def count(codes: Iterable[str]) -> Counts:
    """Of all villages of a layer set."""
    districts: dict[str, int] = {}
    for code in codes:
        key = code[:8]
        districts[key] = districts.get(key, 0) + 1
    villages = dict(districts)
    in_regency: dict[str, int] = {}
    for district, number in districts.items():
        in_regency[district[:5]] = in_regency.get(district[:5], 0) + 1
        for length in (2, 5):
            villages[district[:length]] = villages.get(district[:length], 0) + number
    in_province: dict[str, int] = {}
    for regency in in_regency:
        in_province[regency[:2]] = in_province.get(regency[:2], 0) + 1
    return Counts(villages, in_regency, in_province)


def coarsest(codes: Sequence[str], counts: Counts, *, lengths: Sequence[int] = (5, 8)) -> list[str]:
    """The shortest list of codes that stands for exactly these villages, sorted.

    Args:
        codes: adm4 codes, each once.
        lengths: of the codes that may stand for their villages; a province needs 2.
    """
    rest = sorted(codes)
    found: list[str] = []
    for length in sorted(lengths):
        have: dict[str, int] = {}
        for code in rest:
            have[code[:length]] = have.get(code[:length], 0) + 1
        full = {area for area, number in have.items() if number == counts.villages.get(area)}
        found += sorted(full)
        rest = [code for code in rest if code[:length] not in full]
    return sorted([*found, *rest])


def expanded(geocodes: Iterable[str], villages: Iterable[str]) -> list[str]:
    """The villages that codes of any level stand for, sorted."""
    wanted = set(geocodes)
    return sorted(
        code for code in villages if code in wanted or any(code[:n] in wanted for n in _LENGTHS)
    )
