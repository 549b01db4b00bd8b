"""One thing found in one file, said so that its owner can act on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kentongan.errors import LayerError


class Severity(StrEnum):
    REFUSE = "refuse"
    """Numbers made from it would be wrong: nothing is built."""
    FLAG = "flag"
    """Built, and the villages concerned say so in every output."""
    INFO = "info"
    """Harmless, repaired without doubt, or good to know."""


EVERYWHERE = ("",)
"""`Finding.codes` of what concerns all areas: every code starts with it."""


@dataclass(frozen=True)
class Finding:
    """What one check says.

    Attributes:
        check: stable name of the defect, e.g. `bps-codes`.
        file: name of the file as given.
        feature: which feature, column, cell or area; empty for the whole file.
        found, expected, remedy: one clause each, no full stop.
        codes: beginnings of the area codes whose people it makes doubtful.
    """

    severity: Severity
    check: str
    file: str
    feature: str
    found: str
    expected: str
    remedy: str = ""
    codes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        where = f"{self.file}: {self.feature}" if self.feature else self.file
        wanted = f"expected {self.expected}" if self.expected else ""
        words = "; ".join(part for part in (self.found, wanted, self.remedy) if part)
        return _one_line(f"{self.severity:<6}  {self.check}  {where}: {words}")

    def document(self) -> dict[str, object]:
        """For JSON and the manifest."""
        return {
            "severity": str(self.severity),
            "check": self.check,
            "file": self.file,
            "feature": self.feature,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }


def _one_line(text: str) -> str:
    """Names inside hostile files may hold control characters and line breaks."""
    return "".join(c if c.isprintable() else " " for c in text)


def refused(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(f for f in findings if f.severity is Severity.REFUSE)


def flagged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(f for f in findings if f.severity is Severity.FLAG)


def counted(findings: Iterable[Finding]) -> dict[str, int]:
    """How many of each severity, all three named."""
    number = Counter(f.severity for f in findings)
    return {str(severity): number[severity] for severity in Severity}


_SHOWN = 5
"""Refusals named in an error; `kentongan layers check` names all."""


def require_none_refused(findings: Iterable[Finding]) -> None:
    """Raise what would be refused.

    Raises:
        LayerError: names the first refusals and how many there are.
    """
    bad = refused(findings)
    if not bad:
        return
    more = f"\n… and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
    raise LayerError("\n".join(f.line for f in bad[:_SHOWN]) + more)
