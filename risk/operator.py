"""The exposure operator and what belongs to it, under one name; see `risk.exposure`."""

from __future__ import annotations

from risk.exposure.compile import compile_operator
from risk.exposure.operator import (
    CLASSES,
    FINE_PARTS,
    PARTS,
    UNKNOWN,
    ExposureOperator,
    Unassigned,
    whole_people,
)

__all__ = [
    "CLASSES",
    "FINE_PARTS",
    "PARTS",
    "UNKNOWN",
    "ExposureOperator",
    "Unassigned",
    "compile_operator",
    "whole_people",
]
