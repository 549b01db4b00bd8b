"""Rules about the `info` blocks: what each must say, and that all say the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from notify.cap.document import NAMESPACE
from notify.cap.rules.finding import Finding, children, found, local, shown, words

HEADLINE_LIMIT = 140
_REQUIRED = ("description", "web", "expires", "urgency", "severity", "certainty", "area")
_ADVISED = ("headline", "senderName", "contact", "responseType", "instruction")
_RANKS = ("urgency", "severity", "certainty")
_TEXTS = ("event", "senderName", "headline", "description", "instruction", "areaDesc", "audience")
_ADDRESS = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z][a-z0-9]{0,10}\b[^<>]{0,80}>|&(?:amp|lt|gt|nbsp|quot|#\d+);", re.I)
_OET = re.compile(r"OET-\d{3}")
_FACTS = (
    "category", "responseType", "urgency", "severity", "certainty", "eventCode", "effective",
    "onset", "expires", "area/polygon", "area/circle", "area/geocode",
)  # fmt: skip


def required(root: Any) -> Iterator[Finding]:
    for info in children(root, "info"):
        for name in _REQUIRED:
            given = children(info, name)
            if not given or (name != "area" and not words(info, name)):
                yield found("REQUIRED", f"info without {name}", info)


def addresses(root: Any) -> Iterator[Finding]:
    for name in ("web", "uri"):
        for element in root.iter(f"{{{NAMESPACE}}}{name}"):
            text = (element.text or "").strip()
            if text and not _ADDRESS.match(text) and not _embedded(element):
                message = f"{name} {shown(text)}: expected a whole address, https://…"
                yield found("WEB", message, element)


def _embedded(element: Any) -> bool:
    """A `uri` may be a mere name where the resource's bytes stand beside it."""
    return local(element) == "uri" and bool(children(element.getparent(), "derefUri"))


def same_for_all(root: Any) -> Iterator[Finding]:
    infos = children(root, "info")
    events: dict[str, str] = {}
    for info in infos:
        for rule, name in (("SAME-CATEGORY", "category"), ("SAME-EVENT-CODE", "eventCode")):
            if _said(info, name) != _said(infos[0], name):
                yield found(rule, f"{name} differs from that of the first info", info)
        language, event = _language(info), words(info, "event")
        if events.setdefault(language, event) != event:
            message = (
                f"event {shown(event)}; another info in {language} says {shown(events[language])}"
            )
            yield found("SAME-EVENT", message, info)


def same_facts(root: Any) -> Iterator[Finding]:
    """The info blocks of each language, taken together, tell the same to a machine."""
    told: dict[str, list[Any]] = {}
    for info in children(root, "info"):
        told.setdefault(_language(info), []).append(info)
    first, *others = [*told] or [""]
    facts = {language: sorted(map(_facts, infos)) for language, infos in told.items()}
    for language in others:
        if facts[language] != facts[first]:
            names = _differing(told[first], told[language])
            message = f"{language} and {first} differ in {', '.join(names) or 'number of info'}"
            yield found("SAME-FACTS", message, told[language][0])


def _facts(info: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(_said(info, name) for name in _FACTS)


def _differing(one: list[Any], other: list[Any]) -> list[str]:
    def all_of(infos: list[Any], name: str) -> list[tuple[str, ...]]:
        return sorted(_said(info, name) for info in infos)

    return [name for name in _FACTS if all_of(one, name) != all_of(other, name)]


def _said(info: Any, name: str) -> tuple[str, ...]:
    """All texts under elements of that name, sorted, white space single."""
    return tuple(sorted(" ".join("\n".join(e.itertext()).split()) for e in children(info, name)))


def _language(info: Any) -> str:
    """Lower case; where none is given CAP means en-US."""
    return (words(info, "language") or "en-US").lower()


def languages(root: Any) -> Iterator[Finding]:
    told = {_language(info) for info in children(root, "info")}
    if told and not any(language.split("-")[0] in ("id", "in") for language in told):
        names = ", ".join(sorted(told))
        yield found("LANGUAGES", f"no info in Indonesian (id-ID), only {shown(names)}", root)


def texts(root: Any) -> Iterator[Finding]:
    for info in children(root, "info"):
        headline = words(info, "headline")
        if len(headline) > HEADLINE_LIMIT:
            message = f"{len(headline)} characters; at most {HEADLINE_LIMIT}"
            yield found("HEADLINE", message, children(info, "headline")[0])
        said = [words(info, name) for name in ("headline", "description", "instruction")]
        given = [text for text in said if text]
        if len(set(given)) < len(given):
            yield found("TEXTS", "headline, description and instruction repeat each other", info)
        for name in _ADVISED:
            if not words(info, name):
                yield found("ADVISED", f"info without {name}", info)
        for name in _RANKS:
            if words(info, name) == "Unknown":
                yield found("UNKNOWN", f"{name} Unknown helps nobody", children(info, name)[0])


def characters(root: Any) -> Iterator[Finding]:
    for name in _TEXTS:
        for element in root.iter(f"{{{NAMESPACE}}}{name}"):
            text = element.text or ""
            tag = _TAG.search(text)
            if tag:
                yield found("MARKUP", f"{name} holds mark-up: {shown(tag[0])}", element)
            codes = sorted({f"U+{ord(c):04X}" for c in text if _hides(c)})
            if codes:
                yield found("HIDDEN", f"{name} holds {', '.join(codes[:5])}", element)


def _hides(character: str) -> bool:
    """Controls, and formats that turn or hide letters; U+00AD is only a place to break."""
    kind = unicodedata.category(character)
    return kind in ("Cc", "Cf") and character not in "\t\n\r\u00ad"


def all_clear(root: Any) -> Iterator[Finding]:
    for info in children(root, "info"):
        kinds = [(e.text or "").strip() for e in children(info, "responseType")]
        if "AllClear" not in kinds:
            continue
        if words(root, "msgType") == "Alert":
            yield found("ALL-CLEAR", "AllClear in an Alert: what ends is not said", info)
        if len(set(kinds)) > 1:
            others = ", ".join(sorted(set(kinds) - {"AllClear"}))
            yield found("ALL-CLEAR", f"AllClear beside {others}", info)


def event_codes(root: Any) -> Iterator[Finding]:
    for code in root.iter(f"{{{NAMESPACE}}}eventCode"):
        scheme, value = words(code, "valueName"), words(code, "value")
        if scheme.partition(":")[0] == "OET" and not _OET.fullmatch(value):
            yield found("EVENT-CODE", f"{shown(value)}: expected a code as OET-194", code)
