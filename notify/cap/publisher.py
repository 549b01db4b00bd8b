"""Who speaks: what stands in every alert about its sender."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, field_validator

from kentongan.settings import Settings
from kentongan.types import Mode
from notify.firewall.clearance import number


class Publisher(BaseModel):
    """The defaults name nobody: `.invalid` can never resolve (RFC 2606)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: str = "kentongan@example.invalid"
    sender_name: str = "Kentongan, memakai data BMKG"
    contact: str = "kentongan@example.invalid"
    public_url: str = "https://kentongan.example.invalid"
    """Where people read more; an alert's page is `<public_url>/warnings/<warning_id>`."""
    test_numbers: tuple[str, ...] = ()
    test_blinds: tuple[str, ...] = ()
    """Indexes of the test numbers, for people whose number is sealed."""
    cap_key: Path | None = None
    """PEM file of the key that signs alerts; none: they go out unsigned."""
    cap_certificate: Path | None = None
    layers: str = ""
    """Folder of the layer set for whose names the words are proved; empty: the embedded one."""
    routes_file: Path | None = None
    """Of its routes those to sirens, the app's topics and staff get messages of their own."""

    @field_validator("sender")
    @classmethod
    def _no_separators(cls, value: str) -> str:
        if not value or re.search(r"[\s,<&]", value):
            raise ValueError(f"sender {value!r}: CAP forbids spaces, commas, < and & in it")
        return value

    @classmethod
    def from_settings(cls, settings: Settings) -> Publisher:
        return cls(
            sender=settings.cap_sender,
            sender_name=settings.cap_sender_name,
            contact=settings.cap_contact,
            public_url=settings.public_url,
            test_numbers=settings.test_numbers,
            test_blinds=blinds_of(settings),
            cap_key=settings.cap_key,
            cap_certificate=settings.cap_certificate,
            layers=settings.layers,
            routes_file=settings.routes,
        )

    def page(self, warning_id: str) -> str:
        return f"{self.public_url.rstrip('/')}/warnings/{warning_id}"


def blinds_of(settings: Settings) -> tuple[str, ...]:
    """Indexes of the test numbers of a rehearsal; none in any other mode.

    Raises:
        SettingsError: the secrets key cannot be read.
    """
    if settings.mode is not Mode.TEST or not settings.test_numbers:
        return ()
    from kentongan.sealing import blind, secrets_key

    keys = secrets_key(settings)
    return tuple(blind(keys, number(one)) for one in settings.test_numbers)
