"""`kentongan reports`: what residents tell us, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, now, open_settings, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from notify.reports.listing import CaseLine

group = typer.Typer(help="Reports of residents; numbers are masked.", no_args_is_help=True)

Case = Annotated[str, typer.Argument(metavar="CASE", help="Its number, K7F3AC.")]
By = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most.")]


@group.command("list")
def list_(
    state: Annotated[
        str | None,
        typer.Option("--state", help="open, taken, closed, overdue or noise; default: alive."),
    ] = None,
    unit: Annotated[str | None, typer.Option("--unit", help="Of this unit's code only.")] = None,
    limit: Limit = 50,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="As CSV, harmless in spreadsheets.")
    ] = False,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Cases that are alive, the most urgent first; what has to be handed over to 112/BPBD."""
    from dataclasses import asdict

    from notify.reports import listing
    from orchestration.context import open_context
    from orchestration.hearing import report_desk

    if state is not None and state not in listing.STATES:
        raise typer.BadParameter(f"--state: expected one of {', '.join(listing.STATES)}")
    instant = at or now()
    with open_context(open_settings(), live=False, reading=True) as context:
        desk = report_desk(context)
        with context.engine.connect() as connection:
            waiting = listing.counts(connection, instant)
            if state == "noise":
                _print_noise(listing.noise(connection, limit=limit), as_json=json)
                return
            found = listing.case_lines(
                connection, desk.gazette(), desk.rules, instant, state=state, unit=unit,
                limit=limit,
            )  # fmt: skip
    if json:
        print_json({"counts": waiting, "cases": [asdict(line) for line in found]})
    elif as_csv:
        print(listing.as_csv(found), end="")
    else:
        print(_table(found) if found else "No case.")
        print(", ".join(f"{name}: {number}" for name, number in waiting.items()))


@group.command()
def overdue(at: At = None, json: AsJson = False) -> None:
    """Cases that nobody took in time."""
    list_(state="overdue", at=at, json=json)


@group.command()
def show(case: Case, at: At = None, json: AsJson = False) -> None:
    """One case: its steps, its reports, and which words and places decided."""
    from kentongan.sealing import secrets_key
    from notify.reports import listing
    from orchestration.context import open_context
    from orchestration.hearing import report_desk

    settings = open_settings()
    with open_context(settings, live=False, reading=True) as context:
        desk = report_desk(context)
        with context.engine.connect() as connection:
            found = listing.document(
                connection, secrets_key(settings), desk.gazette(), desk.rules, case.upper(),
                at or now(),
            )  # fmt: skip
    if json:
        print_json(found)
        return
    print("\n".join(_case_lines(found)))


@group.command()
def take(case: Case, by: By) -> None:
    """Somebody works on it from now on."""
    from notify.reports import acts

    _act(lambda connection, _context, at: acts.take(connection, case.upper(), by=by, at=at))
    print(f"{case.upper()}: taken by {by}")


@group.command()
def route(
    case: Case,
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="Code, as in routing.toml.")],
    by: By,
) -> None:
    """Give a case to another unit; its time begins anew."""
    from notify.reports import acts
    from notify.reports.routing import routing

    def act(connection: Any, _context: Any, at: Any) -> None:
        acts.route(connection, case.upper(), unit, rules=routing(), by=by, at=at)

    _act(act)
    print(f"{case.upper()}: with {unit}")


@group.command()
def close(
    case: Case,
    verdict: Annotated[str, typer.Argument(help="useful, prank or other.")],
    by: By,
    note: Annotated[
        str, typer.Option("--note", help="What was done; reporters read its first 60 characters.")
    ] = "",
) -> None:
    """Close a case and tell who reported it; the callers' reputation learns from the verdict."""
    from kentongan.sealing import secrets_key
    from notify.reports import acts
    from orchestration.hearing import ways_of

    if verdict not in set(acts.Verdict):
        raise typer.BadParameter(f"VERDICT: expected one of {', '.join(acts.Verdict)}")

    def act(connection: Any, context: Any, at: Any) -> acts.Told:
        return acts.close(
            connection, secrets_key(context.settings), case.upper(), acts.Verdict(verdict), note,
            by=by, at=at, ways=ways_of(context),
        )  # fmt: skip

    told = _act(act)
    print(f"{case.upper()}: closed as {verdict}; {told.line}")


