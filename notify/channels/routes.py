"""What every configured route to the outside has in common; each channel adds its own keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RouteName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,19}$")]
Medium = Literal["sms", "push", "webpush", "fcm", "mqtt", "staff", "whatsapp", "telegram"]


class RouteBase(BaseModel):
    """One `[[route]]` of the routes file (`KENTONGAN_ROUTES`). Secrets stand in files of their
    own, named here by path; never in this file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    route: RouteName
    channel: Medium
    order: int = Field(default=1, ge=1, le=9)
    """Of the routes of a channel the lowest is tried first."""
    prefixes: tuple[str, ...] = ()
    """Numbers (`+62811`, …) for which this route comes before all others."""
    rate_per_s: float = Field(default=10.0, gt=0)
    """Messages a second that the contract allows."""
    window: int = Field(default=10, ge=1, le=1000)
    """Messages in flight: at most so many are in doubt after a crash."""
    price_idr: float = Field(default=0.0, ge=0)
    """Rupiah a part, for the ceiling of spending."""
    two_way: bool = False
    """People can answer to it."""
