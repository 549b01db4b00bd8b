"""`kentongan cap`: judge anybody's CAP document."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli.common import AsJson, print_json

group = typer.Typer(help="CAP 1.2 documents.", no_args_is_help=True)


@group.callback()
def _group() -> None:
    """Keeps `check` a sub-command while it is the only one."""


@group.command()
def check(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)],
    json: AsJson = False,
) -> None:
    """Check a file against the OASIS schema and the rules of its prose; status 1 on errors."""
    from dataclasses import asdict

    from notify.cap_rules import MAX_BYTES, errors_of
    from notify.cap_rules import check as judge

    with file.open("rb") as source:
        findings = judge(source.read(MAX_BYTES + 1))
    errors = errors_of(findings)
    if json:
        document = {"file": str(file), "valid": not errors}
        print_json({**document, "findings": [asdict(finding) for finding in findings]})
    else:
        for f in findings:
            print(f"{file}:{f.line or 0}: {f.severity}: {f.rule}: {f.message}")
        advice = len(findings) - len(errors)
        print(f"{file}: {len(errors)} errors, {advice} pieces of advice")
    raise typer.Exit(1 if errors else 0)
