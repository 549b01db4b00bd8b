"""Write transactions, under the name that this package uses."""

from __future__ import annotations

from kentongan.transactions import writing as writing
