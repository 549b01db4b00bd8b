"""`kentongan warning reach`: how many people a warning reached, district by district."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.cli.common import AsJson, database, open_settings, print_json

if TYPE_CHECKING:
    from notify.sending.reach import AreaReach, Reach


def reach(
    warning_id: Annotated[str, typer.Argument(help="As 'warning list' prints it.")],
    ends: Annotated[
        bool, typer.Option("--ends", help="Of its corrections and all-clears instead.")
    ] = False,
    json: AsJson = False,
) -> None:
    """How many people it reached: told by a carrier, taken by one, not known, nobody."""
    from notify.sending.reach import measured_reach
    from risk.layers.layerset import load_layers

    settings = open_settings()
    layers = load_layers(settings.layers)
    codes, people = layers.villages["adm4_code"].tolist(), layers.villages["people"].tolist()
    known = dict(zip(codes, people, strict=True))
    with database(settings) as engine, engine.connect() as connection:
        found = measured_reach(connection, warning_id, people=known, ends=ends)
    if json:
        print_json(as_json(found, layers.names))
        return
    print("\n".join(as_text(found, layers.names)))


def as_text(found: Reach, names: Any) -> list[str]:
    """A table by district, then what it means."""
    from console.columns import table

    head = ("delivered", "accepted", "unknown", "waiting", "not told", "registered", "people",
            "sirens", "app", "code", "district")  # fmt: skip
    rows = [
        (*_numbers(area), *_topics(area), area.code, names.get(area.code, ""))
        for area in found.areas
    ]
    whole = found.whole
    lines = [f"{found.warning_id} ({found.status}): whom its messages reached, by district"]
    lines.append(table(head, [*rows, (*_numbers(whole), "", "", "", "all")], right=range(7)))
    return [*lines, "", *_said(whole)]


def _numbers(area: AreaReach) -> tuple[str, ...]:
    from notify.sending.reach import Told

    told = area.people_told
    out = area.registered - sum(
        told.get(one, 0) for one in (Told.DELIVERED, Told.ACCEPTED, Told.UNKNOWN, Told.WAITING)
    )
    people = "not known" if area.people is None else f"{area.people:,}"
    first = (Told.DELIVERED, Told.ACCEPTED, Told.UNKNOWN, Told.WAITING)
    return (*(f"{told.get(one, 0):,}" for one in first), f"{out:,}", f"{area.registered:,}", people)


def _topics(area: AreaReach) -> tuple[str, str]:
    said = [area.topics.get(channel) for channel in ("mqtt", "fcm")]
    return (str(said[0] or "-"), str(said[1] or "-"))


def _said(whole: AreaReach) -> list[str]:
    from notify.sending.reach import Told

    told = whole.people_told
    if not whole.registered:
        return ["Nobody is registered there. How many its feeds reached, nobody knows."]
    share, made_up = whole.registered_share, f", {whole.made_up:,} of them made up (+999)"
    lines = [
        f"Registered: {whole.registered:,}{made_up if whole.made_up else ''}. "
        f"Real ones are {_percent(share)} of the people who live there.",
        f"Delivered, by a carrier's word: {_percent(whole.share(Told.DELIVERED))}.",
        f"Taken by a carrier, not heard of since: {_percent(whole.share(Told.ACCEPTED))}.",
        f"Not known: {_percent(whole.share(Told.UNKNOWN))}. It is neither of the two.",
    ]
    out = (Told.FAILED, Told.LATE, Told.STOPPED, Told.NONE)
    parts = [f"{told[one]:,} {_WHY[one]}" for one in out if told.get(one)]
    lines += [f"Not told: {', '.join(parts)}."] if parts else []
    if told.get(Told.RECORDED):
        lines.append(f"{told[Told.RECORDED]:,} went to a file (recorder): no phone was meant.")
    return lines


_WHY = {
    "failed": "refused",
    "late": "not sent before the end",
    "stopped": "stopped",
    "none": "without a message",
}


def _percent(share: float | None) -> str:
    return "not known which part" if share is None else f"{share:.2%}"


def as_json(found: Reach, names: Any) -> dict[str, Any]:
    return {
        "warning_id": found.warning_id,
        "status": found.status,
        "whole": _area(found.whole, "all"),
        "districts": [_area(area, names.get(area.code, "")) for area in found.areas],
    }


def _area(area: AreaReach, name: str) -> dict[str, Any]:
    return {
        "code": area.code,
        "name": name,
        "people": area.people,
        "registered": area.registered,
        "made_up": area.made_up,
        "registered_share": area.registered_share,
        "told": {str(state): number for state, number in area.people_told.items()},
        "channels": {
            channel: {str(state): number for state, number in states.items()}
            for channel, states in sorted(area.by_channel.items())
        },
        "topics": {channel: str(state) for channel, state in sorted(area.topics.items())},
    }
