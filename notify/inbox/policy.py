"""Limits of the inbox: `data/policy/inbox.toml`."""

from __future__ import annotations

from datetime import date
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from kentongan.policy import load_policy
from kentongan.settings import data_dir


class InboxPolicy(BaseModel):
    """What is above a limit is kept and handled, but gets no answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str = ""
    date: date
    sender_messages: int = Field(ge=1)
    """Of one number within `sender_minutes`."""
    duty_messages: int = Field(default=1, ge=1)
    """The same, of a number of somebody on duty; never fewer than of others."""
    sender_minutes: int = Field(ge=1)
    all_messages_per_minute: int = Field(ge=1)
    answer_hours: int = Field(ge=1, le=24)
    """The firewall refuses older ones whatever stands here."""

    @property
    def most_of_one(self) -> int:
        """Above it nobody is answered."""
        return max(self.sender_messages, self.duty_messages)


@cache
def inbox_policy() -> InboxPolicy:
    """The bundled policy, read once a process."""
    return load_inbox_policy()


def load_inbox_policy() -> InboxPolicy:
    """The bundled policy.

    Raises:
        SettingsError: it cannot be read.
    """
    return load_policy(data_dir() / "policy" / "inbox.toml", InboxPolicy)
