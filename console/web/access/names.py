"""Roles and acts in the words of people: Indonesian, with the English of the command."""

from __future__ import annotations

from collections.abc import Mapping

from console.words import shortened
from kentongan.accounts.roles import Act, Role

ROLES: Mapping[Role, str] = {
    Role.VIEWER: "Pemirsa",
    Role.ANALYST: "Analis",
    Role.DUTY_OFFICER: "Perwira piket",
    Role.APPROVER: "Penyetuju",
    Role.COORDINATOR: "Koordinator",
    Role.ADMIN: "Admin",
}
ACTS: Mapping[Act, str] = {
    Act.VIEW: "melihat",
    Act.TICK: "mencentang daftar periksa",
    Act.APPROVE: "menyetujui peringatan",
    Act.CANCEL: "mencabut peringatan",
    Act.ALL_CLEAR: "menyatakan selesai",
    Act.BREAK_GLASS: "melepas darurat",
    Act.REVIEW: "meninjau pelepasan darurat",
    Act.STOP: "menghentikan pengiriman",
    Act.RESUME: "membuka kembali pengiriman",
    Act.ACCOUNTS: "mengurus akun",
    Act.REGISTRY: "mengurus penerima",
    Act.HEAR: "menangani laporan",
    Act.AUDIT: "membaca audit",
}

_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"),
    ("Chrome", "Chrome"), ("CriOS", "Chrome"), ("Firefox", "Firefox"), ("FxiOS", "Firefox"),
    ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def browser_name(agent: str) -> str:
    """`Chrome di Android`; what we do not know as it came, for its owner to recognise."""
    browser = next((name for mark, name in _BROWSERS if mark in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} di {system}" if browser and system else shortened(agent, 60) or "–"
