"""The open data's reference out of the web application's own OpenAPI document."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from settings_pages import cell

BASE = "/api"
NONE_YET = "This version serves no path below `/api`."


def document() -> dict[str, Any]:
    """Paths of the applications mounted below `/api`, as OpenAPI describes them."""
    from console.web import create_app
    from kentongan.settings import Settings

    with tempfile.TemporaryDirectory() as home:
        settings = Settings(_env_file=None, home=Path(home))
        app = create_app(settings, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        found = {}
        for route in app.routes:
            place, inner = str(getattr(route, "path", "")), getattr(route, "app", None)
            if place.startswith(BASE) and isinstance(inner, FastAPI):
                found.update({place + path: way for path, way in inner.openapi()["paths"].items()})
        return found


def markdown() -> str:
    paths = document()
    if not paths:
        return NONE_YET
    return "\n\n".join(
        _way(path, way, said)
        for path, ways in paths.items()
        for way, said in ways.items()
        if way in {"get", "post", "put", "delete"}
    )


def _way(path: str, way: str, said: dict[str, Any]) -> str:
    parts = [f"## `{way.upper()} {path}`", said.get("description") or said.get("summary", "")]
    if said.get("parameters"):
        rows = [_parameter(one) for one in said["parameters"]]
        parts.append("\n".join(("| parameter | in | kind | means |", "|---|---|---|---|", *rows)))
    answers = [
        f"- `{code}` {' '.join(answer.get('description', '').split())}: "
        + ", ".join(f"`{kind}`" for kind in answer.get("content", {"no body": None}))
        for code, answer in said.get("responses", {}).items()
    ]
    return "\n\n".join(part for part in (*parts, "\n".join(answers)) if part)


def _parameter(one: dict[str, Any]) -> str:
    kind = one.get("schema", {})
    shown = kind.get("type") or " / ".join(str(k.get("type", "")) for k in kind.get("anyOf", []))
    bounds = ", ".join(f"{k} `{v}`" for k, v in kind.items() if k in _BOUNDS)
    words = " ".join(str(one.get("description", "")).split())
    return f"| `{one['name']}` | {one['in']} | {shown} {bounds} | {cell(words)} |"


_BOUNDS = {"default", "minimum", "maximum", "maxLength", "pattern", "enum", "format"}
