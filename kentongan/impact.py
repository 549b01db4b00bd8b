"""Hand-over 3: the impact table. One row per village and event, plus one `unassigned` row.

Whole people; for each row `people_0 … people_4` and `people_unknown` add up to `people`, so
sums agree at village, district, regency, province and nation.
"""

from __future__ import annotations

UNASSIGNED = "unassigned"
"""`adm4_code` of the row that holds people who live in no village of the layer set."""

PEOPLE_BY_LEVEL = ("people_0", "people_1", "people_2", "people_3", "people_4")

COLUMNS: dict[str, str] = {
    "adm4_code": "text, Kemendagri, or 'unassigned'",
    "level": "int8 0..4: the level of the village by the field's area rule",
    "rule": "text: which rule spoke, e.g. 'named-district', '80-percent', 'coast-strip'",
    "people": "int64, all who live there",
    **{name: f"int64, people in level {name[-1]}" for name in PEOPLE_BY_LEVEL},
    "people_unknown": "int64, people where the hazard is not known",
    "exposed_people": "int64, people in level >= 2 (of a warned village; else 0)",
    "known_fraction": "float32 0..1, share of the people for whom the hazard is known",
    "share_inside": "float32 0..1, share of the people inside level >= 1",
    "value": "float32, the physical value that decided (e.g. MMI), NaN if none",
    "onset": "UTC timestamp or NaT",
    "team_minutes": "float32, travel time of the nearest team, NaN if none; mobilisation apart",
    "reachable_30min": "bool",
    "reachable_60min": "bool",
    "uncovered_people": "int64, exposed people that no team reaches within 60 minutes",
    "no_elevation": "bool, a coast strip without elevation data decided",
    "data_quality": "text: kentongan.types.DataQuality",
}

OPTIONAL_COLUMNS: dict[str, str] = {
    "probability": "float32 0..1, of level 2 and more; NaN where not known",
    "vulnerability": "float32 0..1, rank of the village among all; NaN where not known",
}
"""There where the field or the layer set knows them; a table without one says nothing about it."""
