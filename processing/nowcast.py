"""BMKG's nowcast warnings: the union of their polygons, the districts they name, level 2.

The CAP severity is the same in every recorded document and ranks nothing; a warning of BMKG's
is at least Waspada.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from kentongan.grid import BASE_GRID
from kentongan.hazard import AreaRule, HazardEvent, HazardField
from kentongan.records import Nowcast, Record
from kentongan.types import HazardId, Level
from processing.gazetteer import Gazetteer
from processing.zones import ZoneRow, zones_frame

METHOD = "bmkg-nowcast-polygons/1"
MIN_AREA_DEG2 = 1e-9
"""About 12 square metres: smaller rings are rounding, not land."""
Ring = Sequence[tuple[float, float]]
_SEQUENCE = 11
"""Characters of a file code before its sequence: `CGT` and the date."""
_WORLD = np.array([90.0, 180.0])
_BOX = shapely.box(
    BASE_GRID.west,
    BASE_GRID.south,
    BASE_GRID.west + BASE_GRID.columns * BASE_GRID.step,
    BASE_GRID.south + BASE_GRID.rows * BASE_GRID.step,
)


def ring_polygon(ring: Ring) -> BaseGeometry:
    """The valid area of one ring of (latitude, longitude); empty if it encloses none.

    An unclosed ring is closed, a self-crossing one repaired; its area is kept.
    """
    points = np.asarray(ring, dtype=float)
    if _malformed(ring) or len(np.unique(points, axis=0)) < 3:
        return shapely.Polygon()
    valid = shapely.make_valid(shapely.Polygon(points[:, ::-1]), method="structure")
    parts = [part for part in shapely.get_parts(valid) if part.area > 0]
    polygons = [part for part in parts if part.geom_type == "Polygon"]
    return shapely.union_all(polygons) if polygons else shapely.Polygon()


def warned_area(document: Nowcast) -> tuple[BaseGeometry, int]:
    """Union of a document's rings, and how many of them cannot be used.

    A ring is unusable if it is malformed or lies wholly off the base grid, as one with latitude
    and longitude exchanged does. A sliver without area is ignored, not counted.
    """
    kept, unusable = [], 0
    for ring in document.polygons:
        polygon = ring_polygon(ring)
        if _malformed(ring) or not (polygon.is_empty or polygon.intersects(_BOX)):
            unusable += 1
        elif polygon.area > MIN_AREA_DEG2:
            kept.append(polygon)
    area = shapely.normalize(shapely.union_all(kept)) if kept else shapely.Polygon()
    return area, unusable


def _malformed(ring: Ring) -> bool:
    points = np.asarray(ring, dtype=float)
    if points.ndim != 2 or points.shape[1:] != (2,) or len(points) < 3:
        return True
    return not (np.abs(points) <= _WORLD).all()


@dataclass(frozen=True)
class Warned:
    """One warning of BMKG's: its newest document and, if there is one, the Cancel that ends it."""

    document: Nowcast
    cancel: Nowcast | None = None


def warnings_issued(records: Sequence[Record]) -> list[Warned]:
    """One entry a file code, in order of code.

    The identifier is rendered anew each hour; the file code is the only stable identity. A
    Cancel is matched by its own code, else by province, sequence and `sent` in `references`; one
    that matches nothing stands for itself, so that an operator sees it.
    """
    documents = [record for record in records if isinstance(record, Nowcast)]
    cancels = [d for d in documents if _is_cancel(d)]
    alerts = _newest([d for d in documents if not _is_cancel(d)])
    found = [Warned(alert, _ending(alert, cancels)) for alert in alerts]
    used = {id(one.cancel) for one in found}
    known = {alert.code for alert in alerts}
    loose = _newest([c for c in cancels if id(c) not in used and c.code not in known])
    every = [*found, *(Warned(cancel, cancel) for cancel in loose)]
    return sorted(every, key=lambda one: one.document.code)


def _is_cancel(document: Nowcast) -> bool:
    return document.msg_type.strip().lower() == "cancel"


def _newest(documents: Sequence[Nowcast]) -> list[Nowcast]:
    return list({d.code: d for d in sorted(documents, key=_age)}.values())


def _age(document: Nowcast) -> tuple[datetime, str, str]:
    return document.sent, document.key, document.sha256


