"""How often somebody may do something; see `kentongan.limits`."""

from __future__ import annotations

from kentongan.limits import Per as Per
from kentongan.limits import counted as counted
from kentongan.limits import forget as forget
