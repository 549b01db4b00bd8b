"""Who asks, and whether they may: every route has its line in `rules.py`, or is not served."""

from __future__ import annotations

from console.web.access.rules import RULES as RULES
from console.web.access.rules import Need as Need
from console.web.access.rules import Rule as Rule
from console.web.access.who import Who as Who
from console.web.access.who import who as who
