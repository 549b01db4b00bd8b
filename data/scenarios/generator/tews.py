"""Quake documents in the schema of BMKG's `DataMKG/TEWS` (all values are strings)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from generator.story import MARK

WIB = timezone(timedelta(hours=7), "WIB")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des")

NO_TSUNAMI = "Tidak berpotensi tsunami"
TSUNAMI = "Potensi tsunami untuk diteruskan pada masyarakat"
FELT = "Gempa ini dirasakan untuk diteruskan pada masyarakat"


@dataclass(frozen=True)
class Quake:
    """`place` is the sentence of the felt list, `short_place` the form of the M5+ list."""

    origin: datetime
    latitude: float
    longitude: float
    magnitude: float
    depth_km: int
    place: str
    short_place: str
    felt: str = ""
    tsunami: bool = False

    @property
    def lintang(self) -> str:
        return f"{abs(self.latitude):.2f} {'LS' if self.latitude < 0 else 'LU'}"

    @property
    def bujur(self) -> str:
        return f"{abs(self.longitude):.2f} {'BB' if self.longitude < 0 else 'BT'}"

    @property
    def clock(self) -> str:
        return self.origin.astimezone(WIB).strftime("%H:%M:%S WIB")


def autogempa(quake: Quake, *, felt: str | None = None) -> bytes:
    """The newest quake. `felt` overrides the text `Dirasakan`, e.g. "-" before reports came."""
    told = quake.felt if felt is None else felt
    row = {**_row(quake, quake.place), "Potensi": FELT if quake.felt else _potential(quake)}
    if told:
        row["Dirasakan"] = told
    if quake.felt:
        row["Shakemap"] = f"{quake.origin.astimezone(WIB):%Y%m%d%H%M%S}.mmi.jpg"
    return _document(row)


def gempaterkini(quakes: Sequence[Quake]) -> bytes:
    """Quakes of magnitude 5 and above, newest first."""
    return _document([{**_row(q, q.short_place), "Potensi": _potential(q)} for q in quakes])


def gempadirasakan(quakes: Sequence[Quake]) -> bytes:
    """Felt quakes, newest first; this list has no `Potensi`."""
    return _document([{**_row(q, q.place), "Dirasakan": q.felt} for q in quakes])


def _potential(quake: Quake) -> str:
    return TSUNAMI if quake.tsunami else NO_TSUNAMI


def _row(quake: Quake, place: str) -> dict[str, str]:
    local = quake.origin.astimezone(WIB)
    return {
        "Tanggal": f"{local:%d} {MONTHS[local.month - 1]} {local:%Y}",
        "Jam": quake.clock,
        "DateTime": f"{quake.origin:%Y-%m-%dT%H:%M:%S}+00:00",
        "Coordinates": f"{quake.latitude:.2f},{quake.longitude:.2f}",
        "Lintang": quake.lintang,
        "Bujur": quake.bujur,
        "Magnitude": f"{quake.magnitude:.1f}",
        "Kedalaman": f"{quake.depth_km} km",
        "Wilayah": place,
    }


def _document(gempa: object) -> bytes:
    body = {"Infogempa": {"gempa": gempa}, "_catatan": MARK}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
