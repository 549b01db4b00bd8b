"""`kentongan accounts`: who may act, where, with which one-time code, and who is signed in."""

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
    from kentongan.accounts.sessions import Session

group = typer.Typer(help="People, roles, areas, codes, passwords, sessions.", no_args_is_help=True)

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


@group.command()
def password(
    account_id: Name,
    admin: Admin = "",
    code: Code = "",
    generate: Annotated[
        bool, typer.Option("--generate", help="Make one and show it, once, instead of asking.")
    ] = False,
) -> None:
    """Give a password for the web; whoever gets it from an admin must change it at first sign-in.
    Every session of the account ends."""
    from kentongan.accounts import leaving, passwords

    by = _required(admin, code)
    text = passwords.generated() if generate else _typed()
    with _office() as open_office:
        found = leaving.set_password(open_office, account_id, text, by=by, at=now())
    _told(found)
    print(f"its password, shown once: {text}" if generate else "its password is set")


@group.command()
def sessions(
    account_id: Annotated[str, typer.Argument(metavar="[NAME]", help="Of one account.")] = "",
    json: AsJson = False,
) -> None:
    """Who is signed in on the web, from where and since when."""
    from console.columns import table
    from kentongan.accounts.sessions import Limits, every, in_force

    settings = open_settings()
    with database(settings) as engine, engine.connect() as connection:
        found = [one for one in every(connection) if account_id in ("", one.account_id)]
    limits, at = Limits.of(settings), now()
    lines = [_line(one) for one in found if in_force(one, limits=limits, at=at)]
    if json:
        print_json({"sessions": lines})
    elif not lines:
        print("nobody is signed in")
    else:
        print(table(tuple(lines[0]), [tuple(line.values()) for line in lines]))


@group.command()
def revoke(account_id: Name, admin: Admin = "", code: Code = "") -> None:
    """End every session of an account."""
    from kentongan.accounts import leaving

    with _office() as open_office:
        by = _required(admin, code)
        ended = leaving.revoke_all(open_office, account_id, by=by, at=now())
    print(f"{account_id}: {ended} sessions ended")


@group.command()
def identity(
    account_id: Name,
    subject: Annotated[
        str, typer.Option("--subject", help="Its `sub` at the OpenID provider.")
    ] = "",
    email: Annotated[
        str, typer.Option("--email", help="Its verified address there; serves once.")
    ] = "",
    none: Annotated[bool, typer.Option("--none", help="The provider opens it no more.")] = False,
    admin: Admin = "",
    code: Code = "",
) -> None:
    """Say who this is at the OpenID provider (KENTONGAN_OIDC_ISSUER)."""
    from kentongan.accounts import identities
    from kentongan.accounts.identities import Kind

    if [bool(subject), bool(email), none].count(True) != 1:
        raise typer.BadParameter("expected one of --subject SUB, --email ADDRESS, --none")
    by, issuer = _required(admin, code), open_settings().oidc_issuer
    with _office() as open_office:
        if none:
            found = identities.untie(open_office, account_id, issuer=issuer, by=by, at=now())
        else:
            found = identities.tie(
                open_office, account_id, issuer=issuer,
                kind=Kind.SUBJECT if subject else Kind.EMAIL, value=subject or email, by=by,
                at=now(),
            )  # fmt: skip
    _told(found)


def _typed() -> str:
    text: str = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    return text


def _line(one: Session) -> dict[str, str]:
    return {
        "account": one.account_id,
        "session": one.session_hash[:12],
        "since": one.created_at,
        "last": one.seen_at,
        "by": one.via,
        "from": one.network,
        "browser": one.agent[:60],
    }


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
