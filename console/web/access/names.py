"""Roles and acts in the words of people: Indonesian, with the English of the command."""

from __future__ import annotations

from collections.abc import Mapping

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
