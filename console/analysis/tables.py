"""Tables of a home as DataFrames: times aware UTC, no number of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Engine, Select, func, select

from kentongan.db import (
    alerts,
    event_versions,
    events,
    feed_log,
    messages,
    outbox,
    reports,
    task_steps,
    tasks,
    warning_states,
    warnings,
)
from kentongan.hazard import HazardEvent
from kentongan.types import OutboxState
from notify.warning import WarningBody

STATES = {int(state): state.name.lower().replace("_", " ") for state in OutboxState}
_ABOUT_TEAMS = ("team", "shelter", "after", "note", "deadline")
"""What the plan says of a task besides its columns."""


def read(engine: Engine, query: Select[Any], times: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a query; `times` become aware timestamps, empty ones NaT."""
    with engine.connect() as connection:
        found = pd.DataFrame(connection.execute(query).mappings().all(), columns=_names(query))
    for name in times:
        found[name] = pd.to_datetime(found[name], utc=True, format="ISO8601")
    return found


def _names(query: Select[Any]) -> list[str]:
    return [str(column.key) for column in query.selected_columns]


def event_table(engine: Engine) -> pd.DataFrame:
    query = select(events.c.event_id, events.c.state, events.c.body).order_by(events.c.event_id)
    return _events(read(engine, query))


def knowledge_table(engine: Engine, event_id: str) -> pd.DataFrame:
    """Each change of what was known of one event, and why."""
    columns = (event_versions.c.version, event_versions.c.at, event_versions.c.reason)
    query = select(*columns, event_versions.c.body).where(event_versions.c.event_id == event_id)
    found = _events(read(engine, query.order_by(event_versions.c.version), ["at"]))
    return found.set_index("version")


def _events(rows: pd.DataFrame) -> pd.DataFrame:
    bodies = [HazardEvent.model_validate_json(body) for body in rows.pop("body")]
    shown = (
        "hazard_id", "level", "title", "onset", "valid_from", "valid_to", "official", "re_creation",
    )  # fmt: skip
    about = {name: [getattr(body, name) for body in bodies] for name in (*shown, "method")}
    about["quality"] = [str(body.quality) for body in bodies]
    about["hazard_id"] = [str(body.hazard_id) for body in bodies]
    about["level"] = [int(body.level) for body in bodies]
    found = pd.concat([rows, pd.DataFrame(about, index=rows.index)], axis=1)
    return found.set_index("event_id") if "event_id" in found else found


def version_table(engine: Engine, warning_id: str | None = None) -> pd.DataFrame:
    """Every version of one warning, or of all, with its newest state."""
    last = (
        select(func.max(warning_states.c.id).label("id"))
        .group_by(warning_states.c.warning_id, warning_states.c.version)
        .subquery()
    )
    joined = (
        warnings.join(
            warning_states,
            (warning_states.c.warning_id == warnings.c.warning_id)
            & (warning_states.c.version == warnings.c.version),
        )
        .join(last, last.c.id == warning_states.c.id)
        .outerjoin(
            alerts,
            (alerts.c.warning_id == warnings.c.warning_id)
            & (alerts.c.version == warnings.c.version),
        )
    )
    shown = ("warning_id", "version", "hazard_id", "level", "msg_type", "cap_status", "expires")
    query = select(
        *(warnings.c[name] for name in shown),
        warning_states.c.state, warning_states.c.at.label("state_since"), alerts.c.sent,
        alerts.c.identifier, warnings.c.event_id, warnings.c.body,
    ).select_from(joined)  # fmt: skip
    if warning_id is not None:
        query = query.where(warnings.c.warning_id == warning_id)
    query = query.order_by(warnings.c.warning_id, warnings.c.version)
    found = read(engine, query, ["expires", "state_since", "sent"])
    return _with_bodies(found)


def _with_bodies(found: pd.DataFrame) -> pd.DataFrame:
    bodies = [WarningBody.model_validate(body) for body in found.pop("body")]
    about = pd.DataFrame(
        {
            "title": [body.title for body in bodies],
            "action": [body.action for body in bodies],
            "villages": [len(body.levels) for body in bodies],
            "exposed_people": [body.exposed_people for body in bodies],
            "uncovered_people": [body.uncovered_people for body in bodies],
        },
        index=found.index,
    )
    return pd.concat([found, about], axis=1)


