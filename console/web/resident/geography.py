"""Where villages are, for choosing one without telling anybody one's position.

The phone takes the points of every village of the nation (columns of int32, thousandths of a
degree, each the difference to the one before) and their names, finds the nearest itself, and says
one code: that of the village its owner taps. Both files are the same for everybody.
"""

from __future__ import annotations

import gzip
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kentongan.codes import adm_level
from kentongan.errors import DataError

if TYPE_CHECKING:
    from notify.registry.places import Places
    from risk.layers.layerset import LayerSet

MAGIC = b"KTG1"
PER_DEGREE = 1000
"""0.001 degree is 111 m; a village's own point is no surer than that."""
PROVINCE, REGENCY, DISTRICT = "\x01", "\x02", "\x03"
"""Begin the lines of areas that hold the villages behind them."""


@dataclass(frozen=True)
class Packed:
    plain: bytes
    gz: bytes

    @classmethod
    def of(cls, plain: bytes) -> Packed:
        return cls(plain, gzip.compress(plain, 9))


def points(layers: LayerSet) -> bytes:
    """`KTG1`, uint32 villages, then all longitudes, then all latitudes; little-endian, in the
    order of codes."""
    table = layers.villages
    columns = [
        np.diff(np.rint(table[name].to_numpy(np.float64) * PER_DEGREE), prepend=0)
        for name in ("longitude", "latitude")
    ]
    head = MAGIC + struct.pack("<I", len(table))
    return head + b"".join(column.astype("<i4").tobytes() for column in columns)


def names(places: Places) -> bytes:
    """One line an area, in the order of codes: the last part of its code and its name; the part is
    left out where it is one above that of the line before."""
    lines: list[str] = []
    above = ["", "", ""]
    last = 0
    for place in places.rows:
        codes = (place.code[:2], place.code[:5], place.code[:8])
        said = (place.province, place.regency, place.district)
        for depth, mark in enumerate((PROVINCE, REGENCY, DISTRICT)):
            if codes[depth] != above[depth]:
                lines.append(f"{mark}{codes[depth][-2:]} {_line(said[depth])}")
                above[depth:] = [codes[depth], *[""] * (2 - depth)]
                last = 0
        number = int(place.code[9:])
        part = "" if number == last + 1 else f"{number:04d}"
        lines.append(f"{part}\t{_line(place.name)}")
        last = number
    return "\n".join(lines).encode()


def _line(name: str) -> str:
    return " ".join(name.split())


def children(layers: LayerSet, code: str) -> list[dict[str, str]] | None:
    """Areas one level below, by name; provinces for an empty code; None: no such area."""
    table = layers.villages
    if not code:
        return _listed(table["adm4_code"].str[:2], table["adm1_name"])
    try:
        own = adm_level(code)
    except DataError:
        return None
    inside = table.iloc[layers.within(code)]
    if own > 3 or inside.empty:
        return None
    length = {1: 5, 2: 8, 3: 13}[own]
    name = {1: "adm2_name", 2: "adm3_name", 3: "name"}[own]
    return _listed(inside["adm4_code"].str[:length], inside[name])


def _listed(codes: object, said: object) -> list[dict[str, str]]:
    pairs = dict(zip(codes, said, strict=True))  # type: ignore[call-overload]
    return [
        {"code": str(code), "name": str(name)}
        for code, name in sorted(pairs.items(), key=lambda one: (one[1], one[0]))
    ]
