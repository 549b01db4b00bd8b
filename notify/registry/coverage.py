"""How many people of an area can be told by SMS, against how many live there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from kentongan.codes import parent
from kentongan.db import contacts, recipients
from notify.registry.addresses import SMS
from notify.registry.people import Role


@dataclass(frozen=True, slots=True)
class Covered:
    """One area."""

    code: str
    registered: int
    """Residents with a number who are active; no made-up ones."""
    people: int | None
    """None: not known, of at least one village."""

    @property
    def per_thousand(self) -> float | None:
        return 1000 * self.registered / self.people if self.people else None


def registered_residents(connection: Connection, area: str = "") -> dict[str, int]:
    """Village code -> residents with a number."""
    query = (
        select(recipients.c.adm4_code, func.count())
        .join(contacts, contacts.c.recipient_id == recipients.c.recipient_id)
        .where(
            contacts.c.channel == SMS, recipients.c.role == str(Role.RESIDENT),
            recipients.c.active, recipients.c.by_sms, recipients.c.synthetic.is_(False),
            recipients.c.adm4_code.startswith(f"{area}." if area else "", autoescape=True),
        )
        .group_by(recipients.c.adm4_code)
    )  # fmt: skip
    return {row[0]: row[1] for row in connection.execute(query)}


def coverage(
    registered: Mapping[str, int], people: Mapping[str, int], *, area: str = "", level: int = 3
) -> tuple[list[Covered], int]:
    """Areas of a level below `area`, and how many registered people live in no village of the set.

    Args:
        registered: by village.
        people: by village, of the layer set; 0 or less is not known.
        area: code of any level; empty: the nation.
        level: 1 to 4.
    """
    inside = f"{area}." if area else ""
    known = {code: n for code, n in people.items() if f"{code}.".startswith(inside)}
    sums: dict[str, int | None] = {}
    for code, count in known.items():
        above = parent(code, level)
        before = sums.get(above, 0)
        sums[above] = None if before is None or count <= 0 else before + count
    told: dict[str, int] = dict.fromkeys(sums, 0)
    for code in known.keys() & registered.keys():
        told[parent(code, level)] += registered[code]
    strangers = sum(count for code, count in registered.items() if code not in people)
    return [Covered(code, told[code], sums[code]) for code in sorted(sums)], strangers
