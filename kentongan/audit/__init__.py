"""The audit: a chain of hashes over every act, its signed heads, and their proof."""

from __future__ import annotations

from kentongan.audit.chain import GENESIS as GENESIS
from kentongan.audit.chain import append as append
from kentongan.audit.chain import canonical as canonical
from kentongan.audit.verify import first_broken as first_broken
