"""A simulated night for people: lines, a table of its hours, and a picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from console.charts import Axis, curves
from console.report import plain_time
from console.words import number
from kentongan.task_life import HELD, WAITING, TaskState
from kentongan.times import iso
from orchestration.simulation.outcome import Hour, Outcome

_UP_STEPS = 5


def night_report(found: Outcome, broken: list[str], *, seconds: float) -> str:
    return "\n".join([*_lines(found), *_rules(broken), f"CPU: {seconds:.0f} s"])


def _lines(found: Outcome) -> Iterator[str]:
    yield (
        f"UNMET NEED: {number(found.unmet_people)} of {number(found.task_people)} people "
        f"in {found.unmet_villages} villages, for whom no team or place is found"
    )
    yield f"{found.title} · LATIHAN · simulated night, seed {found.seed}"
    yield f"{plain_time(found.start)} to {plain_time(found.end)}"
    yield ""
    for one in found.milestones:
        yield f"  {plain_time(one.at)}  {one.what}"
    yield ""
    yield "Tasks by state, at the end of each hour:"
    yield from _table(found)
    yield ""
    yield f"People brought to safety or helped, as reported: {number(found.brought)}"
    yield "Tasks at the end: " + _counts(found.tasks)
    yield "Escalations: " + (
        ", ".join(
            f"{rung} {reached}" + (f" (+{nobody} nobody there)" if nobody else "")
            for rung, (reached, nobody) in found.rungs.items()
        )
        or "none"
    )
    yield "Came in: " + _counts(found.came_in)
    yield f"Answered: {found.answers}; without an answer: {found.not_answered}"
    if found.reports:
        yield "Reports: " + _counts(found.reports)
    if found.cases:
        yield "Cases: " + _counts(found.cases)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{word} {count}" for word, count in counts.items()) or "none"


def _rules(broken: list[str]) -> Iterator[str]:
    if not broken:
        yield "Every rule holds (docs/simulation.md)."
    for one in broken:
        yield f"BROKEN: {one}"


_COLUMNS = ("planned", "asked", "held", "done", "refused", "recalled")
_REFUSED = (TaskState.DECLINED, TaskState.FAILED)


def _of(hour: Hour) -> dict[str, int]:
    """Tasks of one hour by the groups of the table."""
    states = {TaskState(state): count for state, count in hour.states.items()}
    return {
        "planned": states.get(TaskState.PLANNED, 0),
        "asked": sum(states.get(one, 0) for one in WAITING),
        "held": sum(states.get(one, 0) for one in HELD),
        "done": states.get(TaskState.DONE, 0),
        "refused": sum(states.get(one, 0) for one in _REFUSED),
        "recalled": states.get(TaskState.RECALLED, 0),
    }


def _table(found: Outcome) -> Iterator[str]:
    heads = (*_COLUMNS, "people", "in", "answers", "rungs")
    yield "  " + "until".ljust(22) + "".join(name.rjust(9) for name in heads)
    for hour in found.hours:
        values = (*_of(hour).values(), hour.brought, hour.came_in, hour.answered, hour.climbed)
        yield "  " + plain_time(hour.at).ljust(22) + "".join(f"{value:9}" for value in values)


def night_csv(found: Outcome) -> str:
    """One row an hour."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["until", *_COLUMNS, "people", "came_in", "answered", "rungs"])
    for hour in found.hours:
        values = (*_of(hour).values(), hour.brought, hour.came_in, hour.answered, hour.climbed)
        writer.writerow([iso(hour.at), *values])
    return out.getvalue()


def night_svg(found: Outcome) -> str:
    """Tasks over the hours."""
    hours = [(hour.at - found.start).total_seconds() / 3600 for hour in found.hours]
    series = {
        "asked, no answer": [float(_of(h)["asked"]) for h in found.hours],
        "somebody is on it": [float(_of(h)["held"]) for h in found.hours],
        "done": [float(_of(h)["done"]) for h in found.hours],
    }
    most = max((max(values, default=0) for values in series.values()), default=0) or 1
    step = max(1.0, round(most / _UP_STEPS))
    across = Axis("hours", 0, max(hours, default=1), 1)
    up = Axis("tasks", 0, step * (int(most / step) + 1), step)
    return curves(f"{found.title}: LATIHAN, seed {found.seed}", hours, series, across, up)
