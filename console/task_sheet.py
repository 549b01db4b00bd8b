"""Tasks and what their shelters need, put together for a file (`notify.tasks.export`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from notify.tasks.export import Amounts, Sheet
from notify.tasks.listing import TaskLine

if TYPE_CHECKING:
    from risk.evacuation.supplies import Supply

_EVERY = {"once": "", "week": " tiap minggu", "month": " tiap bulan"}


def sheet_of(title: str, lines: Sequence[TaskLine], at: datetime) -> Sheet:
    """With the minimum needs of each shelter to which these tasks bring people."""
    from risk.evacuation.supplies import supplies

    needs = tuple(_amounts(one) for one in supplies(lines))
    return Sheet(title, tuple(lines), at, needs)


def _amounts(supply: Supply) -> Amounts:
    needs = (
        f"{amount.need.name_id} {_number(amount.amount)} {amount.need.unit}".rstrip()
        + _EVERY[amount.need.every]
        + ("" if amount.need.confirmed else " *")
        for amount in supply.amounts
    )
    return Amounts(supply.shelter or supply.shelter_id, supply.people, supply.hall_m2, tuple(needs))


def _number(value: int) -> str:
    return f"{value:,}".replace(",", ".")
