"""`kentongan audit`: the chain of what was decided, released and sent, and its signed heads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, database, open_settings, parse_at, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kentongan.audit.verify import Proof

Since = Annotated[
    datetime | None,
    typer.Option("--since", parser=parse_at, metavar="TIME", help="Only from then on."),
]

group = typer.Typer(help="The audit chain.", no_args_is_help=True)


@group.command()
def verify(
    key: Annotated[
        list[Path] | None,
        typer.Option("--key", help="PEM of a public key (or of an older one); default: ours."),
    ] = None,
    heads: Annotated[
        list[Path] | None,
        typer.Option("--heads", help="A log of heads from elsewhere; default: home/audit."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Walk the chain and its signed heads; status 1 names the first row that does not fit."""
    from kentongan.audit.heads import read_log
    from kentongan.audit.verify import verify as prove

    settings = open_settings()
    own = settings.home.resolve() / "audit" / "heads.log"
    logs = heads or ([own] if own.is_file() else [])
    kept = [head for log in logs for head in read_log(log)]
    with database(settings) as engine, engine.connect() as connection:
        proof = prove(connection, keys=_keys(key, settings), kept=kept)
    if json:
        print_json(_as_json(proof))
    else:
        print(_line(proof, len(kept)))
    raise typer.Exit(0 if proof.broken is None else 1)


def _keys(given: Sequence[Path] | None, settings: Any) -> list[Any]:
    from kentongan.audit.heads import audit_key, public_key

    if given:
        return [public_key(path) for path in given]
    return [audit_key(settings).public_key()]


def _as_json(proof: Proof) -> dict[str, Any]:
    broken = proof.broken
    return {
        "rows": proof.rows,
        "heads": proof.heads,
        "signed_up_to": proof.signed_up_to,
        "first_broken": broken.seq if broken else None,
        "what": broken.what if broken else "",
        "expected": broken.expected if broken else "",
        "found": broken.found if broken else "",
    }


def _line(proof: Proof, kept: int) -> str:
    if proof.broken is not None:
        return f"audit broken at {proof.broken}"
    return (
        f"audit chain holds: {proof.rows} rows, signed up to row {proof.signed_up_to} by "
        f"{proof.heads - kept} heads, {kept} more in logs"
    )


@group.command()
def show(
    since: Since = None,
    warning: Annotated[str, typer.Option("--warning", help="Only rows about this one.")] = "",
    json: AsJson = False,
) -> None:
    """Rows of the audit, the oldest first."""
    from sqlalchemy import select

    from kentongan.db import audit
    from kentongan.times import iso

    query = select(audit.c.seq, audit.c.at, audit.c.actor, audit.c.action, audit.c.body)
    if since is not None:
        query = query.where(audit.c.at >= iso(since))
    if warning:
        query = query.where(audit.c.body.contains(f'"{warning}"', autoescape=True))
    with database(open_settings()) as engine, engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(query.order_by(audit.c.seq)).mappings()]
    if json:
        print_json({"rows": rows})
        return
    for row in rows:
        print(f"{row['seq']:>6}  {row['at']}  {row['actor']}  {row['action']}  {row['body']}")


@group.command("key")
def key_(json: AsJson = False) -> None:
    """The public key that signs heads: give it to whoever checks them."""
    from kentongan.audit.heads import audit_key, public_pem, raw

    public = audit_key(open_settings()).public_key()
    if json:
        print_json({"key_id": raw(public), "pem": public_pem(public)})
    else:
        print(f"{public_pem(public)}{raw(public)}")
