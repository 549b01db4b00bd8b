"""A sign-up on the web: kept until the phone itself says yes, so that nobody signs up another.

The person gets a code on the page and sends it by SMS from that phone. No SMS goes out to a number
that a stranger typed: it would cost money, and annoy whoever has the number.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine

from kentongan.errors import RuleViolation
from kentongan.sealing import Keys, blind
from kentongan.transactions import writing
from notify.registry import waiting
from notify.registry.addresses import blind_address, require_index
from notify.registry.limits import Per, counted
from notify.registry.numbers import Fault, Refused, mobile_number
from notify.registry.places import Places
from notify.registry.policy import consent_text, registry_policy
from notify.wording.language import CODES


class Trouble(StrEnum):
    """Why a form is not taken."""

    PLACE = "place"
    CONSENT = "consent"
    TOO_OFTEN = "too often"


@dataclass(frozen=True, slots=True)
class Form:
    """What came from a browser; hostile."""

    area: str
    number: str
    agreed: bool
    text_version: str
    language: str
    trap: str
    """A field that people do not see: whoever fills it is a program."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A sign-up that waits for its phone."""

    number: str
    """E.164."""
    code: str
    adm4_code: str


def sign_up(
    engine: Engine, keys: Keys, form: Form, *, address: str, places: Places, at: datetime
) -> Kept | Trouble | Fault:
    """Keep what a form says, or say why not.

    The answer is the same for numbers that are registered, that stopped, and that nobody knows:
    the page tells a stranger nothing about anybody.

    Args:
        address: IP address of the browser.
    """
    found = _checked(form, places)
    if isinstance(found, (Trouble, Fault)):  # texts too: no test for `str` tells them apart
        return found
    with writing(engine) as connection:
        who = blind_address(keys, found)
        if not _may(connection, keys, who, address, at):
            return Trouble.TOO_OFTEN
        require_index(connection, keys)
        if form.trap:
            return Kept(found, "000000", form.area)
        code = waiting.keep(
            connection, keys, found, who, adm4_code=form.area, language=form.language,
            text_version=form.text_version, at=at, days=registry_policy().web.pending_days,
        )  # fmt: skip
    return Kept(found, code, form.area)


def _checked(form: Form, places: Places) -> str | Trouble | Fault:
    """The number in one spelling, or what is wrong."""
    if places.place(form.area) is None or form.language not in CODES:
        return Trouble.PLACE
    number = mobile_number(form.number)
    if isinstance(number, Refused):
        return number.fault
    try:
        consent_text(form.text_version)
    except RuleViolation:
        return Trouble.CONSENT
    return number if form.agreed else Trouble.CONSENT


def _may(connection: Connection, keys: Keys, who: str, address: str, at: datetime) -> bool:
    rules = registry_policy().web
    network = blind(keys, network_of(address), purpose="address")
    return (
        counted(connection, "web-all", "all", Per.HOUR, at) <= rules.all_per_hour
        and counted(connection, "web-address", network, Per.HOUR, at) <= rules.per_address_per_hour
        and counted(connection, "web-number", who, Per.DAY, at) <= rules.per_number_per_day
    )


def network_of(address: str) -> str:
    """Who shares one limit: an IPv4 address, the /64 of an IPv6 one, else all together."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