def text_table(body: WarningBody) -> pd.DataFrame:
    """What is said where: one row for each regency, level and language."""
    rows = []
    for group in body.groups:
        where = {"regency": group.adm2_name, "level": group.level, "villages": len(group.codes)}
        said = {"sms": group.sms, "push": f"{group.push_title}\n{group.push_body}".strip()}
        rows.append({**where, "language": "id", "only_for": 0, **said})
        rows += [
            {
                **where, "language": one.language, "only_for": len(one.villages), "sms": one.sms,
                "push": f"{one.push_title}\n{one.push_body}",
            }
            for one in group.wordings
        ]  # fmt: skip
    names = ["regency", "level", "villages", "language", "only_for", "sms", "push"]
    return pd.DataFrame(rows, columns=names)


def message_table(engine: Engine, warning_id: str) -> pd.DataFrame:
    """Each message of a warning, with how many rows stand in which state."""
    shown = ("message_id", "version", "purpose", "channel", "language", "area_code", "level")
    query = select(*(messages.c[n] for n in (*shown, "parts", "text")))
    found = read(engine, query.where(messages.c.warning_id == warning_id))
    counted = _counts(engine, warning_id, outbox.c.message_id)
    return found.set_index("message_id").join(counted).fillna(dict.fromkeys(counted, 0))


def told_table(engine: Engine, warning_id: str) -> pd.DataFrame:
    """Rows by purpose, channel and route, in columns of what became of them."""
    keys = (messages.c.purpose, outbox.c.channel, outbox.c.route)
    return _counts(engine, warning_id, *keys)


def _counts(engine: Engine, warning_id: str, *keys: Any) -> pd.DataFrame:
    joined = outbox.join(messages, messages.c.message_id == outbox.c.message_id)
    query = (
        select(*keys, outbox.c.state, func.count().label("rows"))
        .select_from(joined)
        .where(messages.c.warning_id == warning_id)
        .group_by(*keys, outbox.c.state)
    )
    found = read(engine, query)
    found["state"] = found["state"].map(STATES)
    names = [str(key.key) for key in keys]
    wide = found.pivot_table(index=names, columns="state", values="rows", fill_value=0)
    wide.columns.name = None
    return wide.astype("int64")


def task_table(engine: Engine, warning_id: str | None, places: pd.DataFrame) -> pd.DataFrame:
    """Tasks, the most urgent first. `places`: names of villages by adm4_code."""
    shown = ("task_id", "kind", "adm4_code", "level", "people", "unmet_people", "people_done")
    more = ("eta_min", "state", "due_at", "escalation", "warning_id", "created_at", "body")
    query = select(*(tasks.c[name] for name in (*shown, *more)))
    if warning_id is not None:
        query = query.where(tasks.c.warning_id == warning_id)
    query = query.order_by(tasks.c.level.desc(), tasks.c.people.desc(), tasks.c.task_id)
    found = read(engine, query, ["due_at", "created_at"])
    bodies = found.pop("body")
    for name in _ABOUT_TEAMS:
        found[name] = [str(body.get(name) or "") for body in bodies]
    found = found.join(places, on="adm4_code")
    return found.set_index("task_id")


def step_table(engine: Engine, warning_id: str | None, task_id: str | None) -> pd.DataFrame:
    """Who did what on which task, and by which way it came, in order of time."""
    shown = ("task_id", "at", "state", "via", "people", "note", "cause")
    query = select(*(task_steps.c[name] for name in shown)).join(
        tasks, tasks.c.task_id == task_steps.c.task_id
    )
    if warning_id is not None:
        query = query.where(tasks.c.warning_id == warning_id)
    if task_id is not None:
        query = query.where(tasks.c.task_id == task_id)
    return read(engine, query.order_by(task_steps.c.at, task_steps.c.id), ["at"])


def report_table(engine: Engine, at: datetime) -> pd.DataFrame:
    """What residents reported until `at`; no caller."""
    shown = ("report_id", "received_at", "via", "category", "urgency", "adm4_code", "place_text")
    query = select(*(reports.c[name] for name in (*shown, "state", "case_id", "text")))
    found = read(engine, query.order_by(reports.c.received_at), ["received_at"])
    return found[found["received_at"] <= at].set_index("report_id")


def document_table(engine: Engine, sha256: Sequence[str]) -> pd.DataFrame:
    """When and where from each of these documents was first received."""
    shown = ("sha256", "source_id", "url", "bytes")
    query = (
        select(*(feed_log.c[name] for name in shown), func.min(feed_log.c.polled_at).label("at"))
        .where(feed_log.c.sha256.in_(list(sha256)))
        .group_by(*(feed_log.c[name] for name in shown))
    )
    return read(engine, query, ["at"]).sort_values("at").set_index("sha256")
