"""BMKG's nowcast warnings: the union of their polygons, the districts they name, level 2.

The CAP severity is the same in every recorded document and ranks nothing; a warning of BMKG's
is at least Waspada.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    if points.ndim != 2 or points.shape[1:] != (2,) or not np.isfinite(points).all():
        return shapely.Polygon()
    if len(np.unique(points, axis=0)) < 3:
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
    return points.ndim != 2 or len(points) < 3 or not np.isfinite(points).all()


def newest_documents(records: Sequence[Record]) -> list[Nowcast]:
    """The newest document of each file code, in order of code.

    The identifier is rendered anew each hour; the file code is the only stable identity.
    """
    found: dict[str, Nowcast] = {}
    for record in records:
        if isinstance(record, Nowcast):
            other = found.get(record.code)
            if other is None or _age(record) > _age(other):
                found[record.code] = record
    return [found[code] for code in sorted(found)]


def _age(document: Nowcast) -> tuple[datetime, str, str]:
    return document.sent, document.key, document.sha256


def nowcast_fields(
    records: Sequence[Record], *, at: datetime, gazetteer: Gazetteer
) -> list[HazardField]:
    """One field a nowcast document; one without a usable polygon says so in `unresolved`."""
    documents = newest_documents(records)
    areas = {document.code: warned_area(document) for document in documents}
    cancelled = _cancelled(documents)
    fields = []
    for document in documents:
        area, unusable = areas[document.code]
        newer = _overlapping_newer(document, documents, areas, at)
        event = _event(
            document, gazetteer, cancelled.get(document.code), newer, usable=not area.is_empty
        )
        fields.append(_field(document, event, area, unusable))
    return fields


def _field(document: Nowcast, event: HazardEvent, area: BaseGeometry, unusable: int) -> HazardField:
    rows = [
        ZoneRow(
            zone=document.code,
            level=event.level,
            named_districts=",".join(document.district_names),
            onset=document.effective,
            geometry=area,
        )
    ]
    return HazardField(
        event=event,
        rule=AreaRule.NOWCAST,
        zones=zones_frame([] if area.is_empty else rows),
        unresolved=_unresolved(document, unusable, empty=area.is_empty),
    )


def _unresolved(document: Nowcast, unusable: int, *, empty: bool) -> tuple[str, ...]:
    rings = len(document.polygons)
    if empty:
        return (f"polygons of {document.code}: none of {rings} is an area in Indonesia",)
    if unusable:
        return (f"polygons of {document.code}: {unusable} of {rings} unusable",)
    return ()


def _event(
    document: Nowcast,
    gazetteer: Gazetteer,
    cancel: Nowcast | None,
    newer: Sequence[str],
    *,
    usable: bool,
) -> HazardEvent:
    said = cancel or document
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
        valid_to=max(document.expires, said.sent) if cancel else document.expires,
        official_end=cancel is not None,
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


def _cancelled(documents: Sequence[Nowcast]) -> dict[str, Nowcast]:
    """Code of each ended warning → the Cancel that ends it.

    Matched by its own code, else by province, sequence and `sent` in `references`: the date and
    hour within an identifier are those of rendering and match nothing.
    """
    cancels = [d for d in documents if d.msg_type.lower() == "cancel"]
    ended = {cancel.code: cancel for cancel in cancels}
    for cancel in cancels:
        for document in documents:
            if document.status is cancel.status and _refers(cancel, document):
                ended[document.code] = cancel
    return ended


def _refers(cancel: Nowcast, document: Nowcast) -> bool:
    wanted = (document.province_code, document.code[-3:])
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
    document: Nowcast,
    documents: Sequence[Nowcast],
    areas: dict[str, tuple[BaseGeometry, int]],
    at: datetime,
) -> list[str]:
    """Codes of newer warnings in force of the same province whose area overlaps this one."""
    own = areas[document.code][0]
    return [
        other.code
        for other in documents
        if other.province_code == document.province_code
        and other.sent > document.sent
        and other.expires > at
        and areas[other.code][0].intersection(own).area > MIN_AREA_DEG2
    ]
