"""Limits and retention of the registry (`data/policy/registry.toml`), texts of consent
(`data/policy/consent.toml`)."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from kentongan.errors import RuleViolation
from kentongan.policy import load_policy
from kentongan.settings import data_dir

Count = Annotated[int, Field(ge=1)]
Version = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{2,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImportRules(_Strict):
    max_lines: Count
    max_bytes: Count
    max_line_chars: Count


class SmsRules(_Strict):
    answers_per_hour: Count
    answers_per_day: Count
    asked_minutes: Count


class WebRules(_Strict):
    per_address_per_hour: Count
    per_number_per_day: Count
    all_per_hour: Count
    pending_days: Count


class RetentionRules(_Strict):
    stopped_days: Count
    inbound_text_days: Count
    limits_days: Annotated[int, Field(ge=2)]
    """Below two days a limit of a day would be forgotten before it ends."""


class PushRules(_Strict):
    hosts: tuple[str, ...]
    per_address_per_hour: Count
    all_per_hour: Count


class RegistryPolicy(_Strict):
    author: str
    date: date
    imports: ImportRules
    sms: SmsRules
    web: WebRules
    retention: RetentionRules
    push: PushRules


class ConsentText(_Strict):
    version: Version
    channel: Literal["sms", "webpush"]
    language: str
    in_use: bool
    """Whether people may still agree to it."""
    confirmed: bool
    """Whether the ministry has approved the wording."""
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=40)]


class ConsentTexts(_Strict):
    author: str
    date: date
    text: tuple[ConsentText, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_version_once(self) -> ConsentTexts:
        versions = [one.version for one in self.text]
        if len(set(versions)) != len(versions):
            raise ValueError("two texts of one version: what people agreed to would be unclear")
        return self


@cache
def registry_policy() -> RegistryPolicy:
    """Of this deployment.

    Raises:
        SettingsError: unreadable, an unknown or a missing key.
    """
    return load_policy(data_dir() / "policy" / "registry.toml", RegistryPolicy)


@cache
def consent_texts() -> tuple[ConsentText, ...]:
    """Every version, those no longer in use too.

    Raises:
        SettingsError: unreadable, or two texts of one version.
    """
    return load_policy(data_dir() / "policy" / "consent.toml", ConsentTexts).text


def consent_text(version: str, channel: str = "sms") -> ConsentText:
    """The text of a version that people may agree to for a channel.

    Raises:
        RuleViolation: there is none, or it is out of use.
    """
    found = {one.version: one for one in _in_use(channel)}
    if version not in found:
        known = ", ".join(sorted(found))
        raise RuleViolation(
            f"consent text {version!r}: expected one of {known} (data/policy/consent.toml)"
        )
    return found[version]


def default_text(language: str = "id", channel: str = "sms") -> ConsentText:
    """The newest text for a channel in a language, else the first one, which is Indonesian.

    Raises:
        RuleViolation: no text is in use: nobody can agree to anything.
    """
    found = _in_use(channel)
    if not found:
        raise RuleViolation(f"no consent text for {channel} is in use (data/policy/consent.toml)")
    spoken = [one for one in found if one.language == language]
    return spoken[-1] if spoken else found[0]


def _in_use(channel: str) -> list[ConsentText]:
    return [one for one in consent_texts() if one.in_use and one.channel == channel]
