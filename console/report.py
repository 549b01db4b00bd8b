"""A cycle's document in words for a duty officer's terminal. Trouble first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from console import words
from console.columns import table
from console.words import number
from kentongan.times import ZONES, iso, local_clock, parse_instant
from kentongan.types import Mode

Document = Mapping[str, Any]
OPEN_STATES = ("draft", "approved", "released")
WIB_HOURS = 7
"""The terminal speaks Jakarta's time and UTC; the map and the messages that of the area."""


def plain_time(value: datetime | None) -> str:
    """`2026-09-24 14.35 WIB`, or `-`."""
    if value is None:
        return "-"
    shifted = value.astimezone(ZONES[WIB_HOURS])
    return f"{shifted:%Y-%m-%d} {local_clock(value, WIB_HOURS)}"


def plain_age(value: datetime, at: datetime) -> str:
    """`12 min`, `3 h`, `40 days`."""
    minutes = max(0, int((at - value).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} days"


def stamped(value: datetime | None) -> str | None:
    return iso(value) if value else None


def _time(text: str | None) -> str:
    return plain_time(parse_instant(text)) if text else "-"


def cycle_report(document: Document) -> str:
    """The whole report of one cycle."""
    parts: Iterable[list[str]] = (
        _heading(document),
        _feeds(document["feeds"]),
        _unknown(document.get("unknown_areas", ())),
        _not_assessed(document.get("not_assessed", ())),
        _watches(document.get("watches", ())),
        _estimates(document.get("events", ())),
        _warnings(document["warnings"]),
        _tasks(document["tasks"]),
        _messages(document["messages"]),
        _outputs(document),
    )
    return "\n".join(line for part in parts for line in part)


def _heading(document: Document) -> list[str]:
    marks = [words.BANNERS[document["mode"]][0]] if document["mode"] in words.BANNERS else []
    if document.get("re_creation"):
        marks.append("REKA ULANG (re-creation)")
    mark = " · ".join([*marks, f"mode {document['mode']}"])
    return [f"Kentongan, {_time(document['at'])} ({document['at']}) · {mark}", ""]


def _feeds(feeds: Sequence[Document]) -> list[str]:
    if not feeds:
        return ["Feeds: none polled in this cycle"]
    bad = [f for f in feeds if _troubled(f)]
    thin = [f for f in feeds if f not in bad and f["detail"]]
    good = [f["source_id"] for f in feeds if f not in bad and f not in thin]
    lines = [f"Feeds: {len(feeds)} polled, {len(bad)} with trouble"]
    lines += [f"  ! {_feed(f)}" for f in bad]
    lines += [f"  ~ {f['source_id']}: {f['state']}: {f['detail']}" for f in thin]
    return lines + ([f"    read well: {', '.join(dict.fromkeys(good))}"] if good else [])


def _troubled(feed: Document) -> bool:
    return bool(feed["state"] not in words.SEEING or feed["quarantined"] or feed.get("problems"))


def _feed(feed: Document) -> str:
    count = f", {feed['quarantined']} quarantined" if feed["quarantined"] else ""
    detail = words.shortened(_trouble(feed))
    return f"{feed['source_id']}: {feed['state']}{count}{': ' if detail else ''}{detail}"


def _trouble(feed: Document) -> str:
    """The first of its troubles and how many there are; `--json` has each."""
    problems = feed.get("problems") or ()
    if not problems:
        return str(feed["detail"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]['detail']}{more}"


def _unknown(areas: Sequence[Document]) -> list[str]:
    if not areas:
        return []
    lines = ["", f"BMKG warns, area unknown: {len(areas)}"]
    return lines + [
        f"  ? {a['province']}: {a['title']}{', until ' + _time(a['until']) if a['until'] else ''}"
        for a in areas
    ]


def _not_assessed(hazards: Sequence[Document]) -> list[str]:
    """One line: not known is never safe."""
    if not hazards:
        return []
    told = "; ".join(f"{_english(h['hazard_id'])} ({h['reason']})" for h in hazards)
    return ["", f"NOT ASSESSED, so never to be read as none: {told}"]


def _english(hazard_id: str) -> str:
    found = words.HAZARDS.get(hazard_id)
    return found[1] if found else hazard_id


def _estimates(events: Sequence[Document]) -> list[str]:
    """Ours beside BMKG's nowcast: BMKG's word stands, ours may add."""
    ours = [e for e in events if e.get("beside_nowcast") and e["state"] == "active"]
    if not ours:
        return []
    return [
        "",
        f"Our own estimates, beside BMKG's nowcast: {len(ours)}",
        *(f"  {e['event_id']}: {e['beside_nowcast']['words']}" for e in ours),
    ]


def _watches(watches: Sequence[Document]) -> list[str]:
    """Level 1: for the centre alone."""
    if not watches:
        return []
    return [
        "",
        f"Watched, no public word: {len(watches)}",
        *(f"  {w['event_id']}: {w['words']} (until {_time(w['until'])})" for w in watches),
    ]


def _warnings(warnings: Sequence[Document]) -> list[str]:
    held = [w for w in warnings if w["state"] in OPEN_STATES]
    closed = [w for w in warnings if w["state"] not in OPEN_STATES]
    lines = ["", f"Warnings in force: {len(held)}"]
    if not held:
        lines.append("  none by the documents that could be read; this is not an all-clear")
    lines += [line for w in sorted(held, key=_urgency) for line in _warning(w)]
    if closed:
        lines.append(f"Closed in the last day: {len(closed)}")
        lines += [f"    {w['state']}: {_name(w)} ({w['reason']})" for w in closed]
    return lines


def _urgency(warning: Document) -> tuple[bool, int, int, str]:
    key = words.urgency(warning["hazard_id"], warning["level"], warning["exposed_people"])
    return (*key, warning["warning_id"])


def _name(warning: Document) -> str:
    return f"{words.indonesian(words.HAZARDS, warning['hazard_id'])}, {warning['title']}"


def _warning(warning: Document) -> list[str]:
    state = "" if warning["state"] == "released" else f" [{warning['state']}: not sent]"
    level = words.level_word(warning["level"]).upper()
    first = f"  {level:<8}{_name(warning)}{state}, until {_time(warning['expires'])}"
    second = (
        f"          {number(len(warning['adm4_codes']))} villages, "
        f"{number(warning['exposed_people'])} people exposed, "
        f"{number(warning['uncovered_people'])} of them uncovered (no team within 60 minutes)"
    )
    unresolved = [f"          ! area not recognised: {name}" for name in warning["unresolved"]]
    return [first, second, *unresolved]


def _tasks(tasks: Sequence[Document]) -> list[str]:
    if not tasks:
        return ["", "Tasks: none"]
    kinds = {t["kind"] for t in tasks}
    counts = ", ".join(f"{sum(t['kind'] == k for t in tasks)} {k}" for k in sorted(kinds))
    people, unmet = (sum(t[key] for t in tasks) for key in ("people", "unmet_people"))
    need = f", {number(unmet)} of them without a team or a place" if unmet else ""
    return ["", f"Tasks: {number(len(tasks))} ({counts}) for {number(people)} people{need}"]


def _messages(messages: Mapping[str, Mapping[str, int]]) -> list[str]:
    told = [f"{channel} {_states(states)}" for channel, states in messages.items()]
    return [f"Messages in this cycle: {'; '.join(told) if told else 'none'}"]


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number(n)} {state}" for state, n in states.items() if n) or "0"


