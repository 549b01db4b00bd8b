"""pysteps' side of `benchmarks/rain.py`, run by an interpreter that has pysteps.

    python rain_peer.py FRAMES.npy STEPS ANSWER.npy

FRAMES: three frames of rain rate, mm/h. For each line on standard input: Lucas-Kanade at its
defaults on dB, extrapolation by STEPS, and the wall time in seconds.
"""

from __future__ import annotations

import sys
import time

import numpy as np


def main(frames: str, steps: str, answer: str) -> int:
    from pysteps import motion, nowcasts

    rain = np.load(frames).astype(float)
    for _ in sys.stdin:
        start = time.perf_counter()
        velocity = motion.get_method("LK")(10 * np.log10(np.maximum(rain, 0.1)))
        made = nowcasts.get_method("extrapolation")(rain[-1], velocity, int(steps))
        taken = time.perf_counter() - start
        np.save(answer, made[-1].astype(np.float32))
        sys.stdout.write(f"{taken}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
