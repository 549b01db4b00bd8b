"""Fields of hazards for the live map: a list for an instant, and each as a picture or as shapes."""

from __future__ import annotations

import gzip
import logging
import re
from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy import select

from console import words
from console.live_state.pictures import COLOURS, ZONES, Keyed, picture, zones
from console.web.compressed import answer
from console.web.machine import READ
from console.web.map_state import ASK, PATH, asked_instant
from console.web.map_tiles import FOREVER
from console.web.reading import Reading
from kentongan.db import event_versions
from kentongan.errors import KentonganError
from kentongan.store import Store, sha256_hex
from kentongan.times import iso
from orchestration.live_map.events import Known, events_at
from orchestration.live_map.held import held_at
from orchestration.live_map.moment import Kind, Moment
from orchestration.live_map.rain_ahead import newest_field, rain_ahead

log = logging.getLogger(__name__)

HAZARDS = f"{PATH}/hazards"
_NAME = re.compile(r"([0-9a-f]{16})(?:-(\d{1,4})-(\d{1,4}))?\.(png|json)")
"""Digest of the field, leads of a nowcast in minutes."""
_BROKEN = (OSError, ValueError, KeyError, TypeError, KentonganError)
_TITLE_CHARS = 200


def router(reading: Reading) -> APIRouter:
    routes = APIRouter()
    fields = Fields(reading)

    def listed(request: Request) -> JSONResponse:
        now = reading.clock()
        at = asked_instant(request, now)
        moment = Moment(at or now, now, live=at is None)
        return JSONResponse(list(fields.at(moment)), headers={"Cache-Control": ASK})

    routes.add_api_route(f"{HAZARDS}.json", listed, methods=READ)
    routes.add_api_route(f"{HAZARDS}/{{name}}", fields.file, methods=READ)
    return routes


class Fields:
    """One for each application."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    @property
    def _root(self) -> str:
        return str(self._reading.settings.home.resolve())

    def at(self, moment: Moment) -> Iterator[dict[str, Any]]:
        """Fields that hold at an instant, in the order of their events; what cannot be read is
        left out and logged."""
        engine = self._reading.engine
        held = {one.content.event_id for one in held_at(engine, moment)}
        known = events_at(engine, moment, held)
        ahead = self._ahead(moment, known)
        for one in known:
            leads = ahead[1] if ahead and one.event.event_id == ahead[0] else None
            try:
                yield from self._entry(one, leads, moment)
            except _BROKEN as error:
                log.warning("field %s is not shown: %s", one.folder, error)

    def _ahead(self, moment: Moment, known: list[Known]) -> tuple[str, tuple[int, int]] | None:
        """The event of the nowcast and its leads."""
        if moment.kind is not Kind.FORECAST:
            return None
        found = newest_field(known, moment.now)
        rain = rain_ahead(Store(self._root), self._reading.layers, found)
        leads = rain.leads_at(moment.at) if rain else None
        return (rain.event_id, leads) if rain and leads else None

    def _entry(
        self, one: Known, leads: tuple[int, int] | None, moment: Moment
    ) -> Iterator[dict[str, Any]]:
        digest = one.folder.rpartition("/")[2]
        if not re.fullmatch("[0-9a-f]{16}", digest):
            return
        if Store(self._root).exists(f"{one.folder}/{ZONES}"):
            shapes = zones(self._root, one.folder, Keyed(self._reading.layers))
            if shapes is not None:
                about = {"kind": "zones", "url": f"{HAZARDS}/{digest}.json", "unit": ""}
                yield {**_said(one, shapes.levels, moment), **about, "bounds": list(shapes.bounds)}
            return
        seen = picture(self._root, one.folder, leads)
        if seen is not None:
            name = f"{digest}-{leads[0]}-{leads[1]}.png" if leads else f"{digest}.png"
            about = {"kind": "image", "url": f"{HAZARDS}/{name}", "unit": seen.unit}
            said = _said(one, seen.levels, moment)
            yield {**said, **about, "bounds": list(seen.bounds), "leads_min": leads}

    def file(self, name: str, request: Request) -> Response:
        found = _NAME.fullmatch(name)
        folder = self._folder(found.group(1)) if found else ""
        if found is None or not folder:
            raise HTTPException(404, "no such field")
        leads = (int(found.group(2)), int(found.group(3))) if found.group(2) else None
        try:
            data, kind = self._bytes(folder, leads, found.group(4))
        except _BROKEN as error:
            raise HTTPException(404, "this field is gone or cannot be read") from error
        packed = gzip.compress(data, 6, mtime=0) if kind != "image/png" else data
        if kind == "image/png":
            return Response(data, media_type=kind, headers={"Cache-Control": FOREVER})
        tag = sha256_hex(data)[:32]
        return answer(request, data, packed, media_type=kind, tag=tag, cache=FOREVER)

    def _bytes(self, folder: str, leads: tuple[int, int] | None, suffix: str) -> tuple[bytes, str]:
        found = (
            picture(self._root, folder, leads)
            if suffix == "png"
            else zones(self._root, folder, Keyed(self._reading.layers))
        )
        if found is None:
            raise ValueError(f"{folder}: nothing to show")
        return found.data, "image/png" if suffix == "png" else "application/geo+json"

    def _folder(self, digest: str) -> str:
        """Where a field lies, as the table says; a name from outside is never a path."""
        query = (
            select(event_versions.c.impact_uri)
            .where(event_versions.c.field_hash.startswith(digest, autoescape=True))
            .limit(1)
        )
        with self._reading.engine.connect() as connection:
            path: str | None = connection.execute(query).scalar()
        return (path or "").rpartition("/")[0]


def _said(one: Known, levels: tuple[int, ...], moment: Moment) -> dict[str, Any]:
    event = one.event
    own = "Perkiraan Kentongan, memakai data BMKG"
    return {
        "event_id": event.event_id,
        "version": one.version,
        "hazard": str(event.hazard_id),
        "title": event.title[:_TITLE_CHARS],
        "legend": [
            {"level": level, "word": words.level_word(level), "color": COLOURS[level]}
            for level in levels
        ],
        "source": event.method,
        "credit": "Sumber: BMKG" if event.official else own,
        "issued": iso(event.valid_from),
        "until": iso(event.valid_to),
        "runs": one.runs,
        "kind_of_time": str(moment.kind),
    }
