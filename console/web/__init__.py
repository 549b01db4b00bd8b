"""The web application: health, feeds, warnings, CAP files, task lists, the map. It only reads."""

from __future__ import annotations

from console.web.app import create_app

__all__ = ["create_app"]
