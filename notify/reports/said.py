"""What we answer: one SMS each, Indonesian, no word that a warning says."""

from __future__ import annotations

from collections.abc import Sequence

from notify.firewall.answers import refusal
from notify.registry.places import Place
from notify.reports.kinds import Category
from notify.wording.gsm7 import fits_one_part

MARK_CHARS = 10
"""Kept free for the mark of an exercise in front."""
NAMES = {
    Category.DANGER: "bahaya jiwa", Category.MISSING: "orang hilang",
    Category.EVACUATE: "evakuasi", Category.CONFLICT: "konflik",
    Category.VULNERABLE: "kelompok rentan", Category.NEEDS: "kebutuhan",
    Category.TSUNAMI: "tsunami", Category.FIRE: "kebakaran", Category.LANDSLIDE: "longsor",
    Category.FLOOD: "banjir", Category.VOLCANO: "gunung api", Category.STORM: "angin/badai",
    Category.QUAKE: "gempa", Category.INFRASTRUCTURE: "jalan/listrik",
    Category.BANSOS: "bansos", Category.VOLUNTEER: "relawan/donasi", Category.CLEAR: "aman",
    Category.INFO: "pertanyaan", Category.PRANK: "lain-lain", Category.UNCLEAR: "belum jelas",
}  # fmt: skip
_LIFE = "Bahaya jiwa: telepon {number}."


def fitting(*texts: str) -> str:
    """The first text that may go out as an answer; empty where none may."""
    free = "x" * MARK_CHARS
    return next((t for t in texts if fits_one_part(free + t) and not refusal(t)), "")


def life(case_id: str, number: str, *, ask: bool) -> str:
    """112 first, whatever else is missing."""
    head = f"Ada bahaya jiwa? TELEPON {number} SEKARANG. Laporan {case_id} ditandai untuk BPBD."
    return fitting(f"{head} Desa dan kecamatan mana?" if ask else head, head)


def receipt(case_id: str, category: Category, place: Place | None, unit: str, number: str) -> str:
    name = NAMES[category]
    tail = _LIFE.format(number=number)
    short = f"Laporan {case_id} ({name}) diterima untuk {unit}. {tail}"
    if place is None:
        return fitting(short)
    where = f"{name}, Ds.{place.name} Kec.{place.district}"
    nearly = f"{name}, {place.name}"
    return fitting(
        f"Laporan {case_id} ({where}) diterima untuk {unit}. {tail}",
        f"Laporan {case_id} ({nearly}) diterima untuk {unit}. {tail}",
        short,
    )


def joined(case_id: str, number: str) -> str:
    tail = _LIFE.format(number=number)
    return fitting(f"Terima kasih. Kejadian ini sudah kami catat, kasus {case_id}. {tail}")


def which(case_id: str, places: Sequence[Place], number: str) -> str:
    """Asked once, with at most three choices or none."""
    tail = _LIFE.format(number=number)
    options = " ".join(f"{i} {p.name} Kec.{p.district}" for i, p in enumerate(places, start=1))
    shorter = " ".join(f"{i} Kec.{p.district}" for i, p in enumerate(places, start=1))
    ask = "Di desa, kecamatan dan kabupaten mana? Balas namanya."
    plain = f"Laporan {case_id} diterima. {ask} {tail}"
    if not places:
        return fitting(plain)
    return fitting(
        f"Laporan {case_id} diterima. Desa mana? Balas angka: {options}. {tail}",
        f"Laporan {case_id} diterima. Balas angka: {shorter}. {tail}",
        plain,
    )


def unclear(case_id: str, number: str) -> str:
    tail = _LIFE.format(number=number)
    return fitting(f"Pesan {case_id} diterima. Apa yang terjadi, dan di desa mana? {tail}")


def place_noted(case_id: str, place: Place, unit: str) -> str:
    return fitting(
        f"Terima kasih. Laporan {case_id}: Ds.{place.name} Kec.{place.district}, untuk {unit}.",
        f"Terima kasih. Laporan {case_id}: {place.name}, untuk {unit}.",
        f"Terima kasih. Laporan {case_id} dilengkapi.",
    )


def closed(case_id: str, note: str) -> str:
    """The closing message; words of ours where those of the desk may not go out."""
    head = f"Laporan {case_id} selesai ditangani."
    thanks = "Terima kasih."
    return fitting(f"{head} {note} {thanks}" if note else f"{head} {thanks}", f"{head} {thanks}")
