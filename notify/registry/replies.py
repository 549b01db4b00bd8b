"""Answers of the registry by SMS: Indonesian, one part of 160 characters, our own words alone."""

from __future__ import annotations

from collections.abc import Sequence

from notify.firewall.marks import mark_of
from notify.registry.people import Outcome
from notify.registry.places import Found, Place
from notify.wording.gsm7 import ONE_PART, to_basic

OFFERED = 3
ROOM = ONE_PART - max(len(mark_of(status, "id")) for status in ("Actual", "Exercise", "Test"))
"""What is left behind the mark of an exercise."""

HOW_TO = (
    "Untuk menerima peringatan bencana kirim: DAFTAR <desa> <kecamatan> atau DAFTAR <kode pos>. "
    "Contoh: DAFTAR Citeureup Dayeuhkolot"
)
NOT_FOUND = (
    "Desa tidak ditemukan, Anda belum terdaftar. Kirim DAFTAR <desa> <kecamatan>, contoh: "
    "DAFTAR Citeureup Dayeuhkolot, atau DAFTAR <kode pos>."
)
STOPPED = (
    "Anda berhenti. Nomor ini tidak lagi menerima peringatan bencana dan akan dihapus. "
    "Ingin kembali? Kirim DAFTAR <desa> <kecamatan>."
)
NOT_REGISTERED = (
    "Nomor ini belum terdaftar. Untuk menerima peringatan bencana kirim: "
    "DAFTAR <desa> <kecamatan>. Contoh: DAFTAR Citeureup Dayeuhkolot"
)
BY_DUTY = (
    "Nomor ini terdaftar sebagai petugas. Untuk mengubah atau berhenti, hubungi kantor atau "
    "koordinator Tagana Anda."
)
WRONG_CODE = (
    "Kode tidak cocok atau kedaluwarsa, Anda belum terdaftar. Kirim DAFTAR <desa> <kecamatan>, "
    "contoh: DAFTAR Citeureup Dayeuhkolot"
)
_FIRST_WORDS = {
    Outcome.ADDED: "Terdaftar untuk peringatan bencana: ",
    Outcome.RETURNED: "Terdaftar kembali untuk peringatan bencana: ",
    Outcome.CHANGED: "Desa Anda diubah menjadi ",
    Outcome.KNOWN: "Anda sudah terdaftar untuk ",
}
_LAST_WORDS = ". Salah? Kirim DAFTAR <desa> <kecamatan>. Berhenti: kirim BERHENTI"


def registered(place: Place, outcome: Outcome) -> str:
    return _around(_FIRST_WORDS[outcome], place, _LAST_WORDS)


def registered_for(place: Place | None) -> str:
    """What `INFO` says to somebody who is registered; None: the village is of an older list."""
    if place is None:
        return to_basic(
            "Nomor ini terdaftar, tetapi desanya tidak ada di daftar sekarang. "
            "Kirim DAFTAR <desa> <kecamatan>. Berhenti: kirim BERHENTI"
        )
    return _around("Nomor ini terdaftar untuk ", place, _LAST_WORDS)


def _around(before: str, place: Place, behind: str) -> str:
    room = ROOM - len(before) - len(behind)
    return to_basic(before + _named(place, room) + behind)


def _named(place: Place, room: int) -> str:
    """A village's name with as much of where it lies as there is room for."""
    kec = f"{place.name}, Kec.{place.district}"
    for text in (place.short, kec, place.name):
        basic = to_basic(text)
        if len(basic) <= room:
            return basic
    return to_basic(place.name)[:room]


def question(found: Found) -> tuple[tuple[Place, ...], str]:
    """The villages that are offered for a choice, and the question; none: names alone help."""
    places = found.places
    if not places:
        return (), NOT_FOUND
    if found.near <= OFFERED:
        return places[: found.near], _choices(places[: found.near])
    return (), _narrower(found)


def _narrower(found: Found) -> str:
    """What else somebody has to say, where many villages fit; an example while there is room."""
    first, count = found.places[0], found.near
    if found.postal:
        told = f"Kode pos {found.postal} punya {count} desa. Kirim: DAFTAR {found.postal} <desa>"
        return to_basic(told)
    if found.district:
        told = f"Kec.{found.district} punya {count} desa. Kirim juga nama desanya"
    else:
        told = f"Ada {count} desa bernama {first.name} atau mirip. Kirim juga kecamatannya"
    basic = to_basic(f"{told}, contoh: DAFTAR {first.name} {first.district}")
    return basic if len(basic) <= ROOM else to_basic(told)[:ROOM]


def _choices(places: Sequence[Place]) -> str:
    digits = [str(number) for number in range(1, len(places) + 1)]
    told = digits[0] if len(digits) == 1 else f"{', '.join(digits[:-1])} atau {digits[-1]}"
    head = f"Desa mana? Balas DAFTAR {told}: "
    if len(digits) == 1:
        head = "Benar desa ini? Balas DAFTAR 1: "
    room = (ROOM - len(head)) // len(places) - len("1 ; ")
    listed = [f"{d} {_named(place, room)}" for d, place in zip(digits, places, strict=True)]
    return head + "; ".join(listed)
