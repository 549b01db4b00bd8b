"""Offices outside of Tagana, by regency: `data/policy/contacts.toml`."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kentongan.policy import load_policy
from kentongan.settings import data_dir

Adm2 = Annotated[str, StringConstraints(pattern=r"^\d{2}\.\d{2}$")]


class Contacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    author: str
    date: date
    bpbd: dict[Adm2, Annotated[str, Field(min_length=3, max_length=200)]] = {}
    """adm2_code -> how to reach the regency's disaster agency."""


@cache
def contacts() -> Contacts:
    """Of this deployment.

    Raises:
        SettingsError: an unknown key, or a code that names no regency.
    """
    return load_policy(data_dir() / "policy" / "contacts.toml", Contacts)
