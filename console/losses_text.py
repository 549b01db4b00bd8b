"""What an event does to people, for a terminal or as JSON: for the centre, never for the public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from console.columns import table
from console.report import plain_time, stamped

if TYPE_CHECKING:
    import pandas as pd

    from orchestration.losses import CoastLosses, ShakingLosses
    from orchestration.secondary import Ground
    from risk.losses.needs import Amount

_ROMAN = {5: "V", 6: "VI", 7: "VII", 8: "VIII", 9: "IX", 10: "X"}
_FOR_WHOM = "For the duty officer alone. Deaths stand in no text, alert or map of Kentongan."
_LISTED = 10
"""Villages named; all stand in the JSON."""


def shaking_text(found: ShakingLosses) -> str:
    parts = [
        _head(found.event.event_id, found.event.title, found.layers_version),
        _people(found),
        _deaths(found),
        _roof(found.roof, found.needs, found.hall_floor_m2),
        _secondary(found),
    ]
    return "\n\n".join(parts)


def coast_text(found: CoastLosses) -> str:
    parts = [
        _head(found.event.event_id, found.event.title, found.layers_version),
        _coast(found),
        _last_ones(found.coast),
        _roof(found.roof, found.needs, found.hall_floor_m2),
    ]
    return "\n\n".join(part for part in parts if part)


def _head(event_id: str, title: str, layers: str) -> str:
    return f"{event_id}: {title}\nLayers {layers}. {_FOR_WHOM}"


def _people(found: ShakingLosses) -> str:
    rows = [(_ROMAN[mmi], f"{n:,}") for mmi, n in found.people.items()]
    if found.not_known:
        rows.append(("not known", f"{found.not_known:,}"))
    return f"People by intensity, as the level is taken ({found.event.method}):\n" + table(
        ("MMI", "people"), rows, right=(1,)
    )


def _deaths(found: ShakingLosses) -> str:
    band = found.deaths
    chances = "  ".join(f"{order}: {_share(band.chances[order])}" for order in band.orders)
    models = "; ".join(f"{name} {order}" for name, order in sorted(band.models.items()))
    lines = [
        f"Deaths, order of magnitude: {band.central}; models say {_span(band.low, band.high)}",
        f"  chances by the central model: {chances}",
        f"  by model: {models}",
    ]
    if found.deaths_low is not None and found.deaths_high is not None:
        span = _span(found.deaths_low, found.deaths_high)
        lines.append(f"  with p10 and p90 of people by errors of the first solution: {span}")
    if band.not_counted:
        lines.append(f"  {band.not_counted:,} people of unknown intensity are in no figure")
    lines.append("  Landslides, fires and waves are not in it. Cianjur 2022: docs/losses.md.")
    return "\n".join(lines)


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _share(chance: float) -> str:
    return "< 1 %" if 0 < chance < 0.01 else f"{chance * 100:.0f} %"


def _roof(people: int, needs: tuple[Amount, ...], hall_floor_m2: int) -> str:
    if not people:
        return "A roof, by assumption: nobody needs one"
    lines = [f"A roof, by assumption (unconfirmed): up to {people:,} people; for them"]
    for one in needs:
        unit = f" {one.need.unit}" if one.need.unit else ""
        every = " a week" if one.need.every == "week" else ""
        doubt = "" if one.need.confirmed else " (unconfirmed)"
        lines.append(f"  {one.need.name}: {one.amount:,}{unit}{every}{doubt}")
        if one.need.id == "covered-floor":
            lines.append(f"    in halls of {hall_floor_m2:,} m2")
    return "\n".join(lines)


def _secondary(found: ShakingLosses) -> str:
    noted = found.secondary
    until = plain_time(noted.landslide_until)
    lines = [
        "What the quake sets off:",
        f"  landslide: {_ground(noted.landslide)}; raised until {until}",
        f"  liquefaction: {_ground(noted.liquefaction)}",
    ]
    if noted.watch is None:
        lines.append("  tsunami watch: none by magnitude, depth and distance from the sea")
        return "\n".join(lines)
    state = f"until {plain_time(noted.watch.until)}" if found.watch_stands else "over"
    lines.append(f"  tsunami watch (level 1, {state}): {noted.watch.words} [{noted.watch.reason}]")
    return "\n".join(lines)


def _ground(ground: Ground) -> str:
    if not ground.assessed:
        return f"not assessed (no map is loaded); {len(ground.not_known)} villages shaken at VI"
    return (
        f"{len(ground.villages)} villages on prone ground, {len(ground.not_known)} where the map "
        "has no value"
    )


def _coast(found: CoastLosses) -> str:
    coast = found.coast
    if coast.empty:
        return "No village is under its zones."
    lines = [
        f"{len(coast)} villages in the zones: {_sum(coast['inside'])} people inside, "
        f"{_sum(coast['outside'])} outside",
    ]
    if coast["reach"].notna().any():
        reach = _sum(coast["reach"].fillna(0))
        lines.append(f"  in reach of a wave of the status' height (InaRISK's formula): {reach}")
    blind = coast[coast["no_elevation"]]
    if len(blind):
        lines.append(f"  {len(blind)} villages with heights not known, in part or whole")
    lines.append(f"Can the last walk out before the first wave (quake {plain_time(found.origin)})?")
    for word in ("yes", "no", "unknown"):
        rows = coast[coast["walk_out"] == word]
        lines.append(f"  {word}: {len(rows)} villages, {_sum(rows['inside'])} people inside")
    return "\n".join(lines)


def _last_ones(coast: pd.DataFrame) -> str:
    rows = coast[coast["walk_out"] == "no"].sort_values(
        ["inside", "adm4_code"], ascending=[False, True]
    )
    if rows.empty:
        return ""
    cells = [
        (r.adm4_code, f"{r.inside:,}", f"{r.path_m:,.0f}", f"{r.need_minutes:.0f}",
         f"{r.have_minutes:.0f}")
        for r in rows.head(_LISTED).itertuples()
    ]  # fmt: skip
    head = ("too late in", "inside", "way m", "need min", "have min")
    more = f"\n… and {len(rows) - _LISTED} more: --json" if len(rows) > _LISTED else ""
    return table(head, cells, right=(1, 2, 3, 4)) + more


def _sum(column: pd.Series) -> str:
    return f"{int(column.sum()):,}"


def shaking_json(found: ShakingLosses) -> dict[str, Any]:
    band = found.deaths
    return {
        **_head_json(found),
        "people_by_mmi": {str(mmi): n for mmi, n in found.people.items()},
        "people_not_known": found.not_known,
        "deaths": {
            "order": band.central,
            "low": band.low,
            "high": band.high,
            "with_doubt_low": found.deaths_low,
            "with_doubt_high": found.deaths_high,
            "chances": {order: round(chance, 3) for order, chance in band.chances.items()},
            "models": dict(band.models),
        },
        **_roof_json(found),
        "secondary": found.secondary.model_dump(mode="json"),
        "tsunami_watch_stands": found.watch_stands,
    }


def coast_json(found: CoastLosses) -> dict[str, Any]:
    import math

    rows = found.coast.to_dict("records")
    return {
        **_head_json(found),
        "origin": stamped(found.origin),
        "villages": [
            {
                str(key): None if isinstance(value, float) and not math.isfinite(value) else value
                for key, value in row.items()
            }
            for row in rows
        ],
        **_roof_json(found),
    }


def _head_json(found: ShakingLosses | CoastLosses) -> dict[str, Any]:
    return {
        "event_id": found.event.event_id,
        "title": found.event.title,
        "layers": found.layers_version,
        "not_for_the_public": True,
    }


def _roof_json(found: ShakingLosses | CoastLosses) -> dict[str, Any]:
    return {
        "roof_people": found.roof,
        "hall_floor_m2": found.hall_floor_m2,
        "needs": [
            {
                "id": one.need.id,
                "amount": one.amount,
                "unit": one.need.unit,
                "every": one.need.every,
                "confirmed": one.need.confirmed,
            }
            for one in found.needs
        ],
    }
