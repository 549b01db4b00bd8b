"""What the operator says of a broker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from notify.channels.routes import Medium, RouteBase

_LOCAL = ("127.0.0.1", "::1", "localhost")


class MqttRoute(RouteBase):
    """`kind = "mqtt"` of the routes file."""

    kind: Literal["mqtt"] = "mqtt"
    channel: Medium = "mqtt"
    window: int = Field(default=50, ge=1, le=1000)
    rate_per_s: float = Field(default=200.0, gt=0)
    host: str
    port: int = Field(default=8883, ge=1, le=65535)
    tls: bool = True
    """False for a broker on this machine alone."""
    ca_file: Path | None = None
    """Who vouches for the broker; none: the system's authorities."""
    cert_file: Path | None = None
    """Our certificate, where the broker knows us by one."""
    cert_key_file: Path | None = None
    username: str = ""
    password_file: Path | None = None
    sign_key_file: Path
    """Ed25519, PEM; `kentongan push keys --mqtt` makes one. Every siren holds its public half."""
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$")] = "ews/v1"
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")] = "kentongan"
    """One program at a time has it; a second one throws the first off the broker."""
    timeout_s: float = Field(default=10.0, gt=0, le=40)

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if not self.tls and self.host not in _LOCAL:
            raise ValueError("tls = false: only for a broker on this machine")
        if (self.cert_file is None) != (self.cert_key_file is None):
            raise ValueError("cert_file and cert_key_file: give both or none")
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("username and password_file: give both or none")
        return self
