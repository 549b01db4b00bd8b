"""BMKG's ShakeMap grids (ShakeMap 3.5 `grid.xml`), from a folder or an address. Page: docs/sources.

`event_timestamp` is WIB, `process_timestamp` UTC. BMKG keeps exercises in the same place, marked
`ACTUAL`: they show by being processed before their own origin, or by an id of a round time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.keep.drift import field_names
from ingest.read.fields import instant, number, required, text_of
from ingest.read.payload import elements, local_name, one_line, parse_xml, xml_comments
from ingest.read.plausible import plausible
from ingest.read.quake import depth_of, document_status, magnitude_of, status_suffix
from ingest.source import Link, ReadContext, Reading, SourceInfo
from kentongan.drills import is_re_creation
from kentongan.errors import DataError, SourceChanged, UnitMismatch
from kentongan.records import GridField, ShakeGrid
from kentongan.shakegrid import MAX_FIELDS, ShakeArrays, decode_grid, round_time
from kentongan.times import WIB, compact, iso
from kentongan.types import DocumentStatus

UNITS = {"LON": "dd", "LAT": "dd", "MMI": "intensity", "PGA": "pctg", "PGV": "cms", "SVEL": "ms"}
"""Of the fields that are used; another unit is another quantity."""
USUAL = ("LON", "LAT", "PGA", "PGV", "MMI", "STDPGA", "URAT", "SVEL")
_OTHERS = ("PSA03", "PSA10", "PSA30")
_SPACING = 0.01
"""Share by which the grid's own spacing may differ from the head's."""
_SAME = timedelta(seconds=60)
KNOWN = frozenset(
    {
        *("event_id", "shakemap_id", "shakemap_version", "code_version", "process_timestamp"),
        *("shakemap_originator", "map_status", "shakemap_event_type", "schemaLocation"),
        *(f"event.{name}" for name in ("magnitude", "depth", "lat", "lon", "event_timestamp")),
        *("event.event_network", "event.event_description"),
        *(f"grid_specification.{a}_{b}" for a in ("lon", "lat") for b in ("min", "max")),
        *("grid_specification.nominal_lon_spacing", "grid_specification.nominal_lat_spacing"),
        *("grid_specification.nlon", "grid_specification.nlat"),
        *(f"grid_field.{name}" for name in (*USUAL, *_OTHERS)),
    }
)


class BmkgShakemap:
    info = SourceInfo(
        source_id="bmkg-shakemap",
        title="BMKG ShakeMap grids",
        provider="BMKG",
        licence="not public: agreed with BMKG; name BMKG as the source",
        documentation="docs/sources/bmkg-shakemap.md",
        base="shakemap_url",
        cadence=timedelta(days=7),
        late_after=timedelta(days=90),
        history=True,
        tier="support",
        needs="shakemap_url",
        folder_pattern="*grid*.xml",
    )

    def paths(self, wanted: Sequence[str], at: datetime) -> Sequence[str]:  # noqa: ARG002
        return ["/grid.xml"]

    def links(self, payload: bytes, path: str) -> Sequence[Link]:  # noqa: ARG002
        return ()

    def read(self, payload: bytes, context: ReadContext) -> Reading:
        root = parse_xml(payload, context.path)
        if local_name(root) != "shakemap_grid":
            found = one_line(root.tag, 60)
            raise SourceChanged(f"{context.path}: expected <shakemap_grid>, found <{found}>")
        fields, unknown = field_names(_names(root), KNOWN)
        name = one_line(root.get("event_id") or context.path, 60)
        try:
            head = _head(root)
            record = _record(head, _decoded(payload, head), context, xml_comments(payload))
        except DataError as error:
            line = f"shakemap {name}: {one_line(error, 240)}"
            return Reading(rejected=(line,), fields=fields, unknown_fields=unknown)
        return Reading(
            (record,),
            notes=tuple(f"shakemap {name}: {doubt}" for doubt in record.doubts),
            document_time=record.document_time,
            fields=fields,
            unknown_fields=unknown,
        )


@dataclass(frozen=True)
class _Head:
    """The attributes of a document, checked for being there and not yet for sense."""

    root: Mapping[str, str]
    event: Mapping[str, str]
    grid: Mapping[str, str]
    fields: tuple[GridField, ...]

    def size(self, name: str) -> int:
        return int(number(required(self.grid, name), name, low=2, high=10_000))

    def edge(self, name: str) -> float:
        return number(required(self.grid, name), name, low=-180, high=180)


def _head(root: Any) -> _Head:
    parts: list[Mapping[str, str]] = []
    for name in ("event", "grid_specification"):
        found = elements(root, name)
        if len(found) != 1:
            raise DataError(f"expected one <{name}>, found {len(found)}")
        parts.append(dict(found[0].attrib))
    return _Head(dict(root.attrib), parts[0], parts[1], _grid_fields(root))


def _grid_fields(root: Any) -> tuple[GridField, ...]:
    """Columns in the order of their index.

    Raises:
        DataError: indices that are not 1, 2, 3 …
        UnitMismatch: a field in another unit than ShakeMap's.
    """
    found = elements(root, "grid_field")[: MAX_FIELDS + 1]
    indexed = ((number(f.get("index") or "", "index", low=1, high=99), f) for f in found)
    rows = sorted(indexed, key=lambda row: row[0])
    if [index for index, _ in rows] != list(range(1, len(rows) + 1)):
        raise DataError("grid_field: expected indices 1, 2, 3 …, found others")
    fields = tuple(
        GridField(name=one_line(f.get("name") or "", 20), unit=one_line(f.get("units") or "", 20))
        for _, f in rows
    )
    for field in fields:
        if field.unit != UNITS.get(field.name, field.unit):
            raise UnitMismatch(
                f"grid_field {field.name}: expected {UNITS[field.name]}, found {field.unit!r}"
            )
    return fields


def _decoded(payload: bytes, head: _Head) -> ShakeArrays:
    names = [field.name for field in head.fields]
    arrays = decode_grid(payload, names, rows=head.size("nlat"), columns=head.size("nlon"))
    for name, axis in (("lat", arrays.latitude), ("lon", arrays.longitude)):
        step = float(axis[1] - axis[0])
        for edge, found in (("min", float(axis[0])), ("max", float(axis[-1]))):
            stated = head.edge(f"{name}_{edge}")
            if abs(stated - found) > max(_SPACING * step, 1e-4):
                raise DataError(
                    f"{name}_{edge}: the head says {stated:g}, the cells {found:g}; not used"
                )
    return arrays


def _record(
    head: _Head, arrays: ShakeArrays, context: ReadContext, comments: Sequence[str]
) -> ShakeGrid:
    event_id = one_line(required(head.root, "event_id"), 40)
    origin = instant(required(head.event, "event_timestamp"), "event_timestamp")
    processed = plausible(
        instant(required(head.root, "process_timestamp"), "process_timestamp"),
        context.last_seen,
        name="process_timestamp",
    )
    reasons = tuple(_exercise(head, event_id, origin, processed))
    said = (text_of(head.event, "event_description"), event_id)
    status = DocumentStatus.TEST if reasons else document_status("Actual", *said)
    version = one_line(text_of(head.root, "shakemap_version"), 10)
    return ShakeGrid(
        source_id=context.source_id,
        key=f"{event_id}-v{version}-{compact(processed)}-{context.sha256[:8]}"
        f"{status_suffix(status)}",
        sha256=context.sha256,
        document_time=processed,
        status=status,
        re_creation=context.re_creation or is_re_creation(*comments, *said),
        event_id=event_id,
        version=version,
        origin_time=origin,
        processed_at=processed,
        latitude=number(required(head.event, "lat"), "lat", low=-90, high=90),
        longitude=number(required(head.event, "lon"), "lon", low=-180, high=180),
        depth_km=depth_of(required(head.event, "depth")),
        magnitude=magnitude_of(required(head.event, "magnitude")),
        place=one_line(said[0], 200),
        west=float(arrays.longitude[0]),
        east=float(arrays.longitude[-1]),
        south=float(arrays.latitude[0]),
        north=float(arrays.latitude[-1]),
        columns=arrays.longitude.size,
        rows=arrays.latitude.size,
        fields=head.fields,
        max_mmi=float(arrays.values["MMI"].max()),
        exercise=bool(reasons),
        doubts=(*reasons, *_doubts(head, event_id, origin)),
    )


def _exercise(head: _Head, event_id: str, origin: datetime, processed: datetime) -> Iterator[str]:
    """Why this is taken for an exercise. A wrong clock of BMKG's looks the same, and costs only
    that our own formula is used instead."""
    if processed < origin:
        minutes = (origin - processed).total_seconds() / 60
        yield (
            f"an exercise or a wrong clock: processed {minutes:.0f} min before its own origin "
            f"({iso(origin)})"
        )
    if round_time(event_id) or round_time(f"{origin.astimezone(WIB):%Y%m%d%H%M%S}"):
        yield f"an exercise or a trial: id or origin of a round time ({event_id})"
    kind = text_of(head.root, "shakemap_event_type").upper()
    if kind != "ACTUAL":
        yield f"shakemap_event_type is {one_line(kind, 20)!r}, not ACTUAL"


def _doubts(head: _Head, event_id: str, origin: datetime) -> Iterator[str]:
    """What is odd and changes nothing."""
    magnitude = text_of(head.event, "magnitude")
    if "," in magnitude:
        yield f"magnitude {one_line(magnitude, 12)!r} with a decimal comma"
    names = {field.name for field in head.fields}
    missing = [name for name in USUAL if name not in names]
    if missing:
        yield f"fields missing: {', '.join(missing)}"
    if text_of(head.root, "shakemap_id") not in ("", event_id):
        yield f"shakemap_id {one_line(head.root['shakemap_id'], 40)!r} is not its event_id"
    try:
        named = datetime.strptime(event_id, "%Y%m%d%H%M%S").replace(tzinfo=WIB)
    except ValueError:
        return
    if abs(named - origin) > _SAME:
        yield f"its id says {iso(named)}, its event_timestamp {iso(origin)}"


def _names(root: Any) -> Iterator[str]:
    yield from (name.rpartition("}")[2] for name in root.attrib)
    for part in ("event", "grid_specification"):
        for found in elements(root, part):
            yield from (f"{part}.{name}" for name in found.attrib)
    yield from (f"grid_field.{f.get('name')}" for f in elements(root, "grid_field"))
    own = ("event", "grid_specification", "grid_field", "grid_data")
    yield from (local_name(child) for child in root if local_name(child) not in own)
