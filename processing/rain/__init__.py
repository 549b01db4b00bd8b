"""Rain from satellite frames: rates, sums, cells, motion, the next three hours."""
