"""Where, as a resident says it: `Kec. Dengilo dan Mananggu, Kab. Pohuwato`.

Indonesian order runs from the small to the large. A regency keeps its kind, for the city and
the regency of Bogor, Kupang and 24 others share a name.
"""

from __future__ import annotations

from collections.abc import Sequence

from notify.wording.language import Language, language

MAX_NAMED_DISTRICTS = 4
"""More names than that are not read on a small screen."""

_SYNTHETIC = "(sintetis)"
"""How made-up places are named in a layer set."""
_SHORT = (
    ("Kabupaten Administrasi ", "Kab. "),
    ("Kota Administrasi ", "Kota "),
    ("Kabupaten ", "Kab. "),
)


def short_regency(name: str) -> str:
    """`Kabupaten Boalemo` → `Kab. Boalemo`; a `Kota` keeps its word."""
    for long, short in _SHORT:
        if name.startswith(long):
            return short + name.removeprefix(long)
    return name


def english_regency(short: str) -> str:
    """`Kab. Boalemo` → `Boalemo Regency`, `Kota Bogor` → `Bogor City`."""
    if short.startswith("Kab. "):
        return f"{short.removeprefix('Kab. ')} Regency"
    if short.startswith("Kota "):
        return f"{short.removeprefix('Kota ')} City"
    return short


def joined(names: Sequence[str], last: str = "dan") -> str:
    """`A`, `A dan B`, `A, B, dan C`; a comma before the word where a name holds it itself."""
    if len(names) <= 1:
        return "".join(names)
    inside = any(f" {last} " in name for name in names)
    comma = "," if len(names) > 2 or inside else ""
    return f"{', '.join(names[:-1])}{comma} {last} {names[-1]}"


def regency_in(short: str, words: Language) -> str:
    """The regency's name in a language: English turns it round."""
    return english_regency(short) if words.code == "en" else short


def area_names(
    adm2_name: str,
    districts: Sequence[str],
    *,
    whole: bool,
    english: bool = False,
    words: Language | None = None,
) -> list[str]:
    """Ways to say where, the most telling first.

    `Kec. Mananggu, Kab. Boalemo`; `Kec. Mananggu`; `Kab. Boalemo (1 kec.)`; `Kab. Boalemo`.

    Args:
        adm2_name: shortened, `Kab. Boalemo`.
        whole: every district of the regency is meant.
    """
    words = words or language("en" if english else "id")
    outer = regency_in(adm2_name, words)
    if whole or not districts:
        return [outer]
    ways: list[str] = []
    if len(districts) <= MAX_NAMED_DISTRICTS:
        form = words.place.district if len(districts) == 1 else words.place.districts
        named = form.format(names=joined(districts, words.last))
        ways = [words.place.within.format(inner=named, outer=outer), named]
    if len(districts) > 1:
        ways.append(words.place.some.format(outer=outer, count=len(districts)))
    return [*ways, outer]


def many_areas(names: Sequence[str], provinces: Sequence[str], words: Language) -> list[str]:
    """Ways to name several regencies at once, the most telling first."""
    if len(names) == 1:
        return [names[0], words.place.here]
    ways = [joined(names, words.last)] if len(names) <= MAX_NAMED_DISTRICTS else []
    if len(set(provinces)) == 1:
        ways.append(words.place.province.format(count=len(names), province=provinces[0]))
    ways.append(words.place.others.format(first=names[0], count=len(names) - 1))
    return [*ways, words.place.here]


def whole_province(name: str, *, english: bool = False) -> str:
    """`Provinsi Gorontalo`, `Gorontalo Province`; a name that says its kind stays as it is."""
    if name.startswith("Daerah "):
        return name
    return language("en" if english else "id").place.whole_province.format(province=name)


def plain_name(name: str) -> str:
    """A place's name without the mark of made-up ones and without braces."""
    clean = name.replace(_SYNTHETIC, " ").replace("{", "(").replace("}", ")")
    return " ".join(clean.split())


def shortened(name: str, length: int) -> str:
    """At most `length` characters, cut between words and before a bracket that does not close."""
    if len(name) <= length:
        return name
    cut = name[: length + 1]
    whole = cut.rsplit(" ", 1)[0] if " " in cut.strip() else name[:length]
    if whole.count("(") > whole.count(")") and not whole.startswith("("):
        whole = whole[: whole.rindex("(")]
    return whole.rstrip(" ,;:-/(")
