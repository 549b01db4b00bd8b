"""What people do: a text from a telephone, or a look at the page of their tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Way(StrEnum):
    SMS = "sms"
    PAGE = "page"


@dataclass(frozen=True, slots=True, order=True)
class Act:
    """Acts of one moment are done in the order of their keys."""

    at: datetime
    key: str
    """Unique in a night: person, what it is about, what it is."""
    since: datetime
    """When they made up their mind: a stop after it takes the act away."""
    person: str
    way: Way
    number: str = ""
    """From which a text is sent."""
    text: str = ""
    task: str = ""
    """That it is about, as the person knows it."""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """From now on the person does nothing more about a task."""

    person: str
    task: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Reaction:
    acts: tuple[Act, ...] = ()
    stops: tuple[Stop, ...] = ()
