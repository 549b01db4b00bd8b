"""A warning version: everything that goes out, in one document that people approve."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from kentongan.audit import canonical
from kentongan.types import HazardId

Ring = tuple[tuple[float, float], ...]
"""Closed ring of (latitude, longitude), degrees."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Wording(_Frozen):
    """What some villages of a group read, in one language."""

    language: str
    villages: tuple[str, ...] = ()
    """Those for whom an own assembly point or help is named; empty: all others."""
    help: str = ""
    """A value of `kentongan.reach.Help`; empty where it is not asked."""
    point: str = ""
    """The assembly point that the text names, if there is room."""
    sms: str
    push_title: str
    push_body: str


class AreaGroup(_Frozen):
    """The villages of one regency at one level: one CAP area, and what is said there."""

    adm2_code: str
    adm2_name: str
    """Shortened: `Kab. Boalemo`."""
    adm1_name: str = ""
    geocodes: tuple[str, ...] = ()
    """`codes` at the coarsest level: a district or regency stands for all of its villages."""
    whole_province: bool = False
    """With the other groups of its province at this level, every village of the province."""
    level: int
    """0: these villages are told of an end."""
    codes: tuple[str, ...]
    """adm4 codes, sorted."""
    told: tuple[str, ...]
    """Those of `codes` that get a message now."""
    districts: tuple[str, ...]
    whole_regency: bool
    utc_offset: int
    exposed_people: int
    uncovered_people: int
    arrival: AwareDatetime | None = None
    """First arrival that the source gives, if it is still ahead."""
    again: bool = False
    """Some of its villages were warned before."""
    polygons: tuple[Ring, ...] = ()
    sms: str = ""
    push_title: str = ""
    push_body: str = ""
    readiness: str = ""
    """For the coordinators; empty where they get none."""
    wordings: tuple[Wording, ...] = ()
    """Besides `sms` and `push_*`: other languages, and villages with words of their own."""
    gap: str = ""
    """For coordinators next door, where people are left without a team."""
    bpbd: str = ""
    """The same for the regency's disaster agency."""
    neighbours: tuple[str, ...] = ()
    """adm2 codes of the regencies that `gap` goes to."""


class Broadcast(_Frozen):
    """What is said to everybody at one level, in one language."""

    level: int
    """0: an end."""
    language: str
    short: str
    """At most 90 characters, for cell broadcast."""
    long: str
    """At most 360."""
    speech: str
    """For a voice: numbers and abbreviations in words."""


class WarningBody(_Frozen):
    """Stored as JSON in `warnings.body`; its hash is what an approval binds."""

    event_id: str
    hazard_id: HazardId
    title: str
    action: Literal["alert", "update", "renew", "all-clear", "cancel"]
    reason: str
    status: Literal["Actual", "Exercise", "Test"]
    official: bool
    by_hand: bool = False
    """An end that a person asked for: it never releases itself."""
    level: int
    previous_level: int = 0
    """Highest level of the version before; an end is as urgent as what it ends."""
    levels: dict[str, int]
    exposure: dict[str, tuple[int, int]] = {}
    """adm4_code -> exposed and uncovered people, as last known while the warning holds."""
    told: tuple[str, ...]
    told_elsewhere: tuple[str, ...] = ()
    """Villages that get no message because another warning in force told them as much."""
    ever_warned: tuple[str, ...]
    groups: tuple[AreaGroup, ...]
    """Highest level first, then by regency."""
    broadcasts: tuple[Broadcast, ...] = ()
    """For each level and language; what an approval binds is what goes out."""
    valid_from: AwareDatetime
    onset: AwareDatetime
    expires: AwareDatetime
    method: str
    quality: str
    evidence: dict[str, str | float | int | bool | None]
    observations: tuple[str, ...]
    exposed_people: int
    uncovered_people: int
    unresolved: tuple[str, ...] = ()
    """Names in the source that no area could be found for."""
    linked_event_id: str | None = None
    data_quality: tuple[str, ...] = ()

    @property
    def is_end(self) -> bool:
        return self.action in ("all-clear", "cancel")

    @property
    def holds_nowhere(self) -> bool:
        """An end, or an update with which the last village leaves: the warning closes with it."""
        return not self.levels

    @property
    def msg_type(self) -> Literal["Alert", "Update", "Cancel"]:
        if self.action == "cancel":
            return "Cancel"
        return "Alert" if self.action == "alert" else "Update"


@dataclass(frozen=True)
class WarningRef:
    """One version of one warning."""

    warning_id: str
    version: int
    content_hash: str
    action: str

    @property
    def identifier(self) -> str:
        return alert_identifier(self.warning_id, self.version)


@dataclass(frozen=True)
class ReleasedAlert:
    """The CAP document that a released version became. Its bytes never change."""

    identifier: str
    warning_id: str
    version: int
    sender: str
    sent: str
    """With the offset of its place, as in the document."""
    expires: str
    path: str
    """Below the store's root."""
    sha256: str
    unsigned_sha256: str | None = None
    """Of the same document without its signature: what two runs of one event share."""


def warning_id_of(event_id: str) -> str:
    """`w-<event_id>`, in characters that files, links and CAP identifiers allow."""
    clean = re.sub(r"[^A-Za-z0-9_-]+", "-", event_id)[:72]
    if clean == event_id:
        return f"w-{event_id}"
    return f"w-{clean}-{hashlib.sha256(event_id.encode()).hexdigest()[:8]}"


def alert_identifier(warning_id: str, version: int) -> str:
    return f"kentongan-{warning_id}-v{version}"


def content_hash(body: WarningBody) -> str:
    """sha256 of the canonical JSON; `reason` is for the audit and does not count."""
    return hash_of_content(body.model_dump(mode="json"))


def hash_of_content(content: Mapping[str, Any]) -> str:
    """The same of a body as it is stored."""
    kept = {name: value for name, value in content.items() if name != "reason"}
    return hashlib.sha256(canonical(kept).encode()).hexdigest()
