"""What an alarm says, in Indonesian: what is dead, what that means, what to do."""

from __future__ import annotations

from datetime import datetime

from kentongan.times import ZONES, local_clock, local_date

WIB = 7

HEARTBEATS: dict[str, tuple[str, str]] = {
    "cycle": (
        "siklus peringatan tidak berjalan: tidak ada peringatan baru yang dibuat atau dikirim",
        "periksa 'kentongan up' (atau 'kentongan watch') dan log programs/*.log; sementara itu "
        "jalankan 'kentongan run' dengan tangan dan pantau bmkg.go.id",
    ),
    "watch": (
        "pengamat (kentongan watch) mati: jalur kedua tanpa Airflow tidak bekerja",
        "lihat programs/watch.log, lalu jalankan lagi 'kentongan watch'",
    ),
    "dispatch": (
        "pengirim (kentongan dispatch) mati: pesan di outbox bisa tertahan",
        "jalankan lagi 'kentongan dispatch'; yang tertahan terkirim sekali saja",
    ),
    "web": (
        "aplikasi web mati: peta, daftar tugas dan /metrics tidak dapat dibuka",
        "lihat programs/web.log, lalu jalankan lagi 'kentongan web'",
    ),
    "up": (
        "'kentongan up' mati: program yang macet tidak dijalankan ulang",
        "jalankan lagi layanan kentongan (systemctl restart kentongan)",
    ),
    "scheduler": (
        "penjadwal Airflow tidak berdetak: DAG tidak dijalankan",
        "lihat programs/scheduler.log; jalur kedua 'kentongan watch' harus tetap berjalan",
    ),
    "triggerer": (
        "triggerer Airflow tidak berdetak: bel pintu gempa dan cuaca tidak didengar",
        "lihat programs/triggerer.log; backstop dan 'kentongan watch' tetap memeriksa",
    ),
    "dag-processor": (
        "dag-processor Airflow tidak berdetak: perubahan DAG tidak terbaca",
        "lihat programs/dag-processor.log",
    ),
    "canary": (
        "kenari Airflow diam: tugas Airflow tidak selesai dijalankan",
        "periksa penjadwal, api-server dan slot tugas Airflow",
    ),
}
"""Name of a heartbeat → what is dead, what to do."""

FEED_STATES = {
    "blocked": "diblokir (halaman firewall, bukan data)",
    "malformed": "rusak (tidak dapat dibaca)",
    "down": "tidak menjawab",
    "frozen": "membeku (menjawab, tetapi isinya tidak bergerak)",
    "late": "terlambat",
    "unknown": "belum pernah dibaca",
}
FEED_ACTIONS = {
    "blocked": "minta BMKG mengizinkan alamat IP dan User-Agent kita; jangan memalsukan header",
    "malformed": "lihat 'kentongan quarantine list'; bentuk dokumen mungkin berubah",
    "down": "periksa jaringan kita, lalu hubungi BMKG",
    "frozen": "hubungi BMKG; jangan anggap tidak ada peringatan",
    "late": "periksa apakah 'kentongan up' atau 'kentongan watch' berjalan",
    "unknown": "periksa apakah 'kentongan up' atau 'kentongan watch' berjalan",
}
BLIND = "peringatan yang berlaku tidak diakhiri, tetapi yang baru tidak terlihat"


def clock(value: datetime) -> str:
    return f"{local_date(value, WIB)} {local_clock(value, WIB)}"


def short_clock(value: datetime, at: datetime) -> str:
    """Without the date on the day of `at`."""
    zone = ZONES[WIB]
    same = value.astimezone(zone).date() == at.astimezone(zone).date()
    return local_clock(value, WIB) if same else clock(value)


def span(start: datetime, end: datetime) -> str:
    """`40 detik`, `12 menit`, `3 jam`, `2 hari`."""
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < 120:
        return f"{seconds} detik"
    if seconds < 2 * 3600:
        return f"{seconds // 60} menit"
    return f"{seconds // 3600} jam" if seconds < 48 * 3600 else f"{seconds // 86400} hari"
