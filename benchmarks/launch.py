"""Run a command and print its time, peak memory, status and output as JSON.

A process of its own, as small as can be: on Linux a child's peak starts at the memory of
whoever started it, so a large parent would be measured instead of the command.
"""

import json
import os
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as pipe:
        output = pipe.read()
    _, status, usage = os.wait4(process.pid, 0)
    report = {
        "seconds": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss * 1024 / 1e6,  # Linux gives KiB
        "status": os.waitstatus_to_exitcode(status),
        "output": output,
    }
    print(json.dumps(report))
