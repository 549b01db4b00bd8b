"""The last handler of the inbox: whatever nobody else took is a report, or noise that is kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from kentongan.sealing import Keys, blind
from notify.inbox.handling import Handled
from notify.inbox.store import Incoming
from notify.reports.desk import Desk, Telling
from notify.reports.kinds import NOISE, SMS

KIND, NOISE_KIND = "report", "noise"
_WORD = re.compile(r"^\W*(?:lapor|lapoor|laporan|report)\b[\s:,.!-]*", re.IGNORECASE)
_NUMBER = re.compile(r"\+\d{6,15}")


@dataclass(frozen=True)
class Reports:
    """Takes every message."""

    keys: Keys
    desk: Desk

    def __call__(
        self, connection: Connection, message: Incoming, *, at: datetime
    ) -> Handled | None:
        is_person = _NUMBER.fullmatch(message.sender) is not None
        telling = Telling(
            report_id=report_id(self.keys, message.inbound_id),
            via=SMS,
            text=without_word(message.text),
            received_at=message.received_at,
            caller=message.sender_blind if is_person else "",
            inbound_id=message.inbound_id,
        )
        taken = self.desk.take(connection, telling, at=at)
        kind = NOISE_KIND if taken.state == NOISE else KIND
        detail = f"{taken.category}, urgency {taken.urgency}"
        answer = taken.answer if is_person else ""
        return Handled(kind, taken.case_id or taken.report_id, answer, taken.urgent, detail)


def report_id(keys: Keys, inbound_id: int) -> str:
    """The same for the same message; nobody guesses another's."""
    return "r-" + blind(keys, f"inbound/{inbound_id}", purpose="report")[:24]


def without_word(text: str) -> str:
    """The text behind `LAPOR`; all of it where nothing stands behind."""
    return _WORD.sub("", text) or text
