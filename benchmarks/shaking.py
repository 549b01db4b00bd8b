"""Shaking of 1.17 million cells with the site term, against OpenQuake; quake to villages.

OpenQuake cannot stand in this project's environment, for it wants GDAL built on the machine:
`OPENQUAKE_PYTHON` names the interpreter of one that has it.

    uv venv oq && export UV_PYTHON=oq/bin/python OPENQUAKE_PYTHON=oq/bin/python
    uv pip install --no-deps openquake-engine==3.26.2
    uv pip install numpy scipy pandas numba shapely pyproj h5py toml psutil requests decorator \
        docutils pyzmq fiona "h3<4" alpha_shapes
    python -m benchmarks shaking

It is given distances and Vs30 ready in memory; ours computes its distances.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import PAIRS, Bench, Result, not_measured, seconds, times_faster, within
from kentongan.grid import BASE_GRID
from processing.gmm.bmkg import (
    WHOLE_MMI,
    QuakeFacts,
    Sites,
    ln_motion_grid,
    mmi_classes,
    mmi_grid,
    sites,
)
from processing.gmm.chain import bmkg_chain
from processing.gmm.distance import rupture_distance
from processing.gmm.rings import reach_km, ring_classes
from processing.gmm.uncertainty import MEMBERS, member_fields, people_band
from processing.gmm.vs30 import Vs30Map, empty_map
from processing.quakes import distance_km
from processing.shaking.allen import allen_2012_hypo
from risk.exposure import kernels
from risk.exposure.by_class import people_by_class

if TYPE_CHECKING:
    from risk.layers.layerset import LayerSet

SIDE, STEP = 1080, 1.0 / 120.0
"""Cells and degrees: about 500 km each way."""
AT_LEAST = 25.0
COLUMNS = 1340
"""Of the base grid: 1.2 million cells around the quake, all of its rows."""
QUAKES = {
    "ba08": QuakeFacts(5.2, 10.0, -6.84, 107.05),
    "crustal": QuakeFacts(7.0, 12.0, -6.84, 107.05),
    "interface": QuakeFacts(7.8, 25.0, -6.84, 107.05),
    "intraslab": QuakeFacts(6.6, 90.0, -6.84, 107.05),
}
ZHAO = ("crustal", "interface", "intraslab")
VS30 = np.array([180, 210, 270, 330, 425, 555, 600, 690, 800], dtype=np.uint16)
SAME = 1e-3
"""ln; our table has steps of up to 2.5e-4 of the distance, and single precision."""
RUNS = 20
EDGES = (4.5, 5.5, 6.5, 7.5)
MMI_CLASSES = len(WHOLE_MMI) + 1


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
            mmi_grid(quake, where)
            taken = statistics.median(
                seconds(partial(mmi_grid, quake, where))[0] for _ in range(RUNS)
            )
            yield not_measured(bench, f"OPENQUAKE_PYTHON is not set; ours {taken * 1e3:.2f} ms")
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
            if name in ZHAO:
                _same(quake, where, peer.answer())
        note = "" if name in ZHAO else "BMKG's form of BA08 differs from the peer's: time only"
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
            r = np.hypot(r, quake.depth)
        if name in ZHAO:
            r = rupture_distance(bmkg_chain().distance, quake.magnitude, r)
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


def rings() -> Iterator[Result]:
    """Classes of a distance-only intensity (Allen et al. 2012); the peer gives MMI, no class."""
    python, quake = os.environ.get("OPENQUAKE_PYTHON", ""), QUAKES["crustal"]
    where = cells()
    to = {"to_latitude": quake.latitude, "to_longitude": quake.longitude}

    def intensity(km: NDArray[np.float64]) -> NDArray[np.float64]:
        return allen_2012_hypo(quake.magnitude, np.hypot(km, quake.depth))[0]

    def run() -> NDArray[np.int8]:
        reach = reach_km(intensity, EDGES)
        return ring_classes(reach, where.latitude, where.longitude, **to)

    r = distance_km(where.latitude[:, None], where.longitude[None, :], **to)
    differ = int(np.count_nonzero(run() != np.digitize(intensity(r), EDGES)))
    assert differ == 0, f"{differ} cells differ from the continuous form"
    if not python:
        taken = statistics.median(seconds(run)[0] for _ in range(RUNS))
        why = f"OPENQUAKE_PYTHON is not set; ours {taken * 1e3:.2f} ms"
        yield not_measured("shaking.rings_allen", why)
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        Peer(python, Path(folder), quake, where, "allen") as peer,
    ):
        peer.run()
        pairs = [(seconds(run)[0], peer.run()) for _ in range(PAIRS)]
        differ = int(np.count_nonzero(run().ravel() != np.digitize(peer.answer()[0], EDGES)))
    assert differ == 0, f"{differ} cells differ from the peer's intensity"
    ours, theirs = (statistics.median(side) for side in zip(*pairs, strict=True))
    yield times_faster(
        "shaking.rings_allen", ours, "openquake 3.26.2", theirs, at_least=AT_LEAST,
        note="0 cells differ",
    )  # fmt: skip


WEST = BASE_GRID.latitude, BASE_GRID.longitude[:COLUMNS]


def _nation() -> tuple[LayerSet, Vs30Map, NDArray[np.int8]]:
    """The embedded layers with compiled loops, ground for 1.2 million cells, a class grid."""
    from risk.layers.layerset import load_layers

    kernels.warm()
    ground = empty_map()
    values = np.random.default_rng(3).choice(VS30, ground.values.shape)
    classes = np.zeros((BASE_GRID.rows, BASE_GRID.columns), np.int8)
    return load_layers(), replace(ground, values=values), classes


def villages() -> Iterator[Result]:
    """A quake's figures to people per village and whole MMI, the nation over, with site term.

    The ground of the cells is looked up before, once for all quakes.
    """
    layers, ground, classes = _nation()
    where = sites(*WEST, ground)
    counts = np.empty((len(layers.villages), MMI_CLASSES + 1), np.int64)
    for name, quake in QUAKES.items():

        def run(quake: QuakeFacts = quake) -> NDArray[np.int64]:
            classes[:, :COLUMNS] = mmi_classes(mmi_grid(quake, where))
            return people_by_class(layers.operator, classes, MMI_CLASSES, counts)

        people = run()
        assert people[:, 1:MMI_CLASSES].sum() > 0
        assert np.array_equal(people.sum(axis=1), layers.operator.people)
        taken = [seconds(run)[0] for _ in range(RUNS)]
        middle = statistics.median(taken)
        note = (
            f"{WEST[0].size * COLUMNS} cells, {len(people)} villages, {MMI_CLASSES} classes; least "
            f"of {RUNS} runs {min(taken) * 1e3:.1f} ms"
        )
        yield within(
            f"shaking.quake_to_villages_{name}", middle * 1e3, "ms", at_most=50.0, seconds=middle,
            note=note,
        )  # fmt: skip


def band() -> Iterator[Result]:
    """p10, p50 and p90 of people in each whole MMI, from 32 quakes that the figures stand for."""
    layers, ground, classes = _nation()
    where = sites(*WEST, ground)

    def run() -> list[tuple[int, int, int]]:
        counted = []
        for mmi, _ in member_fields(QUAKES["crustal"], where):
            classes[:, :COLUMNS] = mmi_classes(mmi)
            counted.append(people_by_class(layers.operator, classes, MMI_CLASSES).sum(axis=0))
        return [people_band(found) for found in np.array(counted).T]

    assert all(low <= middle <= high for low, middle, high in run())
    taken = statistics.median(seconds(run)[0] for _ in range(PAIRS))
    note = f"{MEMBERS} members of {where.vs30.size} cells to {len(layers.villages)} villages"
    yield Result("shaking.people_band", taken * 1e3, "ms", taken, None, None, None, None, note)


BENCHES: dict[str, Bench] = {
    "shaking.grid": grids,
    "shaking.rings": rings,
    "shaking.quake_to_villages": villages,
    "shaking.people_band": band,
}
