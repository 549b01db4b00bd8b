"""Names under which columns of other people's files hold what we need.

Compared without case. Earlier names win. BIG writes `KDEPUM`, `WADMKD`; copies of the decree
`kode`, `nama`; HDX `adm4_pcode`, `ADM4_EN`; Dukcapil `kode_kel`, `jumlah_penduduk`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

CODE: dict[int, tuple[str, ...]] = {
    4: (
        "adm4_code", "adm4", "kode_desa", "kode_kel", "kodedesa", "kode_kelurahan", "kdepum",
        "kd_desa", "village_code", "kode_wilayah", "kode", "code", "adm4_pcode", "pcode",
        "iddesa", "id_desa", "id",
    ),
    3: (
        "adm3_code", "adm3", "district_code", "kode_kec", "kode_kecamatan", "kdcpum", "kd_kec",
        "kode_wilayah", "kode", "code", "adm3_pcode",
    ),
    2: (
        "adm2_code", "adm2", "regency_code", "kode_kab", "kode_kabkota", "kode_kabupaten",
        "kdpkab", "kd_kab", "kode_wilayah", "kode", "code", "adm2_pcode",
    ),
    1: (
        "adm1_code", "adm1", "province_code", "kode_prov", "kode_provinsi", "kdppum", "kd_prop",
        "kode_wilayah", "kode", "code", "adm1_pcode",
    ),
}  # fmt: skip
NAME: dict[int, tuple[str, ...]] = {
    4: (
        "name", "nama", "desa", "wadmkd", "namobj", "nama_desa", "nama_kel", "kelurahan",
        "village", "kel_name", "kel_name2", "kel_name_1", "nmdesa", "adm4_name", "adm4_en",
        "adm4_id",
    ),
    3: (
        "district", "kecamatan", "wadmkc", "nama_kec", "kec_name", "kec_name_2", "kec_name_1",
        "nmkec", "adm3_name", "adm3_en", "adm3_id",
    ),
    2: (
        "regency", "kabupaten", "kab_kota", "kabkota", "wadmkk", "nama_kab", "kab_name",
        "kab_name_2", "kab_name_1", "nmkab", "adm2_name", "adm2_en", "adm2_id",
    ),
    1: (
        "province", "provinsi", "wadmpr", "nama_prov", "prov_name", "nmprov", "adm1_name",
        "adm1_en", "adm1_id",
    ),
}  # fmt: skip
PEOPLE = (
    "people", "penduduk", "jumlah_penduduk", "jumlah_pen", "jml_penduduk", "jml_pddk", "jiwa",
    "population", "total", "pop",
)  # fmt: skip
LONGITUDE = ("longitude", "lon", "lng", "long", "bujur", "x")
LATITUDE = ("latitude", "lat", "lintang", "y")
MEMBERS = ("members", "anggota", "jumlah_anggota")
CAPACITY = ("capacity", "kapasitas", "daya_tampung")
GRADE = ("grade", "jenjang", "tingkat")
SKILLS = ("skills", "keahlian", "spesialisasi")
PHONE = ("phone", "msisdn", "telepon", "no_hp", "hp")
ROAD_CLASS = ("road_class", "highway", "fclass", "type", "kelas_jalan")


def find(columns: Iterable[object], names: Sequence[str]) -> str | None:
    """The first of `names` that a table has, as the table writes it."""
    by_lower = {str(column).strip().lower(): str(column) for column in reversed(list(columns))}
    return next((by_lower[name] for name in names if name in by_lower), None)


def with_plain_names(table: pd.DataFrame, **wanted: Sequence[str]) -> pd.DataFrame:
    """The table with each found alias renamed to its keyword, unless that is there."""
    found = {key: find(table.columns, names) for key, names in wanted.items()}
    rename = {old: key for key, old in found.items() if old and key not in table.columns}
    return table.rename(columns=rename)
