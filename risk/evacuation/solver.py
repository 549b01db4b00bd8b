"""Minimum-cost flow by OR-Tools (cost scaling, Goldberg 1997), in a process of its own if large."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from kentongan.errors import KentonganError
from risk.evacuation.pairs import I64

IN_PROCESS_ARCS = 400_000
"""So many are solved in about a second; the solver cannot be interrupted, a process can."""


class SolverFailed(KentonganError):
    """The solver gave no optimum, or one that the proof refutes: a fault of ours or of it."""


@dataclass(frozen=True, eq=False)
class Network:
    """Arcs and the supply of each node (negative: demand); int64."""

    tail: I64
    head: I64
    capacity: I64
    cost: I64
    supply: I64


def solve(network: Network, *, seconds: float) -> I64 | None:
    """Flow on each arc; None if it takes longer than `seconds`.

    Raises:
        SolverFailed: no optimum.
    """
    if seconds <= 0:
        return None
    if network.tail.size <= IN_PROCESS_ARCS:
        return flows_of(network)
    return _apart(network, seconds)


def flows_of(network: Network) -> I64:
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow  # type: ignore[import-untyped]

    flow = SimpleMinCostFlow()
    arcs = flow.add_arcs_with_capacity_and_unit_cost(
        network.tail, network.head, network.capacity, network.cost
    )
    flow.set_nodes_supplies(np.arange(network.supply.size), network.supply)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise SolverFailed(
            f"min-cost flow of {network.tail.size} arcs: expected an optimum, found {status}"
        )
    return np.asarray(flow.flows(arcs), dtype=np.int64)


def _apart(network: Network, seconds: float) -> I64 | None:
    given = io.BytesIO()
    np.savez(given, **vars(network))
    command = [sys.executable, "-m", "risk.evacuation.solver"]
    try:
        done = subprocess.run(
            command, input=given.getvalue(), capture_output=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired:
        return None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace")[-300:]
        raise SolverFailed(f"min-cost flow in a process of its own: {said}") from error
    return np.asarray(np.load(io.BytesIO(done.stdout)), dtype=np.int64)


def _main() -> None:
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as given:
        network = Network(**{name: given[name] for name in given.files})
    answer = io.BytesIO()
    np.save(answer, flows_of(network))
    sys.stdout.buffer.write(answer.getvalue())


if __name__ == "__main__":
    _main()
