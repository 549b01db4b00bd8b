"""What can be downloaded, from a reviewed list: `data/layers/sources.toml` or a deployment's."""

from __future__ import annotations

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kentongan.errors import SettingsError
from kentongan.settings import data_dir


class SourceKind(StrEnum):
    FILE = "file"
    PAGES = "pages"
    BY_HAND = "by-hand"


class Source(BaseModel):
    """One download."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    title: str
    kind: SourceKind
    url: str = Field(pattern=r"^https?://")
    role: str
    megabytes: float = Field(gt=0)
    licence: str
    credit: str
    terms: Literal["", "unconfirmed"] = ""
    notes: str = ""
    example_part: str = ""

    @property
    def size_text(self) -> str:
        return f"{self.megabytes:,.0f} MB"

    @property
    def most_bytes(self) -> int:
        """Where a download stops: sizes grow over the years, but not threefold."""
        return int(self.megabytes * 3e6) + 1_000_000

    def document(self) -> dict[str, object]:
        return self.model_dump(mode="json")


class _List(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    source: tuple[Source, ...]


def sources(path: Path | None = None) -> dict[str, Source]:
    """Sources by name.

    Raises:
        SettingsError: unreadable, an unknown or a missing key.
    """
    path = path or data_dir() / "layers" / "sources.toml"
    try:
        found = _List.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeError, ValidationError) as error:
        raise SettingsError(f"list of sources {path}: {error}") from error
    return {source.name: source for source in found.source}
