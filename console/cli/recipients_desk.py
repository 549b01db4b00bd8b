"""What the commands of `kentongan recipients` share: options, the desk, how people are shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import acting, database, now, open_settings, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Engine

    from kentongan.accounts import Act
    from kentongan.sealing import Keys
    from kentongan.settings import Settings
    from notify.registry.people import Role
    from notify.registry.places import Places

Who = Annotated[str, typer.Argument(metavar="ID|NUMBER", help="As 'recipients list' prints it.")]
As = Annotated[str, typer.Option("--as", metavar="NAME", help="Your account's name.")]
Code = Annotated[str, typer.Option("--code", help="Six digits of your one-time code.")]
RoleName = Annotated[
    str, typer.Option("--role", help="resident (by consent), coordinator or official (by duty).")
]
Text = Annotated[
    str,
    typer.Option(
        "--consent-text", metavar="VERSION",
        help="Text that the residents agreed to: 'recipients consent-texts'. By duty: the list or "
        "decree that names the people.",
    ),
]  # fmt: skip
Language = Annotated[str, typer.Option("--language", help="Of the messages: id, en, jv, su.")]
Area = Annotated[str, typer.Argument(metavar="[AREA]", help="Code of any level.")]


@dataclass(frozen=True)
class Desk:
    """What an act needs."""

    settings: Settings
    engine: Engine
    keys: Keys
    at: datetime

    def admitted(self, name: str, code: str, act: Act, areas: Sequence[str] = ()) -> str:
        """The name for the audit.

        Raises:
            RuleViolation: see `kentongan.accounts.admit`.
        """
        from kentongan.accounts import Actor
        from kentongan.policy import ReleasePolicy, load_policy
        from orchestration.by_hand import identify

        policy = load_policy(self.settings.resolved_policy, ReleasePolicy)
        actor = Actor(name, code.replace(" ", ""))
        return identify(
            self.engine, self.settings, policy, actor, act, at=self.at, areas=areas
        )  # fmt: skip


@contextmanager
def desk(*, reading: bool = False) -> Iterator[Desk]:
    """The registry of these settings; after an act the audit's new head is signed."""
    from kentongan.sealing import secrets_key

    settings = open_settings()
    with (database if reading else acting)(settings) as engine:
        yield Desk(settings, engine, secrets_key(settings), now())


def registry_act() -> Act:
    from kentongan.accounts import Act

    return Act.REGISTRY


def role_of(text: str) -> Role:
    from notify.registry.people import Role

    try:
        return Role(text)
    except ValueError:
        known = ", ".join(Role)
        raise typer.BadParameter(f"--role {text!r}: expected one of {known}") from None


def text_of(version: str, role: Role) -> str:
    """What stands in the record of consent.

    Raises:
        RuleViolation: no consent text of that version.
    """
    from notify.registry.people import Role
    from notify.registry.policy import consent_text

    if role is Role.RESIDENT:
        return consent_text(version).version
    if not version or len(version) > 40:
        raise typer.BadParameter("by duty, name the list or decree in --consent-text (40 signs)")
    return version


def places_of(settings: Settings) -> Places:
    from notify.registry.places import Places
    from risk.layers.layerset import load_layers

    return Places.of(load_layers(settings.layers).villages)


def require_area(area: str) -> None:
    from kentongan.codes import adm_level
    from kentongan.errors import DataError

    try:
        adm_level(area or "32")
    except DataError as error:
        raise typer.BadParameter(str(error)) from error


def say_done(document: dict[str, Any], as_json: bool, line: str) -> None:
    if as_json:
        print_json(document)
    else:
        print(line)


def document(one: Any) -> dict[str, Any]:
    found = one.registered
    return {
        "recipient_id": found.recipient_id,
        "number": one.number,
        "role": found.role,
        "adm4_code": found.adm4_code,
        "language": found.language,
        "active": found.active,
        "since": found.created_at,
    }


def state(one: Any) -> str:
    return "active" if one.registered.active else "stopped"


def cells(one: Any) -> tuple[str, ...]:
    found = one.registered
    return (
        found.recipient_id, one.number or "-", found.role, found.adm4_code, found.language,
        found.created_at or "-", state(one),
    )  # fmt: skip