@group.command()
def add(
    text: Annotated[str, typer.Argument(help="What the caller says, in one line.")],
    by: By,
    place: Annotated[str, typer.Option("--place", help="As the caller says it.")] = "",
    number: Annotated[str, typer.Option("--from", help="Number of the caller.")] = "",
    category: Annotated[str, typer.Option("--category", help="Where the words leave doubt.")] = "",
    json: AsJson = False,
) -> None:
    """Enter a call: read, routed and joined like any other report."""
    from kentongan.sealing import secrets_key
    from notify.reports.intake import Form, Refusal, from_voice
    from notify.reports.kinds import Category
    from orchestration.context import open_context
    from orchestration.hearing import report_desk

    if category and category not in set(Category):
        raise typer.BadParameter(f"--category: expected one of {', '.join(Category)}")
    settings, at = open_settings(), now()
    with open_context(settings, live=True) as context:
        found = from_voice(
            context.engine, secrets_key(settings), report_desk(context),
            Form(text, place, number, category), operator=by, at=at,
        )  # fmt: skip
    if isinstance(found, Refusal):
        raise typer.BadParameter(f"not taken: {found}")
    taken = found.taken
    if json:
        print_json({"report": found.report_id, "case": taken.case_id if taken else None})
    elif taken is None:
        print("kept, and could not be read: kentongan inbox list --state failed")
    else:
        print(f"case {taken.case_id}: {taken.category}, urgency {taken.urgency}, {taken.state}")


def _act(act: Any) -> Any:
    """One act in one transaction; then the audit's new head is signed."""
    from console.cli.common import say
    from kentongan.audit.heads import sign_and_keep
    from kentongan.transactions import writing
    from orchestration.context import open_context

    at = now()
    with open_context(open_settings(), live=True) as context:
        with writing(context.engine) as connection:
            done = act(connection, context, at)
        for trouble in sign_and_keep(context.engine, context.settings, at):
            say(f"audit: {trouble}")
    return done


def _table(found: Sequence[CaseLine]) -> str:
    from console import words
    from console.columns import table
    from console.report import plain_time
    from kentongan.times import parse_instant

    head = ("case", "urgency", "what", "unit", "place", "state", "since", "reports", "prank",
            "warning", "text")  # fmt: skip
    rows = [
        (
            line.case_id,
            f"{line.urgency}{' CALL 112/BPBD' if line.handover and line.urgency == 3 else ''}",
            line.category,
            line.unit,
            line.place or "NOT KNOWN",
            f"{line.state}{' LATE' if line.late else ''}",
            plain_time(parse_instant(line.opened_at)),
            line.reports,
            f"{line.prank:.1f}",
            f"{line.stance} {line.warning_id}".strip() or "-",
            words.shortened(line.text, 50),
        )
        for line in found
    ]
    return table(head, rows, right=(7, 8))


def _print_noise(found: list[dict[str, Any]], *, as_json: bool) -> None:
    from console import words

    if as_json:
        print_json({"noise": found})
        return
    for one in found:
        print(f"{one['received_at']}  {one['prank']:.1f}  {words.shortened(one['text'], 70)}")
    print(f"{len(found)} reports opened no case")


def _case_lines(found: dict[str, Any]) -> list[str]:
    from console import words

    place = found["place"] or "place NOT KNOWN"
    lines = [
        f"{found['case_id']}: {found['category']}, urgency {found['urgency']}, {place}, "
        f"{found['unit']}, {found['state']}, take it until {found['due_at'][:16]}Z",
    ]
    if found["stance"]:
        lines.append(f"  {found['stance']} {found['warning_id']}; it changes no level")
    lines += [
        f"  {s['at'][:19]}Z  {s['act']} by {s['actor']}{': ' + s['note'] if s['note'] else ''}"
        for s in found["steps"]
    ]
    for one in found["told"]:
        who = f" from {one['from']}" if one["from"] else ""
        lines.append(
            f"  {one['received_at'][:19]}Z  {one['via']}{who} [{one['language'] or '?'}] "
            f"{words.shortened(one['text'], 120)}"
        )
        why = one["reasons"]
        said = (*why.get("category", [])[:5], *why.get("place", []), *why.get("prank", []))
        lines += [f"      {words.shortened(reason, 140)}" for reason in said]
    return lines
