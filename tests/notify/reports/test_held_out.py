"""How many of the labelled messages that the rules have never seen are routed right."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from notify.reports.classify import classify
from notify.reports.kinds import Category
from notify.reports.routing import routing

HERE = Path(__file__).parent
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
FROZEN = "5bf561c5f0621e33dd6a1901f54dd0efce22bf50a0ad60e7cbdaadedb96c8b35"


def messages(name):
    """(category, language, text) of each line."""
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("|", 2)) for line in lines if line and not line.startswith("#")]


def unit(category):
    return routing().unit_for(Category(category), at=AT).code


def shares(found):
    """Of (true, said): right category, right unit."""
    total = len(found)
    return (
        sum(true == said for true, said in found) / total,
        sum(unit(true) == unit(said) for true, said in found) / total,
    )


def test_the_held_out_set_is_the_one_that_was_frozen():
    assert hashlib.sha256((HERE / "held_out.txt").read_bytes()).hexdigest() == FROZEN
    assert len(messages("held_out.txt")) >= 400
    both = {m[2] for m in messages("held_out.txt")} & {m[2] for m in messages("development.txt")}
    assert len(both) <= 5, both


def confusion(found):
    """Rows: what it is; columns: what was said."""
    counts = Counter(found)
    names = [str(c) for c in Category]
    head = f"{'':>14} " + " ".join(f"{n[:5]:>5}" for n in names)
    rows = [
        f"{true:>14} " + " ".join(f"{counts[true, said] or '.':>5}" for said in names)
        for true in names
    ]
    return "\n".join([head, *rows])


def summary(name):
    found = [(true, str(classify(text).category)) for true, _, text in messages(name)]
    kinds, units = shares(found)
    life = [said for true, said in found if true == "danger"]
    alarms = sum(said == "danger" != true for true, said in found)
    return "\n".join(
        [
            f"{name}: {len(found)} messages, right category {kinds:.1%}, right unit {units:.1%}; "
            f"danger to life seen {life.count('danger')} of {len(life)}, said wrongly {alarms}",
            confusion(found),
        ]
    )


if __name__ == "__main__":
    for name in ("development.txt", "held_out.txt"):
        sys.stdout.write(summary(name) + "\n\n")
