"""The afternoon of *thunderstorm* with band 13 beside the pictures: not bundled, made when played.

The cells are the same, as they grow and die in `thunderstorm.cells_at`; a frame is out twenty
minutes after its scan, and each is followed by a cycle that may use it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from generator import thunderstorm
from generator.frames import frame, frame_path
from generator.places import Places
from generator.quiet import quiet
from generator.story import Payload, Step, Story, utc

SCAN = timedelta(minutes=10)
OUT_AFTER = timedelta(minutes=20)
USED_AFTER = timedelta(minutes=2)
FIRST, LAST = utc(f"{thunderstorm.DAY} 03:50"), utc(f"{thunderstorm.DAY} 10:20")
SOURCES = ("bmkg-nowcast", "himawari-b13")


def story(places: Places) -> Story:
    """Steps of *thunderstorm*, and between them one for each frame and one for the cycle after."""
    old = {s.at: s for s in thunderstorm.story(places).steps if s.at <= LAST + OUT_AFTER}
    steps = dict(old)
    scan = FIRST
    while scan <= LAST:
        at = scan + OUT_AFTER
        before = steps.get(at, Step(at, f"the frame of {scan:%H:%M} is out"))
        served = {**before.serve, frame_path(scan): _payload(scan)}
        steps[at] = replace(before, serve=served)
        steps[at + USED_AFTER] = Step(at + USED_AFTER, f"the frame of {scan:%H:%M} is used")
        scan += SCAN
    ordered = sorted(steps.values(), key=lambda s: s.at)
    first = replace(ordered[0], serve={**quiet(ordered[0].at), **ordered[0].serve})
    return Story(
        "rain-afternoon",
        "Thunderstorms over West Java, 14 February 2026, with band 13",
        thunderstorm.NOTE,
        (first, *ordered[1:]),
        SOURCES,
    )


def _payload(scan: datetime) -> Payload:
    cells = thunderstorm.cells_at(scan)
    return Payload(frame_path(scan).removeprefix("/"), frame(scan, cells))
