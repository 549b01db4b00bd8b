"""A folder of ShakeMap grids: `*.xml` as ShakeMap writes them, or `events.csv` with `grids/*.npz`.

Grids may lie in folders below it; what a run writes beside its grid (`info.xml`, `stationlist.xml`)
is no grid, and `info.xml` names the model. Rows of the arrays run from north to south or from
south to north: `latitude` says which. What cannot be read is named and left out; nothing is
guessed.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from kentongan.errors import DataError, KentonganError
from kentongan.shakegrid import decode_grid, round_time
from kentongan.times import ZONES_BY_NAME, parse_instant

Floats = npt.NDArray[np.float64]

MAX_BYTES = 64_000_000
"""BMKG's largest grid.xml has 4 MB."""
_HEAD_BYTES = 20_000
_BESIDE = ("info.xml", "stationlist.xml", "uncertainty.xml", "event.xml")
"""Ends of the names of what ShakeMap 3.5 writes beside a grid."""
_GMPE = re.compile(r'name="GMPE"\s+value="(?:GMPE::)?(\w{1,40})"')
_ATTRIBUTE = re.compile(r'([a-z_]+)\s*=\s*"([^"<]{0,200})"')


@dataclass(frozen=True)
class ShakeMap:
    """One map; arrays of shape (latitude, longitude)."""

    event_id: str
    magnitude: float
    depth_km: float
    latitude_of: float
    longitude_of: float
    exercise: bool
    """Processed before its own origin time, or not called `ACTUAL`; false where the folder does
    not say."""
    model: str
    """As the run's own file names it; empty where the folder does not say."""
    latitude: Floats
    longitude: Floats
    mmi: Floats
    pga_pctg: Floats
    pgv_cms: Floats
    vs30: Floats

    @property
    def kind(self) -> str:
        """`exercise`, `round time` (an exercise by its id: 12:12:12, 10:00:00) or `real`."""
        if self.exercise:
            return "exercise"
        return "round time" if round_time(self.event_id) else "real"


def shakemaps(folder: Path, *, unreadable: list[str] | None = None) -> Iterator[ShakeMap]:
    """Every map of a folder, in the order of their ids.

    Raises:
        DataError: the folder holds neither form.
    """
    table = folder / "events.csv"
    documents = sorted(p for p in folder.rglob("*.xml") if not p.name.endswith(_BESIDE))
    if not table.is_file() and not documents:
        raise DataError(f"{folder}: expected *.xml or events.csv with grids/*.npz, found neither")
    for source in _rows(table) if table.is_file() else documents:
        try:
            yield _from_xml(source) if isinstance(source, Path) else _from_npz(folder, source)
        except (KentonganError, OSError, ValueError, KeyError, BadZipFile) as error:
            if unreadable is None:
                raise
            unreadable.append(
                f"{source if isinstance(source, Path) else source.get('event_id')}: {error}"
            )


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        return sorted(csv.DictReader(file), key=lambda row: row["event_id"])


def _from_npz(folder: Path, row: dict[str, str]) -> ShakeMap:
    path = folder / "grids" / f"{row['event_id']}.npz"
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        arrays = {name: stored[name].astype(float) for name in stored.files}
    rows, columns = arrays["mmi_x100"].shape
    return ShakeMap(
        row["event_id"],
        _number(row["magnitude"]),
        _number(row["depth_km"]),
        _number(row["latitude"]),
        _number(row["longitude"]),
        exercise=row["scenario"] == "True",
        model=row["gmpe"],
        latitude=np.linspace(float(row["lat_max"]), float(row["lat_min"]), rows),
        longitude=np.linspace(float(row["lon_min"]), float(row["lon_max"]), columns),
        mmi=arrays["mmi_x100"] / 100.0,
        pga_pctg=arrays["pga_pctg_x100"] / 100.0,
        pgv_cms=arrays["pgv_cms_x100"] / 100.0,
        vs30=arrays["vs30_ms"],
    )


def _from_xml(path: Path) -> ShakeMap:
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path.name}: {path.stat().st_size} bytes, more than {MAX_BYTES}")
    payload = path.read_bytes()
    head = payload[:_HEAD_BYTES].decode("utf-8", errors="replace").split("<grid_data>")[0]
    event, size = _element(head, "event"), _element(head, "grid_specification")
    fields = [
        dict(_ATTRIBUTE.findall(text))["name"]
        for text in re.findall(r"<grid_field\s([^>]{0,300})>", head)
    ]
    arrays = decode_grid(payload, fields, rows=int(size["nlat"]), columns=int(size["nlon"]))
    whole = _element(head, "shakemap_grid")
    nothing = np.zeros_like(arrays.values["MMI"])
    return ShakeMap(
        whole.get("event_id", path.stem),
        _number(event["magnitude"]),
        _number(event["depth"]),
        _number(event["lat"]),
        _number(event["lon"]),
        exercise=_exercise(whole, event),
        model=_model(path),
        latitude=arrays.latitude,
        longitude=arrays.longitude,
        mmi=arrays.values["MMI"],
        pga_pctg=arrays.values.get("PGA", nothing),
        pgv_cms=arrays.values.get("PGV", nothing),
        vs30=arrays.values.get("SVEL", nothing),
    )


def _exercise(whole: dict[str, str], event: dict[str, str]) -> bool:
    """BMKG writes the origin in its own zone, the time of processing in UTC."""
    if whole.get("shakemap_event_type", "ACTUAL").upper() != "ACTUAL":
        return True
    processed, origin = whole.get("process_timestamp", ""), event.get("event_timestamp", "")
    return bool(processed and origin) and _instant(processed) < _instant(origin)


def _instant(text: str) -> datetime:
    """Raises:
    ValueError: no time, or none with a zone.
    """
    for name, zone in {**ZONES_BY_NAME, "UTC": UTC, "GMT": UTC}.items():
        if text.endswith(name):
            return datetime.fromisoformat(text.removesuffix(name).strip()).replace(tzinfo=zone)
    return parse_instant(text)


def _model(path: Path) -> str:
    """Of the run's `info.xml` beside its grid; empty where there is none."""
    beside = path.with_name(path.name.removesuffix("grid.xml") + "info.xml")
    if not path.name.endswith("grid.xml") or not beside.is_file():
        return ""
    found = _GMPE.search(beside.read_bytes()[:_HEAD_BYTES].decode("utf-8", errors="replace"))
    return found[1] if found else ""


def _element(head: str, name: str) -> dict[str, str]:
    found = re.search(rf"<{name}\s([^>]{{0,2000}})>", head)
    if found is None:
        raise DataError(f"grid: expected <{name} …> in the first {_HEAD_BYTES} bytes, found none")
    return dict(_ATTRIBUTE.findall(found[1]))


def _number(text: str) -> float:
    """A decimal comma, as one of BMKG's maps has it, is read as a point."""
    value = float(text.strip().replace(",", "."))
    if not np.isfinite(value):
        raise DataError(f"grid: expected a number, found {text!r}")
    return value
