"""The process behind `ingest.frames.worker`: reads requests, opens files, writes arrays.

A request is a line of JSON with `form`, `files` and `out` (a folder); the answer is a line with
`changed` or `down` and why, or neither. Memory is bounded for each request.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from kentongan.errors import SourceChanged, SourceDown

ROOM = {
    "bmkg": 400_000_000,
    "ptree": 400_000_000,
    "gsmap": 400_000_000,
    "err": 700_000_000,
    "hsd": 1_200_000_000,
}
"""Bytes above what is in use when a request comes: three times what a full disk at 2 km takes."""


def _limit_memory(form: str) -> None:
    try:
        import resource
    except ImportError:
        return
    status = Path("/proc/self/statm")
    if not status.exists():
        return
    used = int(status.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM[form], hard))


def _open(request: dict[str, Any]) -> None:
    form, files, out = request["form"], request["files"], Path(request["out"])
    if form == "hsd":
        from ingest.frames.satpy_hsd import load_library, read_hsd

        load_library()
        _limit_memory(form)
        read_hsd(files).save(out)
        return
    from ingest.frames.netcdf import read_band
    from ingest.frames.rain_netcdf import read_rain

    _limit_memory(form)
    read = read_rain if form in ("err", "gsmap") else read_band
    read(files[0], form).save(out)


def _answer(request: dict[str, Any]) -> dict[str, str]:
    try:
        _open(request)
    except SourceChanged as error:
        return {"changed": str(error)}
    except SourceDown as error:
        return {"down": str(error)}
    except MemoryError:
        return {"changed": "it asks for more memory than any frame needs"}
    except Exception as error:  # noqa: BLE001
        return {"changed": f"cannot be opened ({type(error).__name__}: {str(error)[:120]})"}
    return {}


def main() -> None:
    """Answers leave by a copy of standard output: what a library prints goes nowhere."""
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "w") as answers, Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        for line in sys.stdin:
            answer = {name: text[:600] for name, text in _answer(json.loads(line)).items()}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
