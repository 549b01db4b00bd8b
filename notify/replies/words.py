"""What we answer to a reply: one short SMS each, Indonesian, within 150 characters, so that the
mark of an exercise fits in front."""

from __future__ import annotations

from collections.abc import Sequence

from rapidfuzz.distance import OSA

from kentongan.task_life import TaskState

NO_TASK = (
    "Tidak ada tugas terbuka untuk nomor ini. Bila Anda melaporkan kejadian, tulis: "
    "LAPOR <kejadian> <desa>"
)
THANKS_LATE = "Terima kasih, tugas {task} sudah diterima orang lain. Anda tidak perlu berangkat."
OVER = {
    TaskState.DONE: "Tugas {task} sudah tercatat selesai. Terima kasih.",
    TaskState.RECALLED: "Tugas {task} sudah dibatalkan: peringatannya berakhir. Jangan berangkat.",
    TaskState.PLANNED: "Tugas {task} ditarik kembali. Jangan berangkat sebelum ada pesan baru.",
}
SAID = {
    TaskState.ACCEPTED: (
        "Terima kasih, tugas {task} Anda terima. Berangkat: balas JALAN {task}. "
        "Selesai: SELESAI {task} <jumlah orang>"
    ),
    TaskState.DECLINED: "Tercatat: {task} tidak dapat Anda ambil. Orang lain kami hubungi.",
    TaskState.EN_ROUTE: "Tercatat: menuju lokasi {task}. Tiba: balas TIBA {task}. Hati-hati.",
    TaskState.ON_SITE: "Tercatat: di lokasi {task}. Selesai: balas SELESAI {task} <jumlah orang>",
    TaskState.FAILED: "Tercatat: {task} gagal. Orang lain kami hubungi. Jaga keselamatan.",
}
DONE_WITH = "Tercatat: {task} selesai, {people} orang. Terima kasih."
DONE_HOW_MANY = "Tercatat: {task} selesai. Berapa orang? Balas SELESAI {task} <jumlah>"
HELP = "Permintaan bantuan untuk {task} diteruskan ke posko. Bahaya jiwa: telepon 112."
HELP_NO_TASK = (
    "Butuh bantuan apa, di mana? Tulis: LAPOR <kejadian> <desa>. Bahaya jiwa: telepon 112."
)
YES_OR_NO = "Tugas {task}: balas YA {task} bila menerima, TIDAK {task} bila tidak."
NOT_YOURS = "Tugas {task} tidak diberikan kepada nomor ini. Periksa nomornya."
UNKNOWN = "Nomor tugas {digits} tidak dikenal."
WHICH = "Tugas yang mana? Balas {word} dan nomornya: {tasks}"
UNCLEAR = (
    "Maaf, balasan tidak dimengerti. Balas YA, TIDAK, JALAN, TIBA atau SELESAI <jumlah>: {task}"
)
SHOWN = 5
"""Numbers that one answer lists."""


def which(word: str, task_ids: Sequence[str]) -> str:
    rest = len(task_ids) - SHOWN
    listed = ", ".join(task_ids[:SHOWN]) + (f" (+{rest} lagi)" if rest > 0 else "")
    return WHICH.format(word=word, tasks=listed)


def unknown(digits: str, open_ids: Sequence[str]) -> str:
    """Names the task that was meant, where there is only one, or one that differs by one slip."""
    said = UNKNOWN.format(digits=digits[:9])
    near = [one for one in open_ids if OSA.distance(one.lstrip("T"), digits, score_cutoff=1) <= 1]
    meant = near if len(near) == 1 else open_ids
    return f"{said} Maksud Anda {meant[0]}? Balas dengan nomor itu." if len(meant) == 1 else said
