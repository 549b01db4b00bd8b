"""What the operator says of a Web Push route."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from notify.channels.routes import Medium, RouteBase


class WebPushRoute(RouteBase):
    """`kind = "webpush"` of the routes file."""

    kind: Literal["webpush"] = "webpush"
    channel: Medium = "push"
    window: int = Field(default=50, ge=1, le=1000)
    rate_per_s: float = Field(default=200.0, gt=0)
    key_file: Path
    """VAPID key, PEM, EC P-256; `kentongan push keys` makes one. Never changed afterwards: every
    subscription is bound to it."""
    contact: Annotated[str, Field(pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$")]
    """Whom a push service writes to when something is wrong with our messages."""
    hosts: tuple[str, ...] = ()
    """Push services that are used, with their subdomains; empty: every public host."""
    allow_local: bool = False
    """Addresses of this machine and http; for tests of the route alone."""
    timeout_s: float = Field(default=10.0, gt=0, le=40)
    """Of one message, connection included; below the dispatcher's lease of 60 s."""
