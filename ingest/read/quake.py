"""What all quake documents share: checked position, size and identity."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from ingest.read.felt import parse_felt
from ingest.read.fields import hemisphere, number, pair, required
from ingest.read.payload import one_line
from ingest.source import ReadContext
from kentongan.drills import is_drill
from kentongan.errors import DataError
from kentongan.records import Quake
from kentongan.times import compact
from kentongan.types import DocumentStatus

Order = Literal["lat,lon", "lon,lat"]

ROUNDING_DEG = 0.011
"""Both forms of a position have two decimals; more apart means that one of them is wrong."""

MAGNITUDES = (0.0, 9.5)
"""9.5 is the largest on record (Chile 1960). What lies outside is a fault of the document."""
DEPTHS_KM = (0.0, 800.0)
"""The deepest quakes on record lie near 700 km."""
_PREFIX = re.compile(
    r"\s*(?:M(?:ag(?:nitudo|nitude)?|w|L|b)?(?:\s*[:=.]\s*|\s+|(?=\d)))?", re.IGNORECASE
)
_STATUSES = ("actual", "exercise", "latihan", "test", "tes")
_DECIMAL_COMMA = re.compile(r"(\d),(\d{1,2})(?!\d)", re.ASCII)


def document_status(declared: str, *said: str, scope: str = "") -> DocumentStatus:
    """A document is Actual only if it says so and none of its texts speaks of a drill.

    `TES` is InaTEWS' word for Test. What is not understood counts as Test, and so does what is not
    meant for everybody (CAP scope `Restricted` or `Private`): it never gets out.
    """
    word = declared.strip().lower()
    if word in ("exercise", "latihan"):
        return DocumentStatus.EXERCISE
    meant = scope.strip().lower()
    if word != "actual" or meant not in ("", "public") or is_drill(*said):
        return DocumentStatus.TEST
    return DocumentStatus.ACTUAL


def status_doubt(declared: str) -> tuple[str, ...]:
    """A line where a document's status is missing or not understood, so that somebody asks why a
    warning did not go out; none where it is plain."""
    if declared.strip().lower() in _STATUSES:
        return ()
    found = one_line(declared, 40)
    return (f"status: expected Actual, Exercise or Test, found {found!r}; counts as a test",)


def texts_in(raw: object) -> tuple[str, ...]:
    """Every text directly in an object, under names known and unknown."""
    values = raw.values() if isinstance(raw, Mapping) else ()
    return tuple(value for value in values if isinstance(value, str))


def status_suffix(status: DocumentStatus) -> str:
    """Ends the key of what is not Actual, so that a drill can never stand in for the real one."""
    return "" if status is DocumentStatus.ACTUAL else f"-{status.lower()}"


def position(
    raw: Mapping[str, Any],
    *,
    coordinates: str,
    order: Order,
    latitude: str,
    longitude: str,
) -> tuple[float, float]:
    """(latitude, longitude) from a pair and from the two texts with LS/LU/BT/BB, which must agree.

    Raises:
        DataError: missing, out of range, exchanged, or the two forms differ.
    """
    a, b = pair(required(raw, coordinates), coordinates)
    found = (a, b) if order == "lat,lon" else (b, a)
    worded = (
        hemisphere(required(raw, latitude), latitude, of_latitude=True),
        hemisphere(required(raw, longitude), longitude, of_latitude=False),
    )
    if _near(found, worded):
        return found
    hint = "; latitude and longitude are exchanged" if _near(found[::-1], worded) else ""
    raise DataError(
        f"{coordinates}: {one_line(raw.get(coordinates), 40)} does not fit "
        f"{raw.get(latitude)} {raw.get(longitude)} (expected {order}){hint}"
    )


def _near(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return all(abs(x - y) <= ROUNDING_DEG for x, y in zip(a, b, strict=True))


def quake_key(
    origin: datetime,
    where: tuple[float, float],
    magnitude: float | None,
    *,
    depth_km: float | None,
    felt: str,
    potential: str,
    status: DocumentStatus,
) -> str:
    """Identity of one solution with one felt list, and whether it may raise a tsunami. A solution
    that differs in its depth alone is another: it shakes the ground otherwise."""
    words = potential.lower()
    tsunami = "tsunami" in words and "tidak" not in words
    said = f"{' '.join(felt.upper().split())}|{tsunami}|{depth_km}"
    digest = hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:8]
    size = "unknown" if magnitude is None else f"{magnitude:g}"
    place = f"{where[0]:.2f}_{where[1]:.2f}"
    return f"{compact(origin)}_{place}_M{size}_{digest}{status_suffix(status)}"


def magnitude_of(text: str) -> float:
    """`7.0`, `7,0`, `M7.0` or `Mag: 7.0` → 7.0.

    Raises:
        DataError: another form, or outside `MAGNITUDES`.
    """
    return _figure(text, "magnitude", MAGNITUDES)


def depth_of(text: str) -> float:
    """`10 Km` or `10,5 km` → km.

    Raises:
        DataError: words, or outside `DEPTHS_KM`.
    """
    return _figure(text, "depth", DEPTHS_KM)


def _figure(text: str, name: str, within: tuple[float, float]) -> float:
    shown = text if text.strip() else "nothing"
    plain = _DECIMAL_COMMA.sub(r"\1.\2", shown)
    if name == "magnitude":
        plain = _PREFIX.sub("", plain, count=1)
    return number(plain, name, low=within[0], high=within[1])


def make_quake(
    context: ReadContext,
    *,
    origin: datetime,
    document_time: datetime,
    where: tuple[float, float],
    magnitude: float | None,
    depth_km: float | None,
    place: str,
    potential: str,
    felt: str,
    shakemap: str,
    status: DocumentStatus,
) -> tuple[Quake, tuple[str, ...]]:
    """A record of checked figures, and what of its felt list could not be read."""
    entries, unread = parse_felt(felt)
    quake = Quake(
        source_id=context.source_id,
        key=quake_key(
            origin,
            where,
            magnitude,
            depth_km=depth_km,
            felt=felt,
            potential=potential,
            status=status,
        ),
        sha256=context.sha256,
        document_time=document_time,
        status=status,
        re_creation=context.re_creation,
        origin_time=origin,
        latitude=where[0],
        longitude=where[1],
        magnitude=magnitude,
        depth_km=depth_km,
        place=one_line(place, 200),
        potential=one_line(potential, 200),
        felt=entries,
        shakemap=one_line(shakemap, 80),
    )
    return quake, tuple(f"felt: could not read {entry!r}" for entry in unread)
