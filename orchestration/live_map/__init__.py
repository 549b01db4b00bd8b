"""What the live map shows of an instant: the present, the last day, or the next three hours.

Of the past only what was known then: rows of versions, states and steps by their times. Of the
future only what is known now: warnings until their end, and the nowcast of rain.
"""

from __future__ import annotations
