"""Short texts about one village in the app's two languages. What a warning says is never made here:
it is what its SMS and push say."""

from __future__ import annotations

from datetime import datetime

from console import words
from kentongan.times import ZONES, require_aware
from kentongan.view import FeedLine
from notify.wording.language import language

LANGUAGES = ("id", "en")
Both = dict[str, str]
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def moment(value: datetime | None, at: datetime, zone: int) -> Both:
    """`14.35 WIB` and `14:35 WIB`, with the date on another day than `at`."""
    if value is None:
        return {"id": "–", "en": "–"}
    local = require_aware(value).astimezone(ZONES[zone])
    same = local.date() == require_aware(at).astimezone(ZONES[zone]).date()
    clock = local.strftime("%H:%M %Z")
    day = "" if same else f"{local.day} {_MONTHS[local.month - 1]} {local.year}, "
    return {"id": words.clock(value, at, zone), "en": day + clock}


def hazard(hazard_id: str) -> Both:
    return dict(zip(LANGUAGES, words.HAZARDS.get(hazard_id, (hazard_id,) * 2), strict=True))


def level(number: int) -> Both:
    """As the texts of warnings say it; below the levels that are told, our own word."""
    ours = words.LEVELS.get(number, (str(number),) * 2)
    told = [
        language(code).levels.get(number, own) for code, own in zip(LANGUAGES, ours, strict=True)
    ]
    return dict(zip(LANGUAGES, told, strict=True))


def blind_feed(feed: FeedLine, at: datetime, zone: int) -> Both:
    since = feed.blind_since
    found = {
        "id": f"{words.feed_title(feed)} tidak terbaca sebagaimana mestinya",
        "en": f"{feed.title} cannot be read as it should",
    }
    if since is None:
        return {code: text + "." for code, text in found.items()}
    clock = moment(since, at, zone)
    return {
        "id": f"{found['id']} sejak {clock['id']}.",
        "en": f"{found['en']} since {clock['en']}.",
    }


NO_RUN: Both = {
    "id": "Kentongan belum pernah mengolah data.",
    "en": "Kentongan has not worked on any data yet.",
}


NO_VALUES: Both = {
    "id": "Sebagian data untuk desa ini tidak terbaca; bahayanya belum kami ketahui.",
    "en": "Some of the data for this village could not be read; the danger is not known to us.",
}


def old_run(newest: datetime, at: datetime, zone: int) -> Both:
    clock = moment(newest, at, zone)
    return {
        "id": f"Data terakhir diolah {clock['id']}; sejak itu tidak ada yang baru.",
        "en": f"Data was last worked on at {clock['en']}; nothing new since.",
    }


def unknown_area(title: str, until: datetime | None, at: datetime, zone: int) -> Both:
    said = words.shortened(title, 200)
    end = moment(until, at, zone) if until else None
    return {
        "id": f"BMKG memberi peringatan untuk provinsi ini, wilayahnya belum kami ketahui: {said}"
        + (f" (sampai {end['id']})." if end else "."),
        "en": f"BMKG warns in this province; which villages is not known to us: {said}"
        + (f" (until {end['en']})." if end else "."),
    }


ENDED: dict[str, Both] = {
    "all-clear": {
        "id": "Peringatan dinyatakan berakhir", "en": "The warning has been ended",
    },
    "cancel": {"id": "Peringatan dibatalkan", "en": "The warning was cancelled"},
    "dropped": {
        "id": "Peringatan tidak lagi mencakup desa ini",
        "en": "The warning no longer covers this village",
    },
    "expired": {
        "id": "Peringatan habis waktunya; ini bukan pernyataan aman",
        "en": "The warning ran out; this is not an all-clear",
    },
}  # fmt: skip
