"""Village forecasts in the schema of `publik/prakiraan-cuaca`: 20 three-hourly slots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from generator.story import MARK

SLOT_HOURS = (1, 4, 7, 10, 13, 16, 19, 22)
"""UTC hours of the slots, as published."""
ICONS = "https://api-apps.bmkg.go.id/storage/icon/cuaca"
WEATHER = {
    1: ("Cerah", "Sunny"),
    3: ("Berawan", "Mostly Cloudy"),
    61: ("Hujan Ringan", "Light Rain"),
    63: ("Hujan Sedang", "Moderate Rain"),
    95: ("Hujan Petir", "Thunderstorm"),
}
ZONE_KEYS = {7: "Asia/Jakarta", 8: "Asia/Makassar", 9: "Asia/Jayapura"}
POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


@dataclass(frozen=True)
class Village:
    adm4_code: str
    name: str
    district: str
    regency: str
    province: str
    longitude: float
    latitude: float
    offset: int


def forecast(village: Village, *, analysis: datetime, stormy: bool) -> bytes:
    """60 hours from seven hours after `analysis`; in a stormy one it thunders each afternoon."""
    first = analysis + timedelta(hours=7)
    moments = [first + timedelta(hours=3 * i) for i in range(20)]
    slots = [_slot(village, moment, analysis, stormy) for moment in moments]
    place = _place(village)
    body = {
        "lokasi": {**place, "timezone": ZONE_KEYS[village.offset]},
        "data": [
            {
                "lokasi": {**place, "timezone": f"+{village.offset:02d}00", "type": "adm4"},
                "cuaca": [slots[:4], slots[4:12], slots[12:]],
            }
        ],
        "_catatan": MARK,
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _place(village: Village) -> dict[str, Any]:
    code = village.adm4_code
    return {
        "adm1": code[:2],
        "adm2": code[:5],
        "adm3": code[:8],
        "adm4": code,
        "provinsi": village.province,
        "kotkab": village.regency,
        "kecamatan": village.district,
        "desa": village.name,
        "lon": round(village.longitude, 6),
        "lat": round(village.latitude, 6),
    }


def _slot(
    village: Village, moment: datetime, analysis: datetime, stormy: bool
) -> Mapping[str, Any]:
    local = moment.astimezone(timezone(timedelta(hours=village.offset)))
    lead = int((moment - analysis) / timedelta(hours=1))
    weather = _weather(local.hour, stormy)
    text, text_en = WEATHER[weather]
    wind = (37 * lead + 11 * int(village.adm4_code[-2:])) % 360
    half = "am" if 6 <= local.hour < 18 else "pm"
    return {
        "datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "t": 30 - abs(local.hour - 13) // 2,
        "tcc": {1: 20, 3: 70}.get(weather, 95),
        "tp": {61: 0.8, 63: 6.4, 95: 14.2}.get(weather, 0),
        "weather": weather,
        "weather_desc": text,
        "weather_desc_en": text_en,
        "wd_deg": wind,
        "wd": POINTS[wind // 45],
        "wd_to": POINTS[(wind // 45 + 4) % 8],
        "ws": round(2.0 + (lead % 7) * 0.9, 1),
        "hu": min(99, 58 + abs(local.hour - 13) * 3),
        "vs": None,
        "vs_text": None,
        "time_index": f"{lead - 1}-{lead}",
        "analysis_date": f"{analysis:%Y-%m-%dT%H:%M:%S}",
        "image": f"{ICONS}/{text.lower()}-{half}.svg",
        "utc_datetime": f"{moment:%Y-%m-%d %H:%M:%S}",
        "local_datetime": f"{local:%Y-%m-%d %H:%M:%S}",
    }


def _weather(local_hour: int, stormy: bool) -> int:
    if not stormy:
        return 3 if 12 <= local_hour < 18 else 1
    if 12 <= local_hour < 18:
        return 95
    return 63 if 18 <= local_hour < 23 else 61 if local_hour < 5 else 3
