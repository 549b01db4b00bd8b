"""One quake in words: its solutions, the versions of its shaking event, people by intensity."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from console.columns import table

if TYPE_CHECKING:
    from orchestration.event_versions import EventVersion
    from processing.quake_history import Statement
    from processing.quakes import QuakeGroup

_HEAD = ("said", "received", "feed", "what", "origin (UTC)", "M", "depth", "latitude", "longitude")
_ROMAN = {4: "IV", 5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X"}
_LINES = {
    "level": "what the level is taken from",
    "bmkg_chain": "BMKG's chain",
    "allen_2012": "Allen et al. (2012)",
}
_SHOWN = ("model", "vs30", "felt_used", "bmkg_grid", "fault", "gate", "limits")


def as_json(group: QuakeGroup) -> dict[str, Any]:
    from console.report import stamped

    return {
        "event_key": group.event_key,
        "status": str(group.status),
        "place": group.best.quake.place,
        "history": [
            {
                **asdict(one),
                "issued": stamped(one.issued),
                "received": stamped(one.received),
                "origin_time": stamped(one.origin_time),
            }
            for one in group.history
        ],
    }


def versions_as_json(versions: list[EventVersion]) -> list[dict[str, Any]]:
    from kentongan.times import iso

    return [
        {
            "version": one.version,
            "at": iso(one.at),
            "reason": one.reason,
            "level": int(one.event.level),
            "method": one.event.method,
            "quality": str(one.event.quality),
            "evidence": one.event.evidence,
        }
        for one in versions
    ]


def history_text(group: QuakeGroup) -> str:
    head = f"{group.event_key} ({group.status}): {group.best.quake.place}"
    return f"{head}\n{table(_HEAD, [_cells(one) for one in group.history], right=(5, 6, 7, 8))}"


def _cells(one: Statement) -> tuple[str, ...]:
    from console.report import plain_time

    return (
        plain_time(one.issued) if one.issued else "-",
        plain_time(one.received) if one.received else "-",
        one.source_id,
        one.label or one.kind,
        f"{one.origin_time:%Y-%m-%d %H:%M:%S}",
        figure(one.magnitude),
        figure(one.depth_km),
        f"{one.latitude:.2f}",
        f"{one.longitude:.2f}",
    )


def figure(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"


def versions_text(versions: list[EventVersion]) -> str:
    """Each version in a line, then what the newest rests on."""
    from console.report import plain_time

    if not versions:
        return "No shaking event: nowhere MMI 4.5, or no cycle has looked at it yet."
    rows = [
        (
            one.version,
            plain_time(one.at),
            one.reason,
            int(one.event.level),
            *(_mmi(one, name) for name in ("", "_chain", "_allen", "_bmkg_grid")),
            one.event.method,
        )
        for one in versions
    ]
    head = ("version", "made", "why", "level", "MMI", "chain", "Allen", "BMKG grid", "method")
    return "\n".join(
        [
            "Versions of the shaking event; MMI is the highest of each line:",
            table(head, rows, right=(0, 3, 4, 5, 6, 7)),
            *_newest(versions[-1]),
        ]
    )


def _mmi(one: EventVersion, name: str) -> str:
    value = one.event.evidence.get(f"mmi_max{name}")
    return f"{value:.1f}" if isinstance(value, int | float) else "-"


def _newest(one: EventVersion) -> list[str]:
    said = one.event.evidence
    found = [f"  {name}: {said[name]}" for name in _SHOWN if said.get(name)]
    found += [
        f"  {name.replace('_', ' ')} within 150 km: mean {said[f'{name}_mean']:+}, "
        f"absolute {said[f'{name}_absolute']}, largest {said[f'{name}_largest']:+} MMI"
        for name in ("ours_minus_grid", "chain_minus_grid")
        if f"{name}_mean" in said
    ]
    return [*found, *_felt(one)]


def _felt(one: EventVersion) -> list[str]:
    said = one.event.evidence
    if not said.get("felt_used"):
        return []
    words = [
        f"{line} {said[f'felt_term_{line}']:+g} (applied {said[f'felt_term_{line}_applied']:g})"
        for line in ("chain", "allen")
    ]
    return [f"  felt reports minus line, MMI: {', '.join(words)}"]


def people_text(document: dict[str, Any] | None) -> str:
    """People by intensity: each line, then its band."""
    if document is None:
        return "People by intensity: not stored for the newest version."
    lines, bands = document["people"], document["bands"]
    head = ["MMI", *(_LINES[name] for name in lines)]
    rows = []
    for step in sorted(document["classes"], reverse=True):
        cells = [_ROMAN[step]]
        for name, counts in lines.items():
            band = bands.get(name, {}).get("in_class", {}).get(str(step))
            cells.append(f"{counts[str(step)]:,}" + _band(band))
        rows.append(cells)
    return "\n".join(
        [
            "People by intensity (whole MMI, rounded half up); p10 to p90 in brackets:",
            table(head, rows, right=range(1, len(head))),
            f"  drawn: {bands['spread']}; {bands['members']} members; not from village to village",
        ]
    )


def _band(band: dict[str, int] | None) -> str:
    return "" if band is None else f" ({band['p10']:,} to {band['p90']:,})"
