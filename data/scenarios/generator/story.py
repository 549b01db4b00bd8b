"""A scenario before it is written: steps, the payloads that appear, the paths that fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

AUTOGEMPA = "/DataMKG/TEWS/autogempa.json"
GEMPATERKINI = "/DataMKG/TEWS/gempaterkini.json"
GEMPADIRASAKAN = "/DataMKG/TEWS/gempadirasakan.json"
DATAGEMPA = "/datagempa.json"
LAST_TSUNAMI = "/last30tsunamievent.xml"
NOWCAST = "/alerts/nowcast/id"
RAIN_IMAGE = "/IMAGE/HIMA/H08_RP_Indonesia.png"

MARK = "rekaan ulang"
"""Written into every payload whose schema leaves room for it: re-creation."""


@dataclass(frozen=True)
class Payload:
    name: str
    data: bytes


@dataclass(frozen=True)
class Step:
    at: datetime
    note: str
    serve: Mapping[str, Payload] = field(default_factory=dict)
    fail: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    name: str
    title: str
    note: str
    steps: tuple[Step, ...]
    sources: tuple[str, ...] = ()
    """Feeds to poll; empty: those that every scenario plays."""


def utc(text: str) -> datetime:
    """`2022-11-21 06:15` or with seconds, read as UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cap_path(code: str) -> str:
    return f"{NOWCAST}/{code}_alert.xml"


def forecast_path(adm4_code: str) -> str:
    return f"/publik/prakiraan-cuaca?adm4={adm4_code}"


def write(story: Story, root: Path) -> Path:
    """Write `scenario.toml` and the payloads into a fresh folder `root/<name>`."""
    folder = root / story.name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, data in _files(story).items():
        (folder / name).write_bytes(data)
    (folder / "scenario.toml").write_text(_toml(story), encoding="utf-8")
    return folder


def _files(story: Story) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for payload in (p for step in story.steps for p in step.serve.values()):
        if files.setdefault(payload.name, payload.data) != payload.data:
            raise ValueError(f"{story.name}: two different payloads are named {payload.name}")
    return files


def _toml(story: Story) -> str:
    lines = [
        f"title = {_quoted(story.title)}",
        f"note = {_quoted(story.note)}",
        "re_creation = true",
    ]
    if story.sources:
        lines.append(f"sources = [{', '.join(map(_quoted, story.sources))}]")
    for step in story.steps:
        lines += ["", "[[step]]", f"at = {step.at:%Y-%m-%dT%H:%M:%SZ}"]
        lines.append(f"note = {_quoted(step.note)}")
        if step.serve:
            lines.append("[step.serve]")
            lines += [f"{_quoted(k)} = {_quoted(v.name)}" for k, v in step.serve.items()]
        if step.fail:
            lines.append("[step.fail]")
            lines += [f"{_quoted(path)} = {status}" for path, status in step.fail.items()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
