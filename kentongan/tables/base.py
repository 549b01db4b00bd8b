"""What every table is made with.

Times are ISO 8601 text in UTC (`kentongan.times.iso`), so they sort and read alike on SQLite and
PostgreSQL.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()

BIG = BigInteger().with_variant(Integer, "sqlite")
"""A key that SQLite counts up by itself."""
