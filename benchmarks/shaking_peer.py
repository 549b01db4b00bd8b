"""OpenQuake's side of `benchmarks/shaking.py`, run by an interpreter that has openquake-engine.

    python shaking_peer.py SITES.npz ANSWER.npy

For each line on standard input: compute, and write the wall time in seconds. The contexts are
filled directly, so that its reading of files and ruptures costs nothing. SITES holds `vs30`,
`distance` (that which the model wants), `magnitude`, `depth`, `model`.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np


def main(sites: str, answer: str) -> int:
    given = np.load(sites)
    model, imts = _model(str(given["model"]))
    context = _context(model, given)
    for _ in sys.stdin:
        start = time.perf_counter()
        found = np.zeros((4, len(imts), len(context)))
        model.compute(context, imts, *found)
        taken = time.perf_counter() - start
        np.save(answer, found[0])
        sys.stdout.write(f"{taken}\n")
        sys.stdout.flush()
    return 0


def _model(name: str) -> tuple[Any, list[Any]]:
    from openquake.hazardlib.gsim.allen_2012_ipe import AllenEtAl2012Rhypo
    from openquake.hazardlib.gsim.boore_atkinson_2008 import BooreAtkinson2008
    from openquake.hazardlib.gsim.zhao_2006 import (
        ZhaoEtAl2006Asc,
        ZhaoEtAl2006SInter,
        ZhaoEtAl2006SSlab,
    )
    from openquake.hazardlib.imt import MMI, PGV, SA

    if name == "ba08":
        return BooreAtkinson2008(), [PGV()]
    if name == "allen":
        return AllenEtAl2012Rhypo(), [MMI()]
    zhao = {
        "crustal": ZhaoEtAl2006Asc, "interface": ZhaoEtAl2006SInter, "intraslab": ZhaoEtAl2006SSlab
    }  # fmt: skip
    return zhao[name](), [SA(1.0)]


def _context(model: Any, given: Any) -> Any:
    (distance,) = model.REQUIRES_DISTANCES
    columns = {
        "vs30": given["vs30"], distance: given["distance"], "mag": given["magnitude"],
        "rake": 0.0, "hypo_depth": given["depth"],
    }  # fmt: skip
    context = np.recarray(given["vs30"].size, [(name, float) for name in columns])
    for name, values in columns.items():
        context[name] = values
    return context


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
