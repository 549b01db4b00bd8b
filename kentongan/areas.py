"""Tables of a layer set as plain DataFrames: what the stages may rely on.

Codes are text. Rows stand in code order. Positions are degrees, WGS84.
"""

from __future__ import annotations

VILLAGES: dict[str, str] = {
    "adm4_code": "text, unique, ascending",
    "name": "text, as in the decree, e.g. 'Tohupo'",
    "kind": "text: 'Desa', 'Kelurahan' or 'Desa Adat'",
    "adm3_name": "text, district without 'Kecamatan', e.g. 'Mananggu'",
    "adm2_name": "text with its kind, e.g. 'Kabupaten Boalemo', 'Kota Gorontalo'",
    "adm1_name": "text, e.g. 'Gorontalo'",
    "utc_offset": "int8: 7, 8 or 9",
    "longitude": "float64, a point inside the village",
    "latitude": "float64",
    "people": "int64",
    "area_km2": "float32",
    "coast_share": "float32 0..1: share of its area within the coast strip (2 km); 0 inland",
    "sea_azimuth_deg": "float32, mean direction to open sea, clockwise from north; NaN inland and "
    "where a shore faces all ways (small islands, capes)",
    "data_quality": "text: kentongan.types.DataQuality",
}
"""Geometry comes apart, as an array of shapely polygons in the same order."""

TEAMS: dict[str, str] = {
    "team_id": "text",
    "post_id": "text",
    "name": "text",
    "adm4_code": "text, village of the post",
    "longitude": "float64",
    "latitude": "float64",
    "members": "int16",
    "coordinator_id": "text",
    "on_duty": "bool",
}

COORDINATORS: dict[str, str] = {
    "coordinator_id": "text",
    "name": "text",
    "adm2_code": "text, regency that they coordinate",
    "adm4_code": "text, where they live",
    "msisdn": "text; synthetic ones start with +999",
}

MEMBERS: dict[str, str] = {
    "member_id": "text",
    "post_id": "text; empty: of no post",
    "adm4_code": "text, where they live",
    "longitude": "float64",
    "latitude": "float64",
    "grade": "text: muda, madya, utama; empty if not known",
    "skills": "text, words with semicolons between them",
    "active": "bool; a register holds more people than come",
    "phone_sha256": "text, of the number in E.164 form; empty without a number",
}
"""Only where a deployment gives a table of its members."""

SHELTERS: dict[str, str] = {
    "shelter_id": "text",
    "name": "text",
    "adm4_code": "text",
    "longitude": "float64",
    "latitude": "float64",
    "capacity": "int32, people",
}
