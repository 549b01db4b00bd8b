"""Residents who were warned, and what they report: pure, in the mix of the emergency numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.simulation.acts import Act, Reaction, Way
from orchestration.simulation.behaviour import Behaviour
from orchestration.simulation.chance import between, happens, pick, share, weighted
from orchestration.simulation.heard import Heard


@dataclass(frozen=True, slots=True)
class Village:
    """As its people write it."""

    name: str
    district: str


_WEIGHTS = {
    "danger": 8, "missing": 4, "evacuate": 10, "vulnerable": 8, "needs": 20, "hazard": 20,
    "infrastructure": 12, "bansos": 6, "volunteer": 5, "info": 7,
}  # fmt: skip
"""Of ten real emergencies few are danger to life; no counts by kind are published. Unconfirmed."""

TEXTS: dict[str, dict[str, tuple[str, ...]]] = {
    "id": {
        "danger": (
            "TOLONG ada orang tertimbun di {p}", "warga terjebak di rumah roboh {p} mohon bantuan",
            "ada 2 orang luka berat di {p}",
        ),
        "missing": ("anak saya hilang sejak sore di {p}", "bapak belum ketemu, {p}"),
        "evacuate": (
            "kami 12 orang minta dijemput di {p}", "mohon evakuasi warga {p}, jalan tertutup",
        ),
        "vulnerable": (
            "ada lansia sendirian di {p} tidak bisa jalan", "ibu hamil tua di pengungsian {p}",
        ),
        "needs": (
            "pengungsi di {p} butuh tenda dan selimut", "belum ada makanan dan air bersih di {p}",
            "butuh susu bayi dan popok di posko {p}",
        ),
        "hazard": ("{h} di {p}", "lapor, {h} di {p} makin parah"),
        "infrastructure": ("jembatan putus di {p}", "listrik padam sejak tadi di {p}"),
        "bansos": ("bantuan sosial di {p} belum cair", "kapan bansos untuk {p}?"),
        "volunteer": ("saya mau jadi relawan di {p}", "bisa bantu masak di dapur umum {p}?"),
        "info": ("pengungsian terdekat dari {p} di mana?", "apakah {p} sudah aman?"),
    },
    "jv": {
        "danger": ("tulung ana wong kebrukan omah ing {p}",),
        "missing": ("anakku ilang durung ketemu ing {p}",),
        "evacuate": ("nyuwun dipethuk, omah wis ora aman ing {p}",),
        "vulnerable": ("mbah putri dhewekan ora isa mlaku ing {p}",),
        "needs": ("butuh panganan karo kemul ing {p}",),
        "hazard": ("{h} ing {p} tambah gedhe",),
        "infrastructure": ("dalane pedhot ing {p}",),
        "bansos": ("bansos ing {p} kok durung medhun",),
        "volunteer": ("aku gelem dadi relawan ing {p}",),
        "info": ("ngungsi menyang endi saka {p}?",),
    },
    "su": {
        "danger": ("tulung aya nu katindih imah di {p}",),
        "missing": ("budak abdi leungit can kapanggih di {p}",),
        "evacuate": ("punten jemput kami di {p}, jalan katutup",),
        "vulnerable": ("aya nini nyalira teu tiasa leumpang di {p}",),
        "needs": ("peryogi tuangeun sareng simbut di {p}",),
        "hazard": ("{h} di {p} beuki ageung",),
        "infrastructure": ("jambatan runtuh di {p}",),
        "bansos": ("bansos di {p} can turun",),
        "volunteer": ("abdi hoyong janten relawan di {p}",),
        "info": ("tempat ngungsi ti {p} di mana?",),
    },
}  # fmt: skip
HAZARD_WORDS = {
    "shaking": {"id": "gempa susulan kencang", "jv": "lindhu maneh", "su": "lini deui"},
    "tsunami": {"id": "air laut surut jauh", "jv": "banyu segara surut", "su": "cai laut surut"},
    "flood": {"id": "banjir sepinggang", "jv": "banjir sak dhengkul", "su": "caah sapinggang"},
    "": {"id": "hujan angin kencang", "jv": "udan angin gedhe", "su": "hujan angin rongkah"},
}
PRANKS = (
    "halo", "p", "tes tes", "wkwkwk", "pesan pizza dong", "ini nomor siapa?", "hai cantik",
    "pinjam dulu seratus", "gratis pulsa klik bit.ly/xx", "dasar goblok semua", "asdfghjkl",
    "😂😂😂", "kebakaran di hatiku", "mana gempanya? bohong", "ada hantu di rumah saya",
)  # fmt: skip


def react(seed: int, behaviour: Behaviour, heard: Heard, village: Village, hazard: str) -> Reaction:
    """What a resident sends after a warning; mostly nothing."""
    given = behaviour.residents
    who = (heard.person, heard.key)
    acts: list[Act] = []
    if happens(given.reports, seed, *who, "reports"):
        acts += _report(seed, behaviour, heard, village, hazard)
    if happens(_pranks_per_resident(behaviour), seed, *who, "pranks"):
        minutes = between(1, given.within_min, seed, *who, "prank at")
        at = heard.at + timedelta(minutes=minutes)
        text = pick(PRANKS, seed, *who, "prank")
        acts.append(_act(heard, "prank", at, text))
    return Reaction(tuple(acts))


def _pranks_per_resident(behaviour: Behaviour) -> float:
    """So that pranks are the given share of all that comes in."""
    given = behaviour.residents
    real = given.reports * (1 + given.again)
    return 1.0 if given.prank >= 1 else min(1.0, real * given.prank / (1 - given.prank))


def _report(
    seed: int, behaviour: Behaviour, heard: Heard, village: Village, hazard: str
) -> Iterator[Act]:
    given = behaviour.residents
    who = (heard.person, heard.key)
    # Most write within the first hour: the square of an even draw.
    early = share(seed, *who, "when") ** 2
    at = heard.at + timedelta(minutes=2 + early * given.within_min)
    category = weighted(_WEIGHTS, seed, *who, "category")
    language = weighted(given.languages, seed, *who, "language")
    texts = TEXTS.get(language, TEXTS["id"])[category]
    words = HAZARD_WORDS.get(hazard, HAZARD_WORDS[""])
    place = _place(seed, behaviour, heard, village)
    text = pick(texts, seed, *who, "text").format(p=place, h=words.get(language, words["id"]))
    yield _act(heard, category, at, text)
    if happens(given.again, seed, *who, "again"):
        later = at + timedelta(minutes=between(3, 50, seed, *who, "again at"))
        yield _act(heard, f"{category}-again", later, text)


def _place(seed: int, behaviour: Behaviour, heard: Heard, village: Village) -> str:
    given = behaviour.residents
    who = (heard.person, heard.key)
    if happens(given.no_place, seed, *who, "no place"):
        return "sini"
    name = village.name
    if happens(given.wrong_place, seed, *who, "slip") and len(name) > 4:
        name = _slip(seed, heard, name)
    kind = pick(("desa ", "ds. ", "kp ", "kel. ", ""), seed, *who, "kind")
    far = f" kec {village.district}" if happens(0.5, seed, *who, "district") else ""
    return f"{kind}{name}{far}"


def _slip(seed: int, heard: Heard, name: str) -> str:
    """One letter left out, doubled, or two exchanged."""
    place = 1 + int(share(seed, heard.person, "slip at") * (len(name) - 2))
    return pick(
        (
            name[:place] + name[place + 1 :],
            name[:place] + name[place] + name[place:],
            name[:place] + name[place + 1] + name[place] + name[place + 2 :],
        ),
        seed, heard.person, "slip how",
    )  # fmt: skip


def _act(heard: Heard, what: str, at: datetime, text: str) -> Act:
    key = f"{heard.person}/{what}/{heard.key}"
    return Act(at, key, heard.at, heard.person, Way.SMS, heard.number, text)
