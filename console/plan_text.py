"""A plan in plain words, for the terminal: what is unmet comes first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from console.words import level_word, number
from kentongan.plan import ROADS, Leg, PlannedTask, Proof
from kentongan.times import iso

if TYPE_CHECKING:
    from risk.evacuation.supplies import Supply


def first_line(tasks: Sequence[PlannedTask]) -> str:
    """`UNMET: 131,159 of 138,000 people …`: never hidden, also where it is zero."""
    unmet = sum(task.unmet_people for task in tasks)
    people = sum(task.people for task in tasks)
    alone = sum(1 for task in tasks if not task.teams)
    teams = len({team for task in tasks for team in task.teams})
    return (
        f"UNMET: {number(unmet)} of {number(people)} people; {number(alone)} of "
        f"{number(len(tasks))} villages without any team; {number(teams)} teams asked"
    )


def proof_line(proof: Proof | None) -> str:
    if proof is None:
        return "nothing is planned beside what teams hold already"
    left_out = f"; {number(proof.pairs_left_out)} far pairs not looked at" * bool(
        proof.pairs_left_out
    )
    if proof.optimal:
        return (
            f"optimum proven over {number(proof.pairs)} pairs in "
            f"{number(proof.components)} parts{left_out}"
        )
    return (
        f"NOT PROVEN, the time ran out: at most {number(proof.gap_people)} more people could be "
        f"helped{left_out}"
    )


def task_text(task: PlannedTask, village: str) -> str:
    """Who, how many, from where to where, by which way, until when."""
    head = f"{level_word(task.level)} {task.kind} {village} ({task.adm4_code}): "
    head += f"{number(task.people)} people, {number(task.unmet_people)} unmet"
    if task.deadline is not None:
        head += f", until {iso(task.deadline)}"
    if task.after:
        head += f", after {task.after}"
    lines = [head, *(f"  {_leg(leg, task)}" for leg in task.legs)]
    return "\n".join([*lines, *([f"  note: {task.note}"] if task.note else [])])


def _leg(leg: Leg, task: PlannedTask) -> str:
    who = _team(leg, task) if leg.team_id else "no team"
    if leg.shelter_id is None:
        return f"{who}: {number(leg.people)} people" if leg.people else who
    way = "over roads" if leg.way == ROADS else "straight line x detour"
    minutes = "?" if leg.way_min is None else number(leg.way_min)
    marks = f" [{', '.join(leg.marks)}]" if leg.marks else ""
    to = f"{leg.shelter or leg.shelter_id}{marks}, {minutes} min on foot ({way})"
    return f"{who}: {number(leg.people)} people to {to}"


def _team(leg: Leg, task: PlannedTask) -> str:
    said = [] if leg.members is None else [f"{leg.members} members"]
    said += list(leg.skills)
    said += [] if leg.phone else ["no telephone"]
    if leg.eta_min is not None:
        said.append(f"there in {number(leg.eta_min + task.mobilisation_min)} min")
    return f"{leg.team or leg.team_id} ({', '.join(said)})"


def supplies_text(supplies: Sequence[Supply]) -> str:
    """People and their minimum needs, a line for each shelter."""
    from console.columns import table

    if not supplies:
        return ""
    needs = [amount.need for amount in supplies[0].amounts]
    titles = (f"{n.name} ({n.unit})" if n.unit else n.name for n in needs)
    head = ("shelter", "people", "hall (m2)", *titles)
    rows = [
        (s.shelter, *map(number, (s.people, s.hall_m2, *(a.amount for a in s.amounts))))
        for s in supplies
    ]
    sources = [
        f"  {need.name}: {need.per_person:g} {need.unit} each, {need.every}"
        f"{'' if need.confirmed else ' (unconfirmed)'}: {need.source}"
        for need in needs
    ]
    return "\n".join([table(head, rows, right=range(1, len(head))), *sources])
