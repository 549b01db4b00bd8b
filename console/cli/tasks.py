"""`kentongan tasks`: what Tagana is asked to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.cli import task_files, task_loop
from console.cli.common import AsJson, At, now, open_settings, print_json

if TYPE_CHECKING:
    from kentongan.view import TaskLine

group = typer.Typer(help="Tasks for Tagana.", no_args_is_help=True)


task_loop.add_to(group)
task_files.add_to(group)


@group.callback()
def _group() -> None:
    """A group also where it has one sub-command."""


@group.command("list")
def list_(
    coordinator: Annotated[
        str | None, typer.Option(metavar="ID", help="Of this coordinator only.")
    ] = None,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Tasks of the warnings that are open, the most urgent first."""
    from console.columns import table
    from console.warning_lines import jsonable, open_warnings
    from kentongan.times import iso
    from orchestration.context import open_context
    from orchestration.view import task_lines

    with open_context(open_settings(), live=False, reading=True) as context:
        held = [w.warning_id for w in open_warnings(context.engine)]
        tasks = [t for t in task_lines(context, held) if coordinator in (None, t.coordinator_id)]
    if json:
        print_json({"at": iso(at or now()), "tasks": [jsonable(task) for task in tasks]})
    elif not tasks:
        print("no task")
    else:
        head = ("level", "kind", "village", "people", "unmet", "team", "minutes", "after", "task")
        print(table(head, [_cells(task) for task in tasks], right=(3, 4, 6)))


@group.command()
def plan(
    warning: Annotated[str, typer.Argument(metavar="WARNING", help="A warning in force.")],
    anew: Annotated[
        bool,
        typer.Option("--anew", help="As if planned now, moving least of what teams hold already."),
    ] = False,
    needs: Annotated[
        bool, typer.Option("--needs", help="Also the minimum needs of each shelter.")
    ] = False,
    at: At = None,
    json: AsJson = False,
) -> None:
    """Who helps whom, from where to where, until when. What is unmet comes first.

    Nothing is stored. Volunteers are asked, never ordered.
    """
    from console.plan_view import plan_document, plan_lines, plan_of
    from orchestration.context import open_context

    with open_context(open_settings(), live=False, reading=True) as context:
        found = plan_of(context, warning, at or now(), anew=anew)
        if json:
            print_json(plan_document(found))
        else:
            print("\n".join(plan_lines(found, context.layers.names, needs=needs)))


def _cells(task: TaskLine) -> tuple[str, ...]:
    from console import words

    return (
        words.level_word(task.level),
        task.kind,
        f"{task.village}, {task.district} ({task.adm4_code})",
        words.number(task.people),
        words.number(task.unmet_people),
        task.team or "NO TEAM",
        "-" if task.eta_min is None else words.number(task.eta_min),
        task.after,
        task.task_id,
    )
