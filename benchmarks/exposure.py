"""The operator itself: memory bound, quiet frames, deltas, compilation, and what is stored."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import overlay
from benchmarks.harness import Bench, Result, not_measured, run_process
from benchmarks.made import Moved, operator_2km, quiet_day, storm_day, ten_minutes_on
from benchmarks.national import ROOT, FileStripes, people_file
from benchmarks.national import villages as national_villages
from benchmarks.pairs import Pair, at_most, paired, ratio, taken
from risk.exposure import kernels
from risk.exposure.live import LiveOverlay
from risk.exposure.stored import open_operator, save_operator
from risk.operator import compile_operator
from risk.stripes import PeopleStripes, Stripe


def memory_bound() -> Iterator[Result]:
    """Against the time that the bytes of operator, classes and answer take to be read once."""
    operator, classes = operator_2km(), storm_day()
    operator.overlay(classes)
    block = np.ones(100_000_000, dtype=np.float32)
    read = min(taken(lambda: block.sum())[1] for _ in range(5))
    answer = operator.overlay(classes)
    parts = (operator.cell, operator.share, operator.pointer, operator.people, classes, answer)
    size = sum(part.nbytes for part in parts)
    bound = size / (block.nbytes / read)
    ours = statistics.median(taken(lambda: operator.overlay(classes))[0] for _ in range(25))
    yield at_most(
        "overlay.memory_bound", ours / bound, "x the bound", floor=6, goal=2, seconds=ours,
        note=f"{size / 1e6:.1f} MB at {block.nbytes / read / 1e9:.1f} GB/s = {bound * 1e3:.2f} ms",
    )  # fmt: skip


def frames() -> Iterator[Result]:
    """A quiet frame and a delta, against a pass over every entry."""
    operator, storm, later, quiet = operator_2km(), storm_day(), ten_minutes_on(), quiet_day()

    def same(ours: tuple[Any, Any], full: Any) -> None:
        rows, parts = ours
        assert (operator.parts(quiet)[rows] == parts).all()
        assert (full.sum(axis=0)[1:] == full[rows].sum(axis=0)[1:]).all()

    full = f"every entry, {operator.cell.size:,}"
    pair = paired(
        lambda: operator.touched(quiet), lambda: kernels.recount(operator, operator.flat(quiet)),
        same, pairs=15,
    )  # fmt: skip
    note = f"{100 * (quiet != 0).mean():.1f} % of cells active"
    yield ratio("overlay.quiet_frame", pair, full, floor=5, goal=20, note=note)
    live, turn = LiveOverlay(operator, storm), [storm]

    def step() -> Any:
        turn[0] = later if turn[0] is storm else storm
        live.update(turn[0])
        return live.counts

    def equal(ours: Any, _: Any) -> None:
        assert (ours == operator.overlay(turn[0])).all()

    pair = paired(step, lambda: kernels.recount(operator, operator.flat(storm)), equal, pairs=15)
    note = f"{100 * (storm != later).mean():.1f} % of cells change class"
    yield ratio("overlay.delta", pair, full, floor=2, goal=4, note=note)


@dataclass(eq=False)
class Timed:
    """Stripes that keep the processor time of their reading."""

    of: PeopleStripes
    read_s: list[float] = field(default_factory=lambda: [0.0])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.of, name)

    def stripes(self) -> Iterator[Stripe]:
        stripes = self.of.stripes()
        while True:
            start = time.process_time()
            stripe = next(stripes, None)
            self.read_s[0] += time.process_time() - start
            if stripe is None:
                return
            yield stripe


def compilation() -> Iterator[Result]:
    """All villages and people of 100 m, against one pass of exactextract over the same."""
    geometry = national_villages().geometry
    operator = operator_2km()
    raster = FileStripes(people_file())
    found = []
    for people in (raster, raster, raster, Moved(raster)):
        timed: Any = Timed(people)
        cpu, wall, made = taken(lambda timed=timed: compile_operator(geometry, None, raster=timed))
        found.append((cpu, wall, timed.read_s[0], made))
    assert all((found[0][3].share == again[3].share).all() for again in found[:3])
    cpu, wall, read = (statistics.median(f[i] for f in found[:3]) for i in range(3))
    bare, moved = cpu - read, found[3][0] - found[3][2]
    yield at_most(
        "overlay.compile_unaligned", moved / bare, "x aligned", floor=3, goal=2, seconds=moved,
        note="the same raster with its origin off the hazard grid; reading left out",
    )  # fmt: skip
    if not overlay.peer_is_there():
        yield not_measured("overlay.compile", "exactextract is not installed")
        return
    rows = overlay.sample(overlay.SAMPLE_2KM)
    frame = overlay.frame_of(rows)
    hazard = overlay.hazard_2km(storm_day(), frame)
    peer = overlay.exact_pass(hazard, frame, str(people_file()))
    taken(peer)
    passes = [taken(peer) for _ in range(3)]
    scale = operator.people.size / rows.size
    peer_s, peer_wall = (statistics.median(p[i] for p in passes) * scale for i in (0, 1))
    note = f"peer: one pass on {rows.size} villages x {scale:.1f}; {overlay.whose()}"
    name = overlay.exactextract_name()
    pair = Pair(bare, peer_s, wall * bare / cpu, peer_wall)
    yield ratio("overlay.compile", pair, name, floor=30, goal=100, note=f"without reading; {note}")
    pair = Pair(cpu, peer_s, wall, peer_wall)
    yield ratio("overlay.compile_and_read", pair, name, floor=5, goal=15, note=note)


def compile_memory() -> Iterator[Result]:
    """Peak memory of a process that loads the villages and compiles the 100 m raster."""
    done = run_process(
        [sys.executable, "-c", _COMPILE], {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    )
    assert done.status == 0, done.output
    yield at_most(
        "overlay.compile_memory", done.peak_mb, "MB", floor=3_000, goal=1_500,
        seconds=done.cpu_s, note="villages loaded, raster read in stripes, operator made",
    )  # fmt: skip


_COMPILE = """
from benchmarks.national import FileStripes, people_file, villages
from risk.exposure import kernels
from risk.operator import compile_operator
kernels.warm()
compile_operator(villages().geometry, None, raster=FileStripes(people_file()))
"""


def stored() -> Iterator[Result]:
    """Size on disk, and the time to open and prove it."""
    operator = operator_2km()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "operator.bin"
        save_operator(path, operator)
        open_s = statistics.median(taken(lambda: open_operator(path))[0] for _ in range(25))
        again = open_operator(path)
        assert (again.share == operator.share).all() and (again.cell == operator.cell).all()
        size = path.stat().st_size
    yield at_most(
        "overlay.stored", size / 1e6, "MB", floor=15, goal=8, seconds=open_s,
        note=f"{operator.cell.size:,} entries, {operator.people.size:,} villages",
    )  # fmt: skip
    yield at_most(
        "overlay.open", open_s * 1e3, "ms", floor=20, goal=5, seconds=open_s,
        note="mapped and checked: shares add up, cells lie on the grid",
    )  # fmt: skip


BENCHES: dict[str, Bench] = {
    "overlay.memory_bound": memory_bound,
    "overlay.frames": frames,
    "overlay.compile": compilation,
    "overlay.compile_memory": compile_memory,
    "overlay.stored": stored,
}
