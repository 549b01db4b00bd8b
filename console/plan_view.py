"""What `kentongan tasks plan` shows: the plan of a warning in force, and what moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.plan_text import first_line, proof_line, supplies_text, task_text
from console.words import number
from kentongan.plan import PlannedTask, Proof
from kentongan.times import iso

if TYPE_CHECKING:
    from orchestration.context import CycleContext
    from risk.evacuation.replan import Replan


@dataclass(frozen=True)
class PlanView:
    warning_id: str
    at: datetime
    tasks: tuple[PlannedTask, ...]
    proof: Proof | None
    standing: int
    """Villages whose task a team holds already."""
    replan: Replan | None = None


def plan_of(context: CycleContext, warning_id: str, at: datetime, *, anew: bool) -> PlanView:
    """Raises:
    DataError: no such warning in force.
    """
    from orchestration.planning import in_force, replanned, whole_plan

    if not anew:
        whole = whole_plan(context, warning_id, at)
        return PlanView(warning_id, at, whole.tasks, whole.plan.proof, len(whole.standing))
    version, held = in_force(context, warning_id, at)
    found = replanned(context, version, held, at)
    if found is None:
        return PlanView(warning_id, at, (), None, 0)
    count = len(found.kept) + len(found.moved) + len(found.ended)
    return PlanView(warning_id, at, found.plan.tasks, found.plan.proof, count, found)


def plan_lines(view: PlanView, names: Mapping[str, str], *, needs: bool) -> list[str]:
    """First what is unmet, then how sure it is, then every task."""
    lines = [first_line(view.tasks), proof_line(view.proof)]
    lines.append(f"{number(view.standing)} tasks are held by teams already")
    if view.replan is not None:
        lines.append(_moved(view.replan))
    lines += [task_text(task, names.get(task.adm4_code, "?")) for task in view.tasks]
    if needs:
        from risk.evacuation.supplies import supplies

        found = supplies(view.tasks)
        lines += ["", supplies_text(found) or "no shelter has people, so none needs anything"]
    return lines


def _moved(replan: Replan) -> str:
    return (
        f"of these {number(len(replan.kept))} stay, {number(len(replan.moved))} move "
        f"({number(len(replan.moved_teams))} teams and {number(replan.moved_people)} people), "
        f"{number(len(replan.ended))} are not needed any more"
    )


def plan_document(view: PlanView) -> dict[str, Any]:
    from risk.evacuation.supplies import supplies

    replan = view.replan
    return {
        "warning_id": view.warning_id,
        "at": iso(view.at),
        "unmet_people": sum(task.unmet_people for task in view.tasks),
        "people": sum(task.people for task in view.tasks),
        "standing": view.standing,
        "proof": view.proof.model_dump(mode="json") if view.proof else None,
        "replan": None if replan is None else {
            name: getattr(replan, name)
            for name in ("kept", "moved", "ended", "moved_teams", "moved_people")
        },
        "tasks": [task.model_dump(mode="json") for task in view.tasks],
        "needs": [
            {
                "shelter_id": one.shelter_id,
                "people": one.people,
                "hall_m2": one.hall_m2,
                "needs": {amount.need.id: amount.amount for amount in one.amounts},
            }
            for one in supplies(view.tasks)
        ],
    }  # fmt: skip
