"""Our terms in words for people: Indonesian first, English behind. No logic of warnings."""

from __future__ import annotations

from datetime import datetime

from kentongan.times import ZONES, local_clock, local_date, require_aware
from kentongan.types import HazardId, Mode
from kentongan.view import FeedLine, FeedPart

LEVELS: dict[int, tuple[str, str]] = {
    -1: ("Tidak diketahui", "not known"),
    0: ("Tidak ada", "none"),
    1: ("Dipantau", "watch"),
    2: ("Waspada", "advisory"),
    3: ("Siaga", "be ready"),
    4: ("Awas", "act now"),
}
HAZARDS: dict[str, tuple[str, str]] = {
    "thunderstorm": ("Hujan lebat dan petir", "thunderstorm"),
    "rain": ("Hujan lebat", "heavy rain"),
    "flood": ("Banjir", "flood"),
    "landslide": ("Longsor", "landslide"),
    "shaking": ("Guncangan gempa", "earthquake shaking"),
    "tsunami": ("Tsunami", "tsunami"),
}
FEED_STATES: dict[str, tuple[str, str]] = {
    "fresh": ("baru", "fresh"),
    "empty": ("kosong", "read, nothing in it"),
    "late": ("terlambat", "late"),
    "frozen": ("membeku", "frozen: answers, but nothing new"),
    "blocked": ("diblokir", "a firewall's page instead of data"),
    "malformed": ("rusak", "cannot be read"),
    "down": ("mati", "no answer"),
    "unknown": ("belum pernah dibaca", "never polled"),
    "unconfigured": ("tidak dikonfigurasi", "not configured"),
}
FEED_TITLES: dict[str, str] = {
    "bmkg-quakes": "Gempa BMKG",
    "bmkg-inatews": "Buletin tsunami InaTEWS",
    "bmkg-nowcast": "Peringatan dini cuaca BMKG",
    "bmkg-forecast": "Prakiraan cuaca desa BMKG",
    "himawari-rp": "Citra potensi hujan Himawari-9",
}
"""For readers of Indonesian; a source that is not here keeps the title of its connector."""
SEEING = frozenset({"fresh", "empty"})
"""Feed states in which a source tells us what it should."""
UNUSED = "unconfigured"
"""State of a source that is not polled: we see nothing by it, and expect nothing of it."""

WARNING_STATES: dict[str, tuple[str, str]] = {
    "draft": ("menunggu persetujuan", "draft"),
    "approved": ("disetujui", "approved"),
    "released": ("berlaku", "released"),
    "superseded": ("diganti", "superseded"),
    "ended": ("dinyatakan selesai", "ended"),
    "cancelled": ("dibatalkan", "cancelled"),
    "expired": ("habis waktu", "expired"),
}
TASKS: dict[str, tuple[str, str]] = {
    "evacuate": ("Evakuasi", "evacuate"),
    "receive": ("Terima pengungsi", "receive people outside the zone"),
    "assess": ("Kaji cepat dan bantu", "assess and assist"),
}
TASK_STATES: dict[str, str] = {
    "planned": "belum ada yang diminta",
    "sent": "menunggu jawaban",
    "received": "menunggu jawaban, sudah dibaca",
    "accepted": "diterima",
    "declined": "ditolak",
    "en-route": "dalam perjalanan",
    "on-site": "di lokasi",
    "done": "selesai",
    "failed": "gagal",
    "recalled": "dibatalkan",
}
BANNERS: dict[str, tuple[str, str]] = {
    Mode.EXERCISE: ("LATIHAN", "bukan peringatan sungguhan – exercise, not a real warning"),
    Mode.TEST: ("TES", "bukan peringatan sungguhan – test, not a real warning"),
}


def level_word(level: int) -> str:
    """`Siaga`; an unknown number stays visible as itself."""
    return LEVELS.get(level, (str(level), ""))[0]


def task_state(state: str) -> str:
    """`menunggu jawaban`; an unknown word stays visible as itself."""
    return TASK_STATES.get(state, state)


def indonesian(table: dict[str, tuple[str, str]], key: str) -> str:
    """The Indonesian word of `key`, or `key` itself where we have none."""
    return table.get(key, (key, key))[0]


def english(table: dict[str, tuple[str, str]], key: str) -> str:
    return table.get(key, (key, key))[1]


def urgency(hazard_id: str, level: int, people: int) -> tuple[bool, int, int]:
    """Sort key: a tsunami first, since minutes count there; then by level and people."""
    return (hazard_id != HazardId.TSUNAMI, -level, -people)


def feed_title(feed: FeedLine) -> str:
    return FEED_TITLES.get(feed.source_id, feed.title)


def in_trouble(feed: FeedLine) -> bool:
    """Whether a source, or a part of it, does not tell us what it should."""
    if feed.state == UNUSED:
        return False
    return feed.blind_since is not None or feed.state not in SEEING or bool(blind_parts(feed))


def blind_parts(feed: FeedLine) -> list[FeedPart]:
    """Addresses that tell us nothing while their source does."""
    if feed.state not in SEEING:
        return []
    return [part for part in feed.parts if part.blind_since]


def odd_parts(feed: FeedLine) -> list[FeedPart]:
    """Addresses that are worse off than their source, each with something to say of its own."""
    return [part for part in feed.parts if part.state not in {*SEEING, "late", feed.state}] + [
        part
        for part in feed.parts
        if part.state == "late" and part.blind_since and feed.state != "late"
    ]


def file_of(part: FeedPart) -> str:
    """`gempadirasakan.json`: the last piece of a path, shortened."""
    return shortened(part.name.rstrip("/").rpartition("/")[2] or part.name, 60)


def seconds(value: datetime, at: datetime) -> str:
    """`12 detik` up to two minutes, then as `age`: how long ago a heart beat."""
    passed = int((require_aware(at) - require_aware(value)).total_seconds())
    return f"{max(0, passed)} detik" if passed < 120 else age(value, at)


def shortened(text: str, most: int = 160) -> str:
    """One line of at most `most` characters; what comes from outside may be long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def number(value: float) -> str:
    """`12.345`: whole, thousands by dots as Indonesians write them."""
    return f"{round(value):,}".replace(",", ".")


def clock(value: datetime | None, at: datetime, zone_hours: int = 7) -> str:
    """`14.35 WIB` on the day of `at` in that zone, with the date in front on any other day."""
    if value is None:
        return "–"
    zone = ZONES[zone_hours]
    same = require_aware(value).astimezone(zone).date() == require_aware(at).astimezone(zone).date()
    time = local_clock(value, zone_hours)
    return time if same else f"{local_date(value, zone_hours)} {time}"


def moment(value: datetime, zone_hours: int = 7) -> str:
    """`24 September 2026 14.35 WIB`."""
    return f"{local_date(value, zone_hours)} {local_clock(value, zone_hours)}"


def age(value: datetime | None, at: datetime) -> str:
    """`12 menit`, `3 jam`, `2 hari`: how old a document is; `–` if there is none."""
    if value is None:
        return "–"
    minutes = max(0, int((require_aware(at) - require_aware(value)).total_seconds() // 60))
    if minutes < 120:
        return f"{minutes} menit"
    return f"{minutes // 60} jam" if minutes < 48 * 60 else f"{minutes // 1440} hari"


def travel(minutes: float | None) -> str:
    """`25 menit`, or that no team is known; travel alone, mobilisation apart."""
    known = minutes is not None and minutes == minutes
    return f"{round(minutes)} menit" if known and minutes is not None else "tidak ada tim"
