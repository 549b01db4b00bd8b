"""One warning version as a line for faces, from its stored content alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from kentongan.view import WarningLine

if TYPE_CHECKING:
    from notify.versions import Version
    from notify.warning import AreaGroup, ReleasedAlert


def warning_line(version: Version, alert: ReleasedAlert | None) -> WarningLine:
    """`people` is 0: who lives there stands in the layer set, not in a warning."""
    body = version.body
    return WarningLine(
        warning_id=version.warning_id,
        version=version.version,
        event_id=body.event_id,
        hazard_id=str(body.hazard_id),
        title=body.title,
        level=body.level,
        state=version.state,
        msg_type=body.msg_type,
        cap_status=body.status,
        sent=datetime.fromisoformat(alert.sent) if alert else None,
        expires=body.expires,
        villages=len(body.levels),
        people=0,
        exposed=body.exposed_people,
        uncovered=body.uncovered_people,
        identifier=alert.identifier if alert else "",
        cap_path=alert.path if alert else "",
        areas=tuple(dict.fromkeys(group.adm2_name for group in body.groups)),
        zone_hours=clock_of(body.groups),
        notes=_notes(version, alert),
    )


def clock_of(groups: Sequence[AreaGroup]) -> int:
    """The clock of most villages: 7, 8 or 9."""
    sizes: dict[int, int] = {7: 0}
    for group in groups:
        sizes[group.utc_offset] = sizes.get(group.utc_offset, 0) + len(group.codes)
    return max(sizes, key=lambda hours: (sizes[hours], -hours))


def _notes(version: Version, alert: ReleasedAlert | None) -> tuple[str, ...]:
    body = version.body
    notes = [body.reason]
    if body.unresolved:
        notes.append("wilayah tidak dikenali: " + "; ".join(body.unresolved))
    if body.linked_event_id:
        notes.append(f"terkait {body.linked_event_id}")
    if alert is None:
        notes.append("belum dikirim: menunggu persetujuan")
    return tuple(notes)
