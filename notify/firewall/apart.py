"""Exercise and reality apart, before a version is written: the second lock behind the firewall."""

from __future__ import annotations

from sqlalchemy import Connection

from kentongan.decision import Action
from kentongan.errors import RuleViolation
from kentongan.hazard import HazardEvent
from notify import versions
from notify.firewall.gate import CapStatus
from notify.versions import Version

PLACES = ("felt", "districts", "zones")
"""Evidence that lists names of places: Tes is a town in Bengkulu."""


def said(event: HazardEvent) -> list[str]:
    """The texts of the source in which words of a drill may stand."""
    evidence = (v for k, v in event.evidence.items() if k not in PLACES and isinstance(v, str))
    return [event.title, event.place, *evidence]


def keep_apart(connection: Connection, warning_id: str, status: CapStatus, action: Action) -> None:
    """Exercise and reality never share a warning, whatever else went wrong.

    Raises:
        RuleViolation: a run that is not Actual would change or end an Actual warning, or an
            Actual version would refer to one that is not.
    """
    found = (
        versions.newest_released(connection, warning_id),
        versions.newest(connection, warning_id),
    )
    real = next((v for v in found if v and v.body.status == "Actual"), None)
    if real and status != "Actual":
        raise RuleViolation(_mixed(real, status, action))
    released = found[0]
    refers = action not in (Action.ALERT, Action.EXPIRE)
    if released and refers and status == "Actual" and released.body.status != "Actual":
        raise RuleViolation(_mixed(released, status, action))


def _mixed(version: Version, status: CapStatus, action: Action) -> str:
    return (
        f"{action} of status {status} for warning {version.warning_id}, whose v{version.version} "
        f"is {version.body.status}: exercise and reality never share a warning; use another "
        "KENTONGAN_HOME for this run"
    )
