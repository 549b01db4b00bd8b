"""Run every benchmark, or those whose name is or begins with the argument.

Exit status 0 = all targets met or nothing to compare with, 1 = one missed, 2 = wrong use.
"""

from __future__ import annotations

import os
import sys

from benchmarks import (
    cycle,
    deciding,
    evacuation,
    exposure,
    feeds,
    forecast_plan,
    outbox,
    overlay,
    plan,
    points,
    rain,
    recall,
    replies,
    shaking,
    smpp,
    viewers,
)
from benchmarks.harness import Bench

BENCHES: dict[str, Bench] = {
    **cycle.BENCHES,
    **evacuation.BENCHES,
    **feeds.BENCHES,
    **forecast_plan.BENCHES,
    **exposure.BENCHES,
    **overlay.BENCHES,
    **plan.BENCHES,
    **points.BENCHES,
    **recall.BENCHES,
    **replies.BENCHES,
    **outbox.BENCHES,
    **rain.BENCHES,
    **shaking.BENCHES,
    **deciding.BENCHES,
    **smpp.BENCHES,
    **viewers.BENCHES,
}


def chosen(name: str) -> list[Bench]:
    if name in BENCHES:
        return [BENCHES[name]]
    return [bench for key, bench in BENCHES.items() if key.startswith(name)]


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    benches = chosen(name)
    if len(arguments) > 1 or not benches:
        print(f"no benchmark {name!r}; there are: {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for setting in [key for key in os.environ if key.startswith("KENTONGAN_")]:
        if setting == "KENTONGAN_SAMPLES":
            continue
        del os.environ[setting]  # the defaults are measured, not this user's settings
    missed = False
    for bench in benches:
        for result in bench():
            print(result.line(), flush=True)
            missed |= result.met is False
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
