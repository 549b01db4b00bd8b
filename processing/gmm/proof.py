"""Ours and Allen (2012) against BMKG's maps; the tables of docs/shaking.md.

    python -m processing.gmm.proof FOLDER [--vs30 FILE] [--picture FILE.svg] [--maps FOLDER]

Only events that the fit did not use are judged ("held out"), unless a table says otherwise. With
`--vs30` all events of the folder are new and all are judged, with the ground of that file; "none"
is 600 m/s everywhere.

Exit status 0 = all that was asked for is met, 1 = something is not, 2 = nothing could be judged.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kentongan.errors import KentonganError
from processing.gmm.folder import shakemaps
from processing.gmm.judged import Trial, table, trial, versions
from processing.gmm.maps import difference_map
from processing.gmm.report import picture, report, shaken_and_real
from processing.gmm.verdict import asked, met, verdict
from processing.gmm.vs30 import Vs30Map, empty_map, load

if TYPE_CHECKING:
    import pandas as pd

DRAWN_CELLS = 300
"""Shaken cells that a map must have to be drawn: fewer are no picture."""
LINES = 20
"""Of maps that are left out; what is more is counted."""


def main(arguments: Sequence[str]) -> int:
    parser = ArgumentParser(
        prog="python -m processing.gmm.proof",
        description=__doc__,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="events.csv with grids/*.npz, or *.xml")
    parser.add_argument(
        "--vs30", type=Path, help="ground by processing.gmm.vs30, or none; all are new"
    )
    parser.add_argument("--picture", type=Path, help="SVG of all judged real quakes")
    parser.add_argument("--maps", type=Path, help="folder for maps of the best and the worst")
    given = parser.parse_args(arguments)
    try:
        of = _trial(given.folder, given.vs30)
        found = table(of)
    except KentonganError as error:
        sys.stderr.write(f"proof: {error}\n")
        return 2
    bounds = asked(found)
    sys.stdout.write(verdict(bounds) + report(found))
    if given.picture:
        given.picture.write_text(picture(found), encoding="utf-8")
    if given.maps:
        for name, text in drawn(found, of).items():
            (given.maps / f"shaking-{name}.svg").write_text(text, encoding="utf-8")
    return 0 if met(bounds) else 1


def _trial(folder: Path, vs30: Path | None) -> Trial:
    """The folder's maps; what cannot be judged is named on standard error."""
    left: list[str] = []
    read = list(shakemaps(folder, unreadable=left))
    try:
        of = trial(read, _ground(vs30))
    finally:
        _name(left)
    kept = {one.event_id for one in of.maps}
    _name([f"{one.event_id}: M {one.magnitude:g}" for one in read if one.event_id not in kept])
    return of


def _ground(vs30: Path | None) -> Vs30Map | None:
    if vs30 is None:
        return None
    return empty_map() if vs30 == Path("none") else load(vs30)


def _name(left: Sequence[str]) -> None:
    sys.stderr.writelines(f"left out: {line}\n" for line in left[:LINES])
    if len(left) > LINES:
        sys.stderr.write(f"left out: {len(left) - LINES} more\n")


def drawn(found: pd.DataFrame, of: Trial) -> dict[str, str]:
    """Ours, BMKG's and their difference for the events that `chosen` names; SVG."""
    by_id = {one.event_id: one for one in of.maps}
    pictures = {}
    for name, event in chosen(found).items():
        both = versions(by_id[event], of.vs30)
        pictures[name] = difference_map(by_id[event], both.merged, both.bmkg)
    return pictures


def chosen(found: pd.DataFrame) -> dict[str, str]:
    """Events to be drawn, by one rule.

    Of the held-out real quakes of M 4 and more with at least `DRAWN_CELLS` cells of MMI 2 and more
    within 150 km: least and greatest mean absolute difference with the merged Vs30; and the
    greatest of M 6 and more. Of equals the first id.
    """
    rows = shaken_and_real(found).sort_values("event")
    rows = rows[(rows["magnitude"] >= 4.0) & (rows["count"] >= DRAWN_CELLS)]
    large = rows[rows["magnitude"] >= 6.0]
    named = {"best": (rows, "min"), "worst": (rows, "max"), "worst-large": (large, "max")}
    return {
        name: str(part["event"].iloc[getattr(part["merged_abs"], f"arg{end}")()])
        for name, (part, end) in named.items()
        if len(part)
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
