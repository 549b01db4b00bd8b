"""Sending in plain words: nobody may overlook that a warning does not get there in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from console.dispatch_lines import progress_lines, span, status_lines
from notify.dispatcher.figures import DOWN, UP, ClassLine, Figures, RouteLine
from notify.sending.switches import Stop

AT = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
M = timedelta(minutes=1)


def figures(*waiting: ClassLine, **changes) -> Figures:
    routes = (RouteLine("operator", "sms", UP, 100.0, 100.0),)
    return Figures(**{"at": AT, "waiting": waiting, "routes": routes, **changes})


def test_when_the_last_message_leaves_and_how_long_before_the_end():
    found = figures(
        ClassLine("sms", "awas", 12_000, AT + 32 * M, 0, AT + 52 * M),
        rates={"operator": 98.6}, counts={"accepted": 4_000}, on_wire=20,
    )  # fmt: skip
    assert progress_lines(found) == [
        "14.00 WIB: 99 messages/s, 4.000 sent, 12.000 wait, 20 on the wire",
        "  Awas by sms: 12.000 wait; the last message leaves 14.32 WIB, 20 minutes before the "
        "warning ends",
    ]


def test_what_does_not_make_it_is_said_loudly():
    late = ClassLine("sms", "waspada", 800_000, AT + 140 * M, 300_000, AT + 70 * M)
    (_, line) = progress_lines(figures(late))
    assert line.startswith("  WILL NOT MAKE IT: Waspada by sms: 800.000 wait; 300.000 of them")
    assert "ends 15.10 WIB (the last would leave 16.20 WIB)" in line
    stuck = ClassLine("sms", "awas", 5, None, 5, AT + 70 * M)
    assert "NOTHING LEAVES" in progress_lines(figures(stuck))[1]


def test_routes_that_are_down_switches_ceilings_and_alarms_are_named():
    routes = (RouteLine("modem", "sms", DOWN, 0.0, 0.3, 2, "bind refused", AT + timedelta(0, 12)),)
    lines = progress_lines(
        figures(
            routes=routes, ceiling=True, spent_messages=20, spent_rupiah=7_000.0,
            stopped=(Stop("dispatch:sms", "2026-11-22T06:59:00Z", "siti", "salah"),),
            faults={"the books": "the disk is full"},
        )
    )  # fmt: skip
    assert lines[1:] == [
        "  route modem (sms): down: bind refused; tried again in 12 s",
        "CEILING OF THIS HOUR REACHED: 20 messages, Rp7.000; what data/policy/dispatch.toml does "
        "not let by waits",
        "STOPPED: dispatch:sms, by siti: salah",
        "ALARM: the books: the disk is full",
    ]


def test_status_names_every_route():
    slow = (RouteLine("operator", "sms", UP, 50.0, 100.0),)
    assert status_lines(figures(routes=slow)) == [
        "route operator (sms): up, 50 of 100 messages/s (slowed down by the carrier)"
    ]


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(0.5, "less than a minute"), (1, "1 minute"), (119, "119 minutes"), (200, "3 hours")],
)
def test_spans(minutes, said):
    assert span(minutes * M) == said