def _outputs(document: Document) -> list[str]:
    lines = [f"Map: {document['outputs']['map']}"] if document["outputs"].get("map") else []
    if document["mode"] == Mode.EXERCISE:
        lines.append("Nothing left this machine: exercise mode only records (LATIHAN).")
    return lines


# --- scenarios --------------------------------------------------------------------------


def scenario_report(document: Document) -> str:
    """The last step in full, and one line for each step before it."""
    lines = [f"Scenario {document['scenario']}: {document['title']}"]
    lines += [f"  {_time(step['at'])}  {_step(step)}" for step in document["steps"]]
    return "\n".join([*lines, "", cycle_report(document)])


def _step(step: Document) -> str:
    held = [w for w in step["warnings"] if w["state"] in OPEN_STATES]
    level = max((w["level"] for w in held), default=0)
    force = f"{len(held)} in force, highest {words.level_word(level)}" if held else "none in force"
    trouble = [f["source_id"] for f in step["feeds"] if f["state"] not in words.SEEING]
    blind = f"; trouble: {', '.join(dict.fromkeys(trouble))}" if trouble else ""
    return f"{step['note']}: {force}{blind}"


def scenario_row(document: Document) -> tuple[str, ...]:
    """What the table shows of one scenario, over all its steps."""
    steps = document["steps"]
    warnings = [w for step in steps for w in step["warnings"]]
    most: dict[str, int] = {}
    for w in warnings:
        most[w["warning_id"]] = max(most.get(w["warning_id"], 0), w["exposed_people"])
    return (
        document["scenario"],
        number(len(most)),
        number(len({code for w in warnings for code in w["adm4_codes"]})),
        number(sum(most.values())),
        number(messages_of(document)),
        number(len({t["task_id"] for step in steps for t in step["tasks"]})),
        f"{document['seconds']:.1f}",
        str(height(document)["outputs"].get("map", "")),
    )


def height(document: Document) -> Document:
    """The step with the highest level, and among those the most people; the last of equals."""
    return max(reversed(document["steps"]), key=_weight)


def _weight(step: Document) -> tuple[int, int]:
    held = [w for w in step["warnings"] if w["state"] in OPEN_STATES]
    return max((w["level"] for w in held), default=0), sum(w["exposed_people"] for w in held)


def messages_of(document: Document) -> int:
    """Messages that a channel took, over all steps; the recorder counts as one."""
    return sum(
        states.get(state, 0)
        for step in document["steps"]
        for states in step["messages"].values()
        for state in ("accepted", "recorded")
    )


HEAD = ("scenario", "warnings", "villages", "people", "messages", "tasks", "seconds", "map")


def scenarios_table(documents: Sequence[Document]) -> str:
    """The end of `kentongan run --scenario all`."""
    rows = [scenario_row(d) for d in documents]
    maps = [(r[0], _short(r[-1])) for r in rows]
    body = table(HEAD[:-1], [r[:-1] for r in rows], right=range(1, len(HEAD) - 1))
    shown = "\n".join(f"  {name}: {path}" for name, path in maps)
    return (
        f"{body}\n\nvillages: warned at any step · people: exposed, each warning at its largest\n\n"
        f"Maps at the height of each (open in a browser, no internet needed):\n{shown}\n\n"
        "LATIHAN: nothing left this machine. Scenarios are re-creations; every message was "
        "written to a file by the recorder, and no person or network was reached."
    )


def _short(path: str) -> str:
    """Relative to where the user stands, if it lies below."""
    here = Path.cwd()
    full = Path(path)
    return str(full.relative_to(here)) if path and full.is_relative_to(here) else path
