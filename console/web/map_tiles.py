"""Tiles of the live map: where they are, and their bytes by ranges (docs/command-centre-data.md).

The address of a file holds the digest of its layer set, so a browser keeps it for good.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, JSONResponse, Response

from console.tiles import Shelf, Shown
from console.tiles.background import Builder
from console.tiles.build import OUTLINE
from console.tiles.shapes import LEVELS
from console.tiles.shelf import FILES
from console.web.machine import READ
from console.web.reading import Reading
from kentongan.settings import data_dir

PATH = "/centre/map/tiles"
FOREVER = "private, max-age=31536000, immutable"
BY_HAND = "kentongan layers tiles"
_TYPES = {".pmtiles": "application/vnd.pmtiles", ".json": "application/geo+json"}


def router(reading: Reading) -> APIRouter:
    """Tiles are built in the background where the application beats: there it serves a home that
    goes on, and not a look into the past."""
    found = APIRouter()
    shelf = Shelf(reading.settings.tiles_folder)
    builder = Builder(reading.settings.tiles_folder)
    reading.at_close(builder.close)

    def index() -> JSONResponse:
        version = reading.layers.version
        shown = shelf.find(version)
        if shown is None and reading.beating:
            folder = reading.settings.layers or str(data_dir() / "layers" / "embedded")
            builder.begin(folder, version)
        said = "" if shown else builder.said or f"not built; run: {BY_HAND}"
        return JSONResponse(document(shelf.digest(version), shown, said))

    def file(digest: str, name: str) -> Response:
        if name not in FILES or not _is_digest(digest):
            raise HTTPException(404, "no such file of tiles")
        path = shelf.folder / digest / name
        if not path.is_file():
            raise HTTPException(404, "these tiles are gone; read index.json again")
        kind = _TYPES[path.suffix]
        return FileResponse(path, media_type=kind, headers={"Cache-Control": FOREVER})

    found.add_api_route(f"{PATH}/index.json", index, methods=READ)
    found.add_api_route(f"{PATH}/{{digest}}/{{name}}", file, methods=READ)
    return found


def _is_digest(text: str) -> bool:
    return len(text) == 16 and set(text) <= set("0123456789abcdef")


def document(digest: str, shown: Shown | None, said: str) -> dict[str, Any]:
    """`index.json`; without tiles `ready` is false and `building` says why."""
    base = f"{PATH}/{digest}"
    layers = {
        level.name: {
            "url": f"{base}/{level.name}.pmtiles",
            "minzoom": level.minzoom,
            "maxzoom": level.maxzoom,
            "source_layer": level.name,
            "code_characters": level.characters,
        }
        for level in LEVELS
    }
    return {
        "ready": shown is not None,
        "building": said,
        "digest": digest,
        "layers": layers if shown else {},
        "outline": f"{base}/{OUTLINE}" if shown else None,
        "bounds": list(shown.bounds) if shown else None,
    }
