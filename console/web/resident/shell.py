"""The app's own files: read once, packed once, named by what is in them.

The service worker gets its list of files and their common digest here, so that a change of any of
them is a new version of the app.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from console.templating import ASSETS, render
from console.web.resident.geography import Packed

FOLDER = ASSETS / "app"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
}
WORKER, MANIFEST, FAVICON = "sw.js", "manifest.webmanifest", "favicon.ico"
_NOT_KEPT = {WORKER, MANIFEST, FAVICON, "icon-512.png", "maskable-512.png", "apple-touch-icon.png"}
"""Not part of what works offline: the system keeps an installed app's icons itself."""


@dataclass(frozen=True)
class File:
    packed: Packed
    media_type: str
    tag: str


class Shell:
    """Of one process; `banners` are those of the installation's mode."""

    def __init__(self, banners: list[tuple[str, str]], sms_number: str) -> None:
        self._values = {"banners": banners, "sms_number": sms_number}

    @cached_property
    def files(self) -> dict[str, File]:
        found = {}
        for path in sorted(FOLDER.iterdir()):
            if path.suffix in TYPES:
                found[path.name] = _file(path)
        return found

    @cached_property
    def version(self) -> str:
        """Twelve characters over every file of the app and its two pages."""
        digest = hashlib.sha256()
        for name, file in self.files.items():
            digest.update(f"{name} {file.tag}\n".encode())
        for page in (self.start.plain, self.help.plain):
            digest.update(page)
        return digest.hexdigest()[:12]

    @cached_property
    def start(self) -> Packed:
        return Packed.of(render("app.html", here="/app/", **self._values).encode())

    @cached_property
    def help(self) -> Packed:
        return Packed.of(render("app_help.html", here="/app/bantuan", **self._values).encode())

    @cached_property
    def kept(self) -> list[str]:
        """Addresses that the service worker keeps from its first minute."""
        own = [f"/app/static/{name}" for name in self.files if name not in _NOT_KEPT]
        return ["/app/", "/app/bantuan", f"/app/{MANIFEST}", *own]

    @cached_property
    def worker(self) -> Packed:
        head = (
            f"const VERSION = {json.dumps(self.version)};\nconst SHELL = {json.dumps(self.kept)};\n"
        )
        return Packed.of(head.encode() + self.files[WORKER].packed.plain)


def _file(path: Path) -> File:
    data = path.read_bytes()
    return File(Packed.of(data), TYPES[path.suffix], f'"{hashlib.sha256(data).hexdigest()[:20]}"')
