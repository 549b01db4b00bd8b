"""`/centre/places`: views from outside, as links and as places on the map."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from console.outside_views import Kind, Places, as_points, load_places
from console.web.machine import READ
from console.web.reading import Reading
from console.web.rendering import page
from kentongan.errors import SettingsError
from kentongan.settings import data_dir

PATH = "/centre/places"
KINDS = {
    Kind.RADAR: "Radar", Kind.SATELLITE: "Satelit", Kind.CAMERA: "Kamera (CCTV)",
    Kind.WATER: "Tinggi muka air", Kind.SEA: "Pasang surut", Kind.VOLCANO: "Gunung api",
    Kind.MAP: "Peta", Kind.AGENCY: "Lembaga lain",
}  # fmt: skip


def router(reading: Reading) -> APIRouter:
    found = APIRouter()

    def found_places() -> tuple[Places, str]:
        """A list that cannot be read is no reason to have no page."""
        try:
            return load_places(reading.settings.places or data_dir() / "places.toml"), ""
        except SettingsError as error:
            return Places(), str(error)

    def show(request: Request) -> Response:
        places, trouble = found_places()
        by_kind = {kind: [p for p in places.place if p.kind is kind] for kind in Kind}
        return page(
            reading, request, "centre_places.html", here=PATH, by_kind=by_kind, kinds=KINDS,
            unconfirmed=places.unconfirmed, trouble=trouble,
        )  # fmt: skip

    def points() -> JSONResponse:
        places, trouble = found_places()
        status = 500 if trouble else 200
        return JSONResponse(as_points(places.place), status, {"Cache-Control": "private, no-cache"})

    found.add_api_route(PATH, show, methods=READ)
    found.add_api_route("/centre/map/places.json", points, methods=READ)
    return found
