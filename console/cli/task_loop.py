"""`kentongan tasks show | progress | say | duty`: what became of tasks, who answers for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, At, acting, database, now, open_settings, print_json

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

Actor = Annotated[str, typer.Option("--as", metavar="NAME", help="Your name, for the audit.")]
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="Its number, T482173.")]

duty = typer.Typer(help="Posts that are told when nobody answers.", no_args_is_help=True)


def add_to(group: typer.Typer) -> None:
    group.command()(show)
    group.command()(progress)
    group.command()(say)
    group.command()(assign)
    group.add_typer(duty, name="duty")


def show(task: TaskId, json: AsJson = False) -> None:
    """Every step of a task with its time, and whom silence reached."""
    from sqlalchemy import select

    from console.report import plain_time
    from kentongan.db import escalations
    from kentongan.times import parse_instant
    from notify.tasks.steps import steps_of
    from notify.tasks.steps import task as task_row

    with database(open_settings()) as engine, engine.connect() as connection:
        row = task_row(connection, _number(task))
        steps = steps_of(connection, row["task_id"])
        query = select(escalations).where(escalations.c.task_id == row["task_id"])
        climbed = list(connection.execute(query.order_by(escalations.c.id)).mappings())
    lines = sorted(
        [(step["at"], _step_line(step)) for step in steps]
        + [(rung["at"], f"escalation: {rung['what']} -> {rung['to_id'] or 'nobody'}")
           for rung in climbed],
    )  # fmt: skip
    if json:
        print_json({"task": _plain(row), "steps": [_plain(s) for s in steps],
                    "escalations": [_plain(r) for r in climbed]})  # fmt: skip
        return
    who = row["assigned_to"] or row["coordinator_id"] or "nobody"
    print(f"{row['task_id']}: {row['kind']} in {row['adm4_code']}, {row['people']} people, "
          f"{row['state']}, asked: {who}")  # fmt: skip
    for at, line in lines:
        print(f"  {plain_time(parse_instant(at))}  {line}")


def progress(
    warning: Annotated[str, typer.Argument(metavar="WARNING")],
    at: At = None,
    json: AsJson = False,
) -> None:
    """How far help has come in each village: what needs eyes first."""
    from dataclasses import asdict

    from notify.tasks.progress import Progress, counts, progress_of

    with database(open_settings()) as engine:
        found = progress_of(engine, warning, at or now())
    if json:
        print_json({"counts": counts(found), "villages": [asdict(one) for one in found.values()]})
        return
    said = ", ".join(f"{number} {word}" for word, number in counts(found).items() if number)
    print(said or "no task")
    order = list(Progress)
    for one in sorted(found.values(), key=lambda v: (order.index(v.progress), -v.people)):
        done = f", {one.people_done} brought to safety" if one.people_done else ""
        print(f"  {one.progress:9} {one.adm4_code}  {one.people} people{done}")


def say(
    task: TaskId,
    word: Annotated[
        str, typer.Argument(metavar="WORD", help="accept, decline, depart, arrive, finish, fail")
    ],
    actor: Actor,
    person: Annotated[
        str, typer.Option("--for", metavar="ID", help="Recipient who said so, by telephone.")
    ],
    people: Annotated[int | None, typer.Option(min=0, help="Brought to safety; of finish.")] = None,
    note: Annotated[str, typer.Option(help="In one line.")] = "",
) -> None:
    """Write down what somebody of Tagana said by telephone."""
    from kentongan import audit
    from kentongan.errors import RuleViolation
    from kentongan.task_life import TaskTrigger
    from kentongan.transactions import writing
    from notify.tasks.steps import Word, take

    said = ("accept", "decline", "depart", "arrive", "finish", "fail")
    if word not in said or not actor.strip():
        raise RuleViolation(f"task: expected --as and one of {', '.join(said)}, found {word!r}")
    at = now()
    trigger = TaskTrigger(word)
    takes = person if trigger is TaskTrigger.ACCEPT else None
    with acting(open_settings()) as engine, writing(engine) as connection:
        taken = take(connection, _number(task), Word(
            trigger, at, actor, "operator", f"operator/{actor}/{at.timestamp():.3f}"[:120],
            people=people, note=f"{person}: {note}".strip()[:300], assigned_to=takes,
        ))  # fmt: skip
        body = {"task_id": taken.task_id, "word": word, "for": person, "now": str(taken.now)}
        audit.append(connection, at=at, actor=actor, action="task.said", body=body)
    changed = "" if taken.changed else " (nothing changed)"
    print(f"{taken.task_id}: {taken.before} -> {taken.now}{changed}")


def assign(
    task: TaskId,
    person: Annotated[str, typer.Argument(metavar="ID", help="Of the registry, by duty.")],
    actor: Actor,
) -> None:
    """Ask somebody else for a task, at once; whoever had it is relieved."""
    from datetime import UTC, datetime

    from notify.tasks.assign import assign as give
    from orchestration.context import is_live, open_context
    from orchestration.routes import routes_of

    settings, at = open_settings(), now()
    if not actor.strip():
        raise typer.BadParameter("expected your name", param_hint="--as")
    with acting(settings), open_context(settings, live=is_live(at, datetime.now(UTC))) as context:
        routes = routes_of(context)
        taken = give(
            context.engine, _number(task), person, at=at, actor=actor,
            areas=context.layers.villages, routes=routes,
        )  # fmt: skip
    print(f"{taken.task_id}: {taken.now}, asked: {person}")


@duty.command("list")
def list_posts(json: AsJson = False) -> None:
    """Who holds which post."""
    from notify.tasks.duty import POSTS, holders

    with database(open_settings()) as engine, engine.connect() as connection:
        found = {post: holders(connection, post) for post in POSTS}
    if json:
        print_json(found)
        return
    for post, areas in found.items():
        for area, people in areas.items():
            print(f"{post:15} {area or 'nation':6} {', '.join(people)}")
        if not areas:
            print(f"{post:15} nobody: an escalation goes on to the next post")


@duty.command("add")
def add_post(
    recipient: Annotated[str, typer.Argument(metavar="ID", help="Of the registry, by duty.")],
    post: Annotated[str, typer.Argument(help="deputy, regency, bpbd, province or command-centre")],
    actor: Actor,
    area: Annotated[
        str, typer.Option(metavar="CODE", help="Any code within the regency or province.")
    ] = "",
    rank: Annotated[int, typer.Option(min=1, max=99, help="The lowest is asked first.")] = 1,
) -> None:
    """Give somebody a post."""
    from notify.tasks.duty import appoint, area_of

    _change(actor, "duty.add", recipient, post, area_of(post, area), rank=rank, act=appoint)


@duty.command("remove")
def remove_post(
    recipient: Annotated[str, typer.Argument(metavar="ID")],
    post: Annotated[str, typer.Argument()],
    actor: Actor,
    area: Annotated[str, typer.Option(metavar="CODE")] = "",
) -> None:
    """Take a post from somebody."""
    from notify.tasks.duty import area_of, dismiss

    _change(actor, "duty.remove", recipient, post, area_of(post, area), act=dismiss)


def _change(
    actor: str, action: str, person: str, post: str, area: str, *, act: Any, **more: Any
) -> None:
    from kentongan import audit
    from kentongan.errors import RuleViolation
    from kentongan.transactions import writing
    from notify.tasks.duty import area_of

    needs = len(area_of(post, "00.00"))
    if not actor.strip() or len(area) != needs:
        raise RuleViolation(f"post {post}: expected --as and an --area code of {needs} characters")
    with acting(open_settings()) as engine, writing(engine) as connection:
        done = act(connection, person, post, area, **more)
        body = {"recipient_id": person, "post": post, "area": area, **more}
        audit.append(connection, at=now(), actor=actor, action=action, body=body)
    print("nobody of that id held it" if done is False else f"{post} {area or 'nation'}: {person}")


def _number(text: str) -> str:
    from kentongan.errors import DataError
    from notify.tasks.ids import read_task_id

    found = read_task_id(text)
    if found is None:
        raise DataError(
            f"task {text!r}: expected a number like T482173 whose last digit fits; see `tasks list`"
        )
    return found


def _step_line(step: RowMapping) -> str:
    people = f", {step['people']} people" if step["people"] is not None else ""
    note = f": {step['note']}" if step["note"] else ""
    return f"{step['state']} by {step['actor']} ({step['via']}){people}{note}"


def _plain(row: RowMapping) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "id"}
