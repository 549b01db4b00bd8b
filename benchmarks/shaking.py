"""Shaking of 1.17 million cells with the site term, against OpenQuake; quake to villages.

OpenQuake cannot stand in this project's environment: `OPENQUAKE_PYTHON` names the interpreter of
one that has it (`pip install --no-deps openquake-engine`, then numpy, scipy, pandas, numba,
shapely, pyproj, h5py, toml, psutil, requests, decorator, docutils, pyzmq, fiona, "h3<4",
alpha_shapes). It is given distances and Vs30 ready in memory; ours computes its distances.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import PAIRS, Bench, Result, not_measured, seconds, times_faster, within
from kentongan.grid import BASE_GRID
from processing.gmm.bmkg import (
    QuakeFacts,
    Sites,
    level_grid,
    ln_motion_grid,
    mmi_grid,
    sites,
)  # fmt: skip
from processing.gmm.chain import bmkg_chain
from processing.gmm.distance import rupture_distance
from processing.quakes import distance_km

SIDE, STEP = 1080, 1.0 / 120.0
"""Cells and degrees: about 500 km each way."""
AT_LEAST = 25.0
COLUMNS = 1300
"""Of the base grid: 1.17 million cells around the quake, all of its rows."""
QUAKES = {
    "ba08": QuakeFacts(5.2, 10.0, -6.84, 107.05),
    "crustal": QuakeFacts(7.0, 12.0, -6.84, 107.05),
}
VS30 = np.array([180, 210, 270, 330, 425, 555, 600, 690, 800], dtype=np.uint16)
SAME = 2e-3
"""ln; our table has steps of 0.1 km and single precision."""


def cells() -> Sites:
    axis: NDArray[np.float64] = (np.arange(SIDE, dtype=np.float64) - SIDE / 2) * STEP
    vs30 = np.random.default_rng(3).choice(VS30, (SIDE, SIDE))
    return sites(-6.84 + axis, 107.05 + axis, vs30)


def grids() -> Iterator[Result]:
    """MMI; the peer computes the one measure that MMI is taken from, and no MMI."""
    where, python = cells(), os.environ.get("OPENQUAKE_PYTHON", "")
    for name, quake in QUAKES.items():
        bench = f"shaking.grid_{name}"
        if not python:
            taken = statistics.median(seconds(partial(mmi_grid, quake, where))[0] for _ in range(6))
            yield not_measured(bench, f"OPENQUAKE_PYTHON is not set; ours {taken * 1e3:.1f} ms")
            continue
        with (
            tempfile.TemporaryDirectory() as folder,
            Peer(python, Path(folder), quake, where, name) as peer,
        ):
            mmi_grid(quake, where)
            peer.run()
            ours, theirs = [], []
            for _ in range(PAIRS):
                ours.append(seconds(partial(mmi_grid, quake, where))[0])
                theirs.append(peer.run())
            if name == "crustal":
                _same(quake, where, peer.answer())
        note = "" if name == "crustal" else "BMKG's form of BA08 differs from the peer's: time only"
        yield times_faster(
            bench, statistics.median(ours), "openquake 3.26.2", statistics.median(theirs),
            at_least=AT_LEAST, note=note,
        )  # fmt: skip


class Peer:
    """OpenQuake in a process of its own, kept between runs."""

    def __init__(
        self, python: str, folder: Path, quake: QuakeFacts, where: Sites, name: str
    ) -> None:
        r = distance_km(
            where.latitude[:, None], where.longitude[None, :],
            to_latitude=quake.latitude, to_longitude=quake.longitude,
        ).ravel()  # fmt: skip
        if name != "ba08":
            hypocentral = np.hypot(r, quake.depth)
            r = rupture_distance(bmkg_chain().distance, quake.magnitude, hypocentral)
        np.savez(
            folder / "sites.npz", vs30=where.vs30.ravel().astype(float), distance=r,
            magnitude=quake.magnitude, depth=quake.depth, model=name,
        )  # fmt: skip
        self._answer = folder / "answer.npy"
        script = Path(__file__).with_name("shaking_peer.py")
        self._process = subprocess.Popen(
            [python, "-I", str(script), str(folder / "sites.npz"), str(self._answer)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self) -> float:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def answer(self) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.load(self._answer)
        return found


def _same(quake: QuakeFacts, where: Sites, answer: NDArray[np.float64]) -> None:
    chain = bmkg_chain()
    factor = np.log(chain.component_factor * chain.pgv_per_sa1)
    # both count in g of 980.665 cm/s2
    off = float(np.abs(ln_motion_grid("pgv", quake, where).ravel() - answer[0] - factor).max())
    assert off < SAME, f"ln PGV: {off} apart"


def villages() -> Iterator[Result]:
    """A quake's figures to people per village and level, the nation over, MMI with site term."""
    from risk.layers.layerset import load_layers

    layers, edges = load_layers(), (4.5, 5.5, 6.5, 7.5)
    columns = slice(0, COLUMNS)
    vs30 = np.random.default_rng(3).choice(VS30, (BASE_GRID.rows, COLUMNS))
    where = sites(BASE_GRID.latitude, BASE_GRID.longitude[columns], vs30)
    level = np.zeros((BASE_GRID.rows, BASE_GRID.columns), np.int8)

    def run() -> NDArray[np.int64]:
        level[:, columns] = level_grid(mmi_grid(QUAKES["crustal"], where), edges)
        return layers.operator.overlay(level)

    people = run()
    assert people[:, 1:5].sum() > 0
    taken = statistics.median(seconds(run)[0] for _ in range(9))
    note = f"{BASE_GRID.rows * COLUMNS} cells, {len(people)} villages"
    yield within(
        "shaking.quake_to_villages", taken * 1e3, "ms", at_most=50.0, seconds=taken, note=note
    )


BENCHES: dict[str, Bench] = {
    "shaking.grid": grids,
    "shaking.quake_to_villages": villages,
}
