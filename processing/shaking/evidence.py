"""What a duty officer asks for: figures, lines side by side, what they rest on, their limits."""

from __future__ import annotations

import math

import numpy as np

from kentongan.policy import ShakingRules
from kentongan.records import Felt, Quake
from kentongan.times import iso
from kentongan.types import Level
from processing.gmm.bmkg import model_for
from processing.quakes import Floats, QuakeGroup
from processing.shaking.allen import (
    LONG_FAULT_MAGNITUDE,
    MAX_MAGNITUDE,
    METHOD,
    OVERWARNED_DEPTH_KM,
    OVERWARNED_MAGNITUDE,
    RUPTURE_METHOD,
    allen_2012_hypo,
    cap_reason,
    gate_reason,
    known_figures,
)
from processing.shaking.compute import (
    FAR_APART,
    WITHIN_KM,
    Difference,
    Held,
    Lines,
    far_below,
)
from processing.shaking.knowledge import Knowledge
from processing.shaking.lines import CHAIN_METHOD, chain_sigma_at_epicentre, facts_of

Evidence = dict[str, str | float | int | bool | None]
GRID_METHOD = "bmkg-grid/1"


def method_of(lines: Lines, rules: ShakingRules, *, fault: bool) -> str:
    """Of what the levels are taken from."""
    if lines.grid is not None:
        return GRID_METHOD
    equation = RUPTURE_METHOD if fault else METHOD
    if rules.main == "allen-2012" or lines.chain is None:
        return equation
    if lines.allen is None or not rules.second_raises_within_km:
        return CHAIN_METHOD
    return f"{CHAIN_METHOD}+{equation}"


def evidence(
    group: QuakeGroup, state: Knowledge, lines: Lines, held: Held, rules: ShakingRules
) -> Evidence:
    """Scalars by name; what is not there is None or empty."""
    quake = state.quake
    magnitude, depth = known_figures(quake)
    return {
        "magnitude": magnitude,
        "depth_km": depth,
        "depth_assumed": quake.depth_km is None,
        "latitude": quake.latitude,
        "longitude": quake.longitude,
        "basis": "; ".join(basis(state, lines)),
        "mmi_max": _highest(held.mmi),
        "mmi_max_chain": None if lines.chain is None else _highest(lines.chain),
        "mmi_max_allen": None if lines.allen is None else _highest(lines.allen),
        "mmi_max_bmkg_grid": None if lines.grid is None else _highest(lines.grid),
        "mmi_sigma_at_epicentre": _sigma(quake, lines, rules),
        "mmi_thresholds": "/".join(str(edge) for edge in rules.mmi),
        "model": "" if lines.chain is None else str(model_for(facts_of(quake))),
        "vs30": lines.site.words(rules.default_vs30),
        "cells_raised_by_allen": lines.raised,
        "cells_held": held.kept,
        "solutions": len(group.solutions),
        "source": group.best.source_id,
        "felt": "; ".join(_felt_words(entry) for entry in group.felt),
        "felt_used": len(lines.reports.places),
        "felt_without_place": len(lines.reports.unplaced),
        "felt_term_chain": round(lines.chain_term.found, 2),
        "felt_term_allen": round(lines.allen_term.found, 2),
        "felt_term_chain_applied": round(lines.chain_term.applied, 2),
        "felt_term_allen_applied": round(lines.allen_term.applied, 2),
        **_grid(state, lines),
        "fault": _fault_words(state),
        "potential": "; ".join(_potential(group)),
        "gate": cap_reason(quake, rules),
        "limits": "; ".join([*limits(state, lines, rules), *lines.trouble]),
    }


def basis(state: Knowledge, lines: Lines) -> list[str]:
    """What the version rests on; a change of one part is the reason of a new version."""
    quake = state.quake
    depth = "?" if quake.depth_km is None else f"{quake.depth_km:g}"
    found = [f"solution M{quake.magnitude:g} {depth} km {quake.latitude:.2f} {quake.longitude:.2f}"]
    if lines.reports.places:
        found.append(f"felt reports {len(lines.reports.places)}")
    if state.fault is not None:
        found.append(f"fault {state.fault.sha256[:8]}")
    if state.grid is not None and lines.grid is not None:
        found.append(f"BMKG grid {state.grid.sha256[:8]}")
    return found


def _highest(values: Floats) -> float:
    return round(float(np.nanmax(values)), 2)


def _sigma(quake: Quake, lines: Lines, rules: ShakingRules) -> float:
    if rules.main == "bmkg-chain" and lines.chain is not None:
        return round(chain_sigma_at_epicentre(quake, lines.site), 2)
    magnitude, depth = known_figures(quake)
    return round(float(allen_2012_hypo(magnitude, max(depth, 1.0))[1]), 2)


