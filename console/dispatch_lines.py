"""What sending looks like to an operator, in plain words."""

from __future__ import annotations

from datetime import timedelta

from console.report import WIB_HOURS
from console.words import clock, number
from notify.dispatcher.figures import UP, ClassLine, Figures, RouteLine
from notify.firewall.gate import RECORDER, TEST_ROUTE

_CLASSES = {
    "call back": "calls back", "correction": "corrections", "awas": "Awas", "siaga": "Siaga",
    "waspada": "Waspada", "readiness": "to coordinators", "renewal": "renewals",
}  # fmt: skip


def progress_lines(found: Figures) -> list[str]:
    """One look: what goes, what waits and when it leaves, routes, faults."""
    rate = sum(found.rates.values())
    accepted = sum(found.counts.get(word, 0) for word in ("accepted", "recorded"))
    lines = [
        f"{clock(found.at, found.at, WIB_HOURS)}: {number(rate)} messages/s, "
        f"{number(accepted)} sent, {number(found.left)} wait, {number(found.on_wire)} on the wire"
    ]
    lines += [class_line(line, found) for line in found.waiting]
    lines += [route_line(line, found) for line in found.routes if line.state != UP]
    if found.ceiling:
        lines.append(
            f"CEILING OF THIS HOUR REACHED: {number(found.spent_messages)} messages, "
            f"Rp{number(found.spent_rupiah)}; what data/policy/dispatch.toml does not let by waits"
        )
    lines += [f"STOPPED: {stop.name}, by {stop.actor}: {stop.reason}" for stop in found.stopped]
    return lines + [f"ALARM: {what}: {why}" for what, why in found.faults.items()]


def class_line(line: ClassLine, found: Figures) -> str:
    """`  Awas by sms: 120.000 wait; the last message leaves 14.32 WIB, 20 minutes before …`"""
    head = (
        f"{_CLASSES.get(line.name, line.name)} by {way_word(line.way)}: {number(line.waiting)} wait"
    )
    end = clock(line.ends_at, found.at, WIB_HOURS)
    if line.last_at is None:
        return (
            f"  {head}; NOTHING LEAVES: {line.way} is stopped or no route of it works; the "
            f"warning ends {end}"
        )
    last = clock(line.last_at, found.at, WIB_HOURS)
    if line.late:
        return (
            f"  WILL NOT MAKE IT: {head}; {number(line.late)} of them do not leave before the "
            f"warning ends {end} (the last would leave {last})"
        )
    spare = line.ends_at - line.last_at
    return f"  {head}; the last message leaves {last}, {span(spare)} before the warning ends"


def way_word(way: str) -> str:
    return {RECORDER: "recorder (reaches nobody)", TEST_ROUTE: "listed test numbers"}.get(way, way)


def span(value: timedelta) -> str:
    """`20 minutes`, `3 hours`, `less than a minute`."""
    minutes = int(value.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes > 1 else ''}"
    return f"{minutes // 60} hours"


def route_line(line: RouteLine, found: Figures) -> str:
    """`  route operator (sms): up, 100 of 100 messages/s`."""
    head = f"  route {line.route} ({line.channel}): {line.state}"
    if line.state == UP:
        slower = "" if line.rate >= line.allowed * 0.99 else " (slowed down by the carrier)"
        return f"{head}, {line.rate:g} of {line.allowed:g} messages/s{slower}"
    again = ""
    if line.again_at is not None:
        again = f"; tried again in {max(0, round((line.again_at - found.at).total_seconds()))} s"
    return f"{head}{': ' if line.reason else ''}{line.reason}{again}"


def status_lines(found: Figures) -> list[str]:
    """For somebody who stands beside the dispatcher."""
    lines = [route_line(line, found).strip() for line in found.routes]
    if found.waiting:
        lines.append(f"{number(found.left)} messages wait:")
        lines += [class_line(line, found) for line in found.waiting]
    if found.spent_messages:
        cost = f", Rp{number(found.spent_rupiah)}" if found.spent_rupiah else ""
        lines.append(f"this hour: {number(found.spent_messages)} messages over real routes{cost}")
    return lines
