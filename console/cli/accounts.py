"""`kentongan accounts`: who may act, where, and with which one-time code."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, acting, database, now, open_settings, print_json

if TYPE_CHECKING:
    from kentongan.accounts.office import Enrolled, Office
    from kentongan.accounts.registry import Account

group = typer.Typer(help="People, roles, areas and one-time codes.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the account, e.g. ani.")]
Admin = Annotated[str, typer.Option("--as", metavar="ADMIN", help="Your own account: an admin's.")]
Code = Annotated[str, typer.Option("--code", help="Six digits of your one-time code.")]
Areas = Annotated[
    list[str] | None,
    typer.Option("--area", help="Code of a province, regency …; repeatable. None: the nation."),
]
ROLES = "viewer, analyst, duty-officer, approver, coordinator, admin"
RoleName = Annotated[str, typer.Option("--role", help=f"One of {ROLES}.")]


@group.command()
def add(
    account_id: Name,
    role: RoleName,
    name: Annotated[str, typer.Option("--name", help="The person's name in full.")] = "",
    areas: Areas = None,
    admin: Admin = "",
    code: Code = "",
    json: AsJson = False,
) -> None:
    """Make an account and show its secret, once. The first account needs no --as."""
    from kentongan.accounts import office

    with _office() as open_office:
        made = office.add(
            open_office, account_id, name=name or account_id, role=_role(role),
            areas=areas or (), by=_by(admin, code), host=getpass.getuser(), at=now(),
        )  # fmt: skip
    _show(made, as_json=json)


@group.command("list")
def list_(json: AsJson = False) -> None:
    """Every account; never a secret."""
    from console.columns import table
    from kentongan.accounts.registry import every_account

    with database(open_settings()) as engine, engine.connect() as connection:
        found = every_account(connection)
    if json:
        print_json({"accounts": [_as_json(one) for one in found]})
    elif not found:
        print("no account yet; the first: kentongan accounts add NAME --role admin")
    else:
        head = ("account", "name", "role", "areas", "code", "disabled")
        print(table(head, [_cells(one) for one in found]))


@group.command()
def totp(
    account_id: Name,
    admin: Admin = "",
    code: Code = "",
    recover: Annotated[
        bool, typer.Option("--recover", help="For an admin whose phone is lost: from this machine.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Give a new secret and show it, once; the old one is worth nothing any more."""
    from kentongan.accounts import office

    by = None if recover else _required(admin, code)
    with _office() as open_office:
        made = office.new_code(
            open_office, account_id, by=by, host=getpass.getuser(), at=now()
        )  # fmt: skip
    _show(made, as_json=json)


@group.command()
def role(account_id: Name, role: RoleName, admin: Admin = "", code: Code = "") -> None:
    """Give another role."""
    from kentongan.accounts import office

    with _office() as open_office:
        by = _required(admin, code)
        _told(office.set_role(open_office, account_id, _role(role), by=by, at=now()))


@group.command()
def areas(account_id: Name, areas: Areas = None, admin: Admin = "", code: Code = "") -> None:
    """Give other areas; without --area: the nation."""
    from kentongan.accounts import office

    with _office() as open_office:
        by = _required(admin, code)
        _told(office.set_areas(open_office, account_id, areas or (), by=by, at=now()))


@group.command()
def disable(account_id: Name, admin: Admin = "", code: Code = "") -> None:
    """Take an account out of use for good."""
    from kentongan.accounts import office

    with _office() as open_office:
        by = _required(admin, code)
        _told(office.disable(open_office, account_id, by=by, at=now()))


@contextmanager
def _office() -> Iterator[Office]:
    from kentongan.accounts.office import Office
    from kentongan.sealing import secrets_key

    settings = open_settings()
    with acting(settings) as engine:
        yield Office(engine, secrets_key(settings))


def _role(text: str) -> Any:
    from kentongan.accounts import Role

    try:
        return Role(text)
    except ValueError:
        raise typer.BadParameter(f"--role {text!r}: expected one of {ROLES}") from None


def _by(name: str, code: str) -> Any:
    from kentongan.accounts import Actor

    return Actor(name, code.replace(" ", "")) if name else None


def _required(name: str, code: str) -> Any:
    if not name:
        raise typer.BadParameter("say which admin you are: --as NAME --code 123456")
    return _by(name, code)


def _show(made: Enrolled, *, as_json: bool) -> None:
    if as_json:
        print_json({**_as_json(made.account), "otpauth": made.uri})
        return
    _told(made.account)
    print("its secret, shown once; put it into an authenticator app:")
    print(made.uri)


def _told(one: Account) -> None:
    where = ", ".join(one.areas) or "the nation"
    state = f"disabled on {one.disabled_at}" if one.disabled_at else f"{one.role} for {where}"
    print(f"{one.account_id} ({one.name}): {state}")


def _as_json(one: Account) -> dict[str, Any]:
    return {
        "account": one.account_id,
        "name": one.name,
        "role": str(one.role),
        "areas": list(one.areas),
        "has_code": one.totp_secret is not None,
        "created_at": one.created_at,
        "disabled_at": one.disabled_at,
    }


def _cells(one: Account) -> tuple[str, ...]:
    return (
        one.account_id,
        one.name,
        str(one.role),
        ", ".join(one.areas) or "nation",
        "yes" if one.totp_secret else "no",
        one.disabled_at or "-",
    )
