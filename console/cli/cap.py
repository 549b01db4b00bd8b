"""`kentongan cap`: judge anybody's CAP documents, make and check signatures, publish feeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, At, database, now, open_settings, print_json, say

group = typer.Typer(help="CAP 1.2 documents.", no_args_is_help=True)

Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE…", help="Files, folders (their CAP documents), or - for stdin."),
]


@group.command()
def check(
    files: Files,
    thread: Annotated[
        bool, typer.Option("--thread", help="Also judge how the documents refer to each other.")
    ] = False,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Judge documents by the schema and the rules of CAP 1.2 (`kentongan cap rules`).

    Status 0: all are valid; 1: some has an error; 2: some could not be read.
    """
    from console.cap_judging import as_document, judge, report, unread

    judged = judge(files, thread=thread, at=at)
    if json:
        print_json(as_document(judged))
    elif judged.findings:
        print(report(judged))
    for line in unread(judged):
        say(line)
    raise typer.Exit(judged.status)


@group.command()
def rules(json: AsJson = False) -> None:
    """Every rule by its id, with its source."""
    from dataclasses import asdict

    from console.columns import table
    from notify.cap.rules import RULES

    if json:
        print_json({"rules": [asdict(rule) for rule in RULES.values()]})
        return
    words = {"error": "error", "warning": "advice"}
    lines = [(rule.id, words[rule.severity], rule.source, rule.says) for rule in RULES.values()]
    print(table(("rule", "weight", "source", "what it asks"), lines))


@group.command()
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A document, or - for stdin.")],
    certificate: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="PEM file of the sender, pinned.")
    ],
    at: At = None,
    json: AsJson = False,
) -> None:
    """Check a signature against a certificate that you got by another way; status 1: it fails.

    The certificate inside a document proves nothing: everybody can make one.
    """
    from console.cap_judging import read_document
    from kentongan.errors import DataError, RuleViolation
    from kentongan.store import sha256_hex
    from notify.cap.signature import verify as verified

    try:
        found = verified(read_document(file), certificate.read_bytes(), at=at or now())
    except (RuleViolation, DataError) as error:
        if json:
            print_json({"file": file, "verified": False, "reason": str(error)})
        else:
            print(f"{file}: NOT VERIFIED: {error}")
        raise typer.Exit(1) from error
    document = {"file": file, "verified": True, "subject": found.subject}
    document |= {"certificate": found.fingerprint, "signed_sha256": sha256_hex(found.signed)}
    if json:
        print_json(document)
    else:
        print(f"{file}: verified, signed by {found.subject}")
        print(f"  certificate SHA-256 {found.fingerprint}")


@group.command()
def keygen(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made if it is not there.")],
    name: Annotated[
        str, typer.Option(help="Common name in the certificate: who signs.")
    ] = "Kentongan trial",
    at: At = None,
) -> None:
    """Make a key that signs CAP, and its self-signed certificate for readers to pin."""
    from notify.cap.signature import CERTIFICATE_FILE, KEY_FILE, make_key

    signer = make_key(folder, name=name, at=at or now())
    own = signer.certificates[0]
    print(f"KENTONGAN_CAP_KEY={(folder / KEY_FILE).resolve()}")
    print(f"KENTONGAN_CAP_CERTIFICATE={(folder / CERTIFICATE_FILE).resolve()}")
    print(f"valid until {own.not_valid_after_utc:%Y-%m-%d}; give the certificate to readers")


@group.command()
def publish(at: At = None, json: AsJson = False) -> None:
    """Make the public folders anew from the database: alert files, Atom, RSS, index.

    Each cycle keeps them up to date; this looks at every alert ever released, byte for byte.
    Status 1: some alert is not public as it was released.
    """
    from dataclasses import asdict

    from kentongan.store import Store
    from notify.cap.public import refresh

    settings = open_settings()
    store = Store(str(settings.home.resolve()))
    with database(settings) as engine:
        done = refresh(
            engine, store, at=at or now(), mode=settings.mode, whole=True,
            public_url=settings.public_url,
        )  # fmt: skip
    if json:
        print_json(asdict(done))
    else:
        for folder, count in done.in_force.items():
            print(f"{store.uri(folder)}: {count} alerts in force")
        print(f"{len(done.written)} files written")
        for trouble in done.troubles:
            print(f"TROUBLE {trouble}")
    raise typer.Exit(1 if done.troubles else 0)