def _ending(alert: Nowcast, cancels: Sequence[Nowcast]) -> Nowcast | None:
    ending = [
        cancel
        for cancel in cancels
        if cancel.status is alert.status
        and cancel.sent >= alert.sent
        and (cancel.code == alert.code or _refers(cancel, alert))
    ]
    return max(ending, key=_age, default=None)


def nowcast_fields(
    records: Sequence[Record], *, at: datetime, gazetteer: Gazetteer
) -> list[HazardField]:
    """One field a nowcast warning; one without a usable polygon says so in `unresolved`."""
    issued = warnings_issued(records)
    areas = {one.document.code: warned_area(one.document) for one in issued}
    fields = []
    for one in issued:
        area, unusable = areas[one.document.code]
        newer = _overlapping_newer(one, issued, areas, at)
        event = _event(one, gazetteer, newer, usable=not area.is_empty)
        fields.append(_field(one, event, area, unusable))
    return fields


def _field(one: Warned, event: HazardEvent, area: BaseGeometry, unusable: int) -> HazardField:
    row = ZoneRow(
        zone=one.document.code,
        level=event.level,
        named_districts=",".join(one.document.district_names),
        onset=one.document.effective,
        geometry=area,
    )
    return HazardField(
        event=event,
        rule=AreaRule.NOWCAST,
        zones=zones_frame([] if area.is_empty else [row]),
        unresolved=_unresolved(one, unusable, empty=area.is_empty),
    )


def _unresolved(one: Warned, unusable: int, *, empty: bool) -> tuple[str, ...]:
    code, rings = one.document.code, len(one.document.polygons)
    if one.document is one.cancel:
        return (f"Cancel {code}: the warning that it ends is not known",)
    if empty:
        return (f"polygons of {code}: none of {rings} is an area in Indonesia",)
    if unusable:
        return (f"polygons of {code}: {unusable} of {rings} unusable",)
    return ()


def _event(one: Warned, gazetteer: Gazetteer, newer: Sequence[str], *, usable: bool) -> HazardEvent:
    document, said = one.document, one.cancel or one.document
    codes = (document.province_code,) if document.province_code else ()
    place = gazetteer.province_name(document.province_code) or document.headline
    evidence: dict[str, str | float | int | bool | None] = {
        "code": document.code,
        "sent": document.sent.isoformat(),
        "districts": ", ".join(document.district_names),
        "polygons": len(document.polygons),
        "area_known": usable,
        "level_rule": "a nowcast warning of BMKG's is at least Waspada",
    }
    if newer:
        evidence["overlapped_by_newer"] = ", ".join(newer)
    return HazardEvent(
        event_id=f"thunderstorm-{document.code}",
        hazard_id=HazardId.THUNDERSTORM,
        level=Level.WASPADA,
        onset=document.effective,
        valid_from=said.sent,
        valid_to=document.expires,
        official_end=one.cancel is not None,
        official=True,
        status=document.status,
        re_creation=document.re_creation,
        title=document.headline or f"{document.event} di {place}",
        place=place,
        method=METHOD,
        observations=tuple(sorted({document.sha256, said.sha256})),
        province_codes=codes,
        evidence=evidence,
    )


def _refers(cancel: Nowcast, document: Nowcast) -> bool:
    """Date and hour within an identifier are those of rendering and match nothing."""
    wanted = (document.province_code, document.code[_SEQUENCE:])
    for reference in cancel.references:
        parts = reference.split(",")
        if len(parts) != 3 or tuple(parts[1].split(".")[-2:]) != wanted:
            continue
        if _same_instant(parts[2], document.sent):
            return True
    return False


def _same_instant(text: str, when: datetime) -> bool:
    try:
        return datetime.fromisoformat(text.strip()) == when
    except (ValueError, TypeError):
        return False


def _overlapping_newer(
    one: Warned,
    issued: Sequence[Warned],
    areas: Mapping[str, tuple[BaseGeometry, int]],
    at: datetime,
) -> list[str]:
    """Codes of newer warnings in force of the same province whose area overlaps this one.

    Both stay: BMKG itself keeps several warnings of a province in force at once.
    """
    document, own = one.document, areas[one.document.code][0]
    return [
        other.document.code
        for other in issued
        if other.cancel is None
        and other.document.province_code == document.province_code
        and other.document.sent > document.sent
        and other.document.expires > at
        and areas[other.document.code][0].intersection(own).area > MIN_AREA_DEG2
    ]
