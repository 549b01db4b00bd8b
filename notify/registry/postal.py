"""Postal codes of villages: `data/postal_codes.parquet`, after the same package as the codes.

Unofficial, and one code serves up to a hundred villages: it narrows a search and rarely ends it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from kentongan.errors import DataError
from kentongan.settings import data_dir

FILE = "postal_codes.parquet"


@cache
def postal_codes() -> dict[str, tuple[str, ...]]:
    """Postal code -> codes of its villages, ascending; empty where the file is not there."""
    path = data_dir() / FILE
    return by_postal_code(read(path)) if path.is_file() else {}


def by_postal_code(of_villages: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for village, postal in sorted(of_villages.items()):
        found.setdefault(postal, []).append(village)
    return {postal: tuple(villages) for postal, villages in found.items()}


def read(path: Path) -> dict[str, str]:
    """Village code -> postal code."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    codes, postal = (table.column(name).to_pylist() for name in ("village", "postal_code"))
    return {_dotted(c): f"{p:05d}" for c, p in zip(codes, postal, strict=True)}


def write(of_villages: Mapping[str, str], path: Path) -> None:
    """The file, the same bytes for the same codes.

    Raises:
        DataError: a code is none.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = sorted(of_villages.items())
    for village, postal in rows:
        if len(village) != 13 or len(postal) != 5 or not postal.isdigit():
            raise DataError(f"postal code {postal!r} of {village!r}: expected five digits")
    table = pa.table(
        {
            "village": pa.array([int(v.replace(".", "")) for v, _ in rows], pa.int64()),
            "postal_code": pa.array([int(p) for _, p in rows], pa.int32()),
        }
    )
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["postal_code"],
        column_encoding={"village": "DELTA_BINARY_PACKED"}, write_statistics=False,
        store_schema=False,
    )  # fmt: skip


def _dotted(number: int) -> str:
    digits = f"{number:010d}"
    return f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}.{digits[6:]}"
