"""A team that asks for help is heard by the duty posts above it, at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Connection, RowMapping

from kentongan.escalation_policy import Rung
from notify import versions
from notify.firewall.gate import RECORDER_ONLY, Routes
from notify.sending.messages import Message
from notify.sending.outbox import write
from notify.sending.urgency import Class, prio
from notify.tasks.duty import holder
from notify.tasks.rung_messages import places
from notify.tasks.steps import task as task_row
from notify.tasks.texts import help_sms

if TYPE_CHECKING:
    import pandas as pd

_POSTS = (str(Rung.REGENCY), str(Rung.PROVINCE), str(Rung.COMMAND_CENTRE))
"""The lowest that somebody holds is told."""


@dataclass(frozen=True)
class PassOn:
    """Tells the nearest duty post that is held; the audit says it in any case."""

    areas: pd.DataFrame
    routes: Routes = RECORDER_ONLY

    def __call__(self, connection: Connection, task: RowMapping, said: str, at: datetime) -> None:
        version = versions.newest_released(connection, task["warning_id"])
        found = (holder(connection, post, task["adm4_code"]) for post in _POSTS)
        person = next((one for one in found if one), None)
        if version is None or person is None or version.body.expires <= at:
            return
        place = places(connection, self.areas, [task["task_id"]])[task["adm4_code"]]
        fence = task_row(connection, task["task_id"])["fence"]
        key = f"{version.ref.identifier}/{task['task_id']}/help{fence}"
        message = Message(
            message_id=key, alert_version=key, purpose="task", channel="sms",
            area_code=task["adm4_code"], level=task["level"], prio=prio(Class.AWAS, "sms"),
            text=help_sms(task["task_id"], place, said, status=version.body.status),
            payload=None, recipient_ids=(person,), role="official",
        )  # fmt: skip
        write(
            connection, version.ref, [message], at=at, not_after=version.body.expires,
            routes=self.routes.open_to(version.body.status),
        )  # fmt: skip