def _grid(state: Knowledge, lines: Lines) -> Evidence:
    """BMKG's own grid, and how far ours lay from it; ours minus BMKG's."""
    grid = state.grid if lines.grid is not None else None
    if grid is None:
        other = state.passed_over
        words = f"of M{other.magnitude:g}, not of the newest solution: not used" if other else ""
        return {"bmkg_grid": words}
    return {
        "bmkg_grid": f"{grid.event_id} version {grid.version or '?'}, M{grid.magnitude:g}",
        "bmkg_grid_processed_at": iso(grid.processed_at),
        **_difference("ours_minus_grid", lines.difference),
        **_difference("chain_minus_grid", lines.chain_difference),
    }


def _difference(name: str, found: Difference | None) -> Evidence:
    if found is None:
        return {f"{name}_cells": 0}
    return {
        f"{name}_mean": round(found.mean, 3),
        f"{name}_absolute": round(found.absolute, 3),
        f"{name}_largest": round(found.largest, 2),
        f"{name}_cells": found.cells,
    }


def _fault_words(state: Knowledge) -> str:
    if state.fault is None:
        return ""
    return f"{state.fault.sha256[:8]}, upper edge {state.fault.top_km:g} km deep"


def _potential(group: QuakeGroup) -> list[str]:
    """What BMKG says of a tsunami, each statement once, oldest first."""
    said = (" ".join(s.quake.potential.replace(";", ",").split()) for s in group.solutions)
    return list(dict.fromkeys(text for text in said if text))


def _felt_words(entry: Felt) -> str:
    low, high = f"{entry.mmi_low:g}", f"{entry.mmi_high:g}"
    return f"{entry.place} MMI {low}" + ("" if low == high else f"-{high}")


def limits(state: Knowledge, lines: Lines, rules: ShakingRules) -> list[str]:
    """What a duty officer must know about this estimate."""
    quake = state.quake
    magnitude, depth = known_figures(quake)
    if lines.grid is not None:
        return _limits_of_grid(lines)
    found = _limits_of_main(state, lines, rules)
    if cap_reason(quake, rules):
        most = "watch only" if lines.ceiling <= Level.WATCH else "Waspada at most"
        found.append(f"outside the line's magnitudes or depths: {most}, use BMKG's felt text")
    if lines.allen is not None:
        found += _limits_of_allen(magnitude, depth)
    elif gate := gate_reason(quake, rules):
        found.append(f"second opinion (Allen 2012) has no say: {gate}")
    if magnitude >= LONG_FAULT_MAGNITUDE and state.fault is None:
        found.append("M6.8 and more: too low along the fault")
    return found


def _limits_of_grid(lines: Lines) -> list[str]:
    apart = lines.difference
    if apart is not None and abs(apart.mean) >= FAR_APART:
        stands = "; ours stands where it is higher" if far_below(lines.chain_difference) else ""
        return [f"ours differs by {apart.mean:+.1f} MMI from BMKG's grid: ask BMKG{stands}"]
    return [f"BMKG's own grid; within {WITHIN_KM:g} km compared with ours"]


def _limits_of_main(state: Knowledge, lines: Lines, rules: ShakingRules) -> list[str]:
    found = []
    if rules.main == "allen-2012":
        found.append("intensity equation without site effect")
    elif lines.chain is not None and lines.site.known < 1.0 - 1e-9:
        found.append("ground partly or wholly not known: soft ground shakes 0.5 to 1 MMI more")
    if state.fault is None:
        found.append("point source")
    if state.quake.depth_km is None:
        slab = "" if state.fault is not None else "; where a slab quake shakes more, that"
        found.append(f"depth not published: 10 km assumed{slab}")
    if lines.chain is not None and lines.allen is not None and rules.main == "bmkg-chain":
        apart = float(np.nanmax(lines.allen)) - float(np.nanmax(lines.chain))
        if math.fabs(apart) >= 1.0:
            found.append(f"the two lines differ by {apart:+.1f} MMI at most (Allen minus chain)")
    return found


def _limits_of_allen(magnitude: float, depth: float) -> list[str]:
    found = []
    low, high = OVERWARNED_MAGNITUDE
    if low <= magnitude <= high and depth <= OVERWARNED_DEPTH_KM:
        found.append(
            "M5 to 6.5, shallow: Allen lies about 1 MMI above BMKG's ShakeMaps within 25 km"
        )
    if magnitude > MAX_MAGNITUDE:
        found.append("above M7.9: Allen is extrapolated")
    return found
