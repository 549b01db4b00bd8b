"""A layer set in a few numbers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from risk.layers.layerset import LayerSet


def describe(layers: LayerSet) -> dict[str, Any]:
    """Counts, people, quality and findings; for a person or as JSON."""
    villages, manifest = layers.villages, layers.manifest
    severities = Counter(f["severity"] for f in layers.findings)
    return {
        "path": str(layers.path),
        "version": layers.version,
        "decree": manifest.get("decree", ""),
        "villages": len(villages),
        "people": int(villages["people"].sum()),
        "people_unassigned": int(layers.operator.unassigned.people.sum()),
        "people_method": manifest.get("people_method", "modelled"),
        "data_quality": {
            str(k): int(n) for k, n in villages["data_quality"].value_counts().items()
        },
        "teams": len(layers.teams),
        "members": len(layers.members),
        "coordinators": len(layers.coordinators),
        "shelters": len(layers.shelters),
        "rasters": sorted(manifest.get("rasters", {})),
        "tsunami_coast": _tsunami(manifest),
        "finding_counts": {name: severities[name] for name in ("refuse", "flag", "info")},
        "findings": list(layers.findings),
        "credits": list(manifest.get("credits", ())),
    }


def _tsunami(manifest: dict[str, Any]) -> str:
    """How the coast was compiled, in a line."""
    found = manifest.get("tsunami")
    if found is None:
        return "strip alone, no heights"
    return (
        f"{found['villages_inside']} of {found['villages']} coastal villages hold people inside by "
        f"heights; heights not known in part or whole in {found['villages_not_known']}, of another "
        f"datum in {found['villages_other_datum']}"
    )
