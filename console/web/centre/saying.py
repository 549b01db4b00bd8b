"""Words of the command centre's pages: how long, who may, what a warning's step is called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from console.web.access.names import ACTS as ACTS
from console.web.access.names import ROLES
from kentongan.accounts.roles import Act, Role, may
from kentongan.times import parse_instant

ACTIONS: dict[str, str] = {
    "alert": "peringatan baru",
    "update": "pembaruan",
    "renew": "perpanjangan",
    "all-clear": "pernyataan selesai",
    "cancel": "pembatalan",
    "review": "tinjauan kedua",
}
KINDS: dict[str, str] = {
    "approve": "menyetujui",
    "author": "meminta",
    "break-glass": "melepas seorang diri",
    "review": "meninjau",
}
AUDIENCES: dict[tuple[str, str], str] = {
    ("alert", "resident"): "Warga",
    ("all-clear", "resident"): "Warga yang pernah diperingatkan",
    ("readiness", "coordinator"): "Koordinator Tagana",
    ("all-clear", "coordinator"): "Koordinator Tagana",
    ("gap", "coordinator"): "Koordinator kabupaten/kota tetangga",
    ("gap", "official"): "BPBD",
}
"""(purpose, role) of a message -> who reads it."""
DECIDED = {
    "matrix": "matriks dampak", "cost-loss": "biaya dan rugi", "official": "peringatan resmi",
    "rain-image-alone": "hanya citra hujan", "rain-estimate-alone": "hanya perkiraan hujan",
    "rain-jump": "lonjakan hujan",
}  # fmt: skip
"""Column `decided_by` of `kentongan.decision.EVIDENCE`."""
TOLD = {
    "delivered": "sampai, kata operator",
    "accepted": "diterima operator, sampai atau tidak belum diketahui",
    "unknown": "tidak diketahui", "waiting": "menunggu", "recorded": "hanya dicatat (pencatat)",
    "failed": "ditolak", "late": "tidak keluar sebelum berakhir", "stopped": "dihentikan",
    "none": "terdaftar tanpa pesan",
}  # fmt: skip
"""`notify.sending.reach.Told`."""
CLASSES = {
    "call back": "panggil kembali dari zona", "correction": "koreksi", "awas": "Awas",
    "siaga": "Siaga", "waspada": "Waspada", "readiness": "kepada koordinator",
    "renewal": "perpanjangan",
}  # fmt: skip
"""`notify.dispatcher.progress.class_name`."""
SENT = {
    "delivered": "sampai", "accepted": "diterima operator",
    "recorded": "dicatat (tidak menjangkau siapa pun)",
    "on-wire": "sedang dikirim", "waiting": "menunggu", "unknown": "tidak diketahui",
    "failed": "gagal", "late": "tidak keluar sebelum berakhir", "stopped": "dihentikan",
}  # fmt: skip
"""Words of `console.web.centre.sending`."""
ROUTE_STATES = {"up": "jalan", "down": "mati", "nobody serves it": "tidak ada yang melayani"}
LANGUAGES = {"id": "Indonesia", "en": "Inggris"}


def span(value: timedelta) -> str:
    """`90 detik`, `47 menit`, `3 jam 5 menit`, `2 hari`."""
    passed = max(0, int(value.total_seconds()))
    if passed < 120:
        return f"{passed} detik"
    minutes = passed // 60
    if minutes < 120:
        return f"{minutes} menit"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} jam {rest} menit" if rest else f"{hours} jam"
    return f"{hours // 24} hari"


def left(until: datetime, at: datetime) -> str:
    """`sisa 47 menit` or `lewat 12 menit`."""
    return f"sisa {span(until - at)}" if until > at else f"lewat {span(at - until)}"


def waited(since: datetime, at: datetime) -> str:
    return f"menunggu {span(at - since)}"


def instant(text: str) -> datetime:
    """Of a table's text."""
    return parse_instant(text)


def one_line(text: str, most: int) -> str:
    """What somebody wrote, as one line of characters that can be seen and stored."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())[:most]


def role(value: str | None) -> str:
    return ROLES[Role(value)].lower() if value else "tanpa peran"


def who_may(act: Act) -> str:
    """`perwira piket atau penyetuju`."""
    return " atau ".join(ROLES[one].lower() for one in Role if may(one, act))


def people(count: int) -> str:
    return f"{count} orang"


def audience(purpose: str, for_role: str) -> str:
    return AUDIENCES.get((purpose, for_role), f"{purpose}, {for_role}")


def language(code: str) -> str:
    return LANGUAGES.get(code, code)


def areas(codes: Sequence[str]) -> str:
    return ", ".join(codes) or "seluruh negeri"
