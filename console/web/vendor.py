"""Other people's scripts for the map, fetched by `make` into `console/vendor`: these and no other.

Absent in `make run`, which shows the map that needs none of them: 404 then.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import Response

from console.web.compressed import answer
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import PAGE_POLICY
from kentongan.store import sha256_hex

MODULES = Path(__file__).parents[1] / "vendor" / "node_modules"
SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
NAMES: dict[str, tuple[str, str, str]] = {
    "maplibre-gl.mjs": ("maplibre-gl", "dist/maplibre-gl.mjs", SCRIPT),
    "maplibre-gl-worker.mjs": ("maplibre-gl", "dist/maplibre-gl-worker.mjs", SCRIPT),
    "maplibre-gl-shared.mjs": ("maplibre-gl", "dist/maplibre-gl-shared.mjs", SCRIPT),
    "maplibre-gl.css": ("maplibre-gl", "dist/maplibre-gl.css", STYLE),
    "pmtiles.js": ("pmtiles", "dist/pmtiles.js", SCRIPT),
}
"""Name in the address -> package, its file, media type."""
FOREVER = "public, max-age=31536000, immutable"
ASK = "public, max-age=0, must-revalidate"


@dataclass(frozen=True)
class Vendored:
    data: bytes
    packed: bytes
    version: str
    digest: str


def router(_reading: Reading) -> APIRouter:
    routes = APIRouter()

    def script(name: str, request: Request) -> Response:
        if name not in NAMES:
            raise HTTPException(404, "no such script")
        package, file, kind = NAMES[name]
        have = vendored(package, file)
        if have is None:
            raise HTTPException(404, "not fetched; run: make")
        asked = request.query_params.get("v")
        cache = FOREVER if asked == have.version else ASK
        found = answer(
            request, have.data, have.packed, media_type=kind, tag=have.digest, cache=cache
        )
        # A worker lives under the policy that its own script came with.
        found.headers["Content-Security-Policy"] = PAGE_POLICY
        return found

    routes.add_api_route("/vendor/{name}", script, methods=READ)
    return routes


@lru_cache(maxsize=len(NAMES))
def _read(package: str, file: str, _changed_ns: int) -> Vendored:
    folder = MODULES / package
    data = (folder / file).read_bytes()
    version = str(json.loads((folder / "package.json").read_text(encoding="utf-8"))["version"])
    return Vendored(data, gzip.compress(data, 9, mtime=0), version, sha256_hex(data))


def vendored(package: str, file: str) -> Vendored | None:
    """A fetched file, packed once; None: not fetched."""
    path = MODULES / package / file
    if not path.is_file():
        return None
    return _read(package, file, path.stat().st_mtime_ns)
