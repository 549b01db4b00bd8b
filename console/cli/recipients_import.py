"""`kentongan recipients import`: read, judge, write, and say what became of each line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from console.cli.common import print_json, say

if TYPE_CHECKING:
    from console.cli.recipients_desk import Desk
    from notify.registry.importing import Imported
    from notify.registry.people import Role
    from notify.registry.phone_book import PhoneBook

_SHOWN = 10


def run_import(
    desk: Desk,
    file: Path,
    *,
    role: Role,
    text_version: str,
    language: str,
    by: str,
    code: str,
    dry: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Raises:
    DataError: the file cannot be read as a phone book.
    RuleViolation: who it is, or a line outside of their area: then nothing is imported.
    """
    from console.cli.recipients_desk import places_of, registry_act
    from notify.registry.importing import import_book
    from notify.registry.phone_book import Reading, read
    from notify.registry.policy import registry_policy

    started = time.monotonic()
    rules = registry_policy().imports
    data = _bytes(file, rules.max_bytes)
    villages = places_of(desk.settings).by_code
    book = read(data, desk.keys, Reading(rules, villages, role, text_version, language))
    areas = sorted({entry.prepared.person.adm4_code for entry in book.entries})
    actor = desk.admitted(by, code, registry_act(), areas)
    found = import_book(
        desk.engine, book, data, desk.keys, role=role, at=desk.at, actor=actor, dry=dry
    )
    took = time.monotonic() - started
    written = _write_report(found, report or file.with_name(f"{file.name}.refused.csv"), dry=dry)
    if as_json:
        print_json(_document(book, found, written, dry))
    else:
        print(_summary(book, found, written, took, dry))


def _bytes(file: Path, most: int) -> bytes:
    """Never more than is allowed, and one more to tell."""
    with file.open("rb") as stream:
        return stream.read(most + 1)


def _write_report(found: Imported, path: Path, *, dry: bool) -> Path | None:
    from notify.registry.importing import as_csv

    if not found.bad:
        return None
    path.write_text(as_csv(found.bad), encoding="utf-8", newline="\n")
    if not dry:
        say(f"lines that were not taken: {path}")
    return path


def _document(book: PhoneBook, found: Imported, written: Path | None, dry: bool) -> dict[str, Any]:
    return {
        "dry_run": dry,
        "lines": book.lines,
        "encoding": book.encoding,
        "columns_not_kept": list(book.not_kept),
        "outcomes": {str(outcome): count for outcome, count in found.counts.items()},
        "refused": len(found.bad),
        "report": str(written) if written else None,
    }


def _summary(book: PhoneBook, found: Imported, written: Path | None, took: float, dry: bool) -> str:
    from notify.registry.importing import most_common
    from notify.registry.office import outcomes_in_words

    head = "dry run, nothing was written: " if dry else ""
    lines = [
        f"{head}{book.lines:,} lines ({book.encoding}) in {took:.1f} s: "
        f"{outcomes_in_words(found.counts)}; {len(found.bad):,} refused"
    ]
    if book.not_kept:
        lines.append(f"columns that are not kept: {', '.join(_plain(book.not_kept))}")
    reasons = most_common(found.bad, _SHOWN)
    lines += [f"  {count:>8,}  {reason}" for reason, count in reasons]
    if found.bad:
        first = found.bad[0]
        lines.append(f"first: line {first.line}: {first.shown or '-'}: {first.reason}")
    if written is not None:
        lines.append(f"all of them: {written}")
    return "\n".join(lines)


def _plain(names: tuple[str, ...]) -> list[str]:
    return ["".join(c if c.isprintable() else "?" for c in name) for name in names]
