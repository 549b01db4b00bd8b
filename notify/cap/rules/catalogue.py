"""Every rule that a CAP document is judged by. Ids are stable: others write them down.

Sources: `CAP` OASIS, Common Alerting Protocol 1.2 (2010), with the section; `Google` the
profile of Google Public Alerts; `practice` what BMKG's documents and the readers of CAP show;
`ours` a rule of Kentongan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    id: str
    severity: Severity
    """`error`: breaks the standard, or leaves people without what they need. `warning`: advice."""
    says: str
    source: str
    own_error: bool = False
    """Advice to others that we hold ourselves to: such an alert of ours is not released."""


_ALL = (
    # The file.
    Rule("SIZE", "error", "The file is not larger than 20 MB.", "ours"),
    Rule("XML", "error", "The file is well-formed XML.", "CAP 3.1"),
    Rule(
        "DTD", "error", "There is no document type declaration: it can hold entity bombs.", "ours"
    ),
    Rule("ROOT", "error", "The outermost element is `alert` of CAP 1.2.", "CAP 3.1"),
    Rule("XSD", "error", "The document fits the schema of OASIS.", "CAP 3.4"),
    Rule(
        "LIMIT", "warning", "Nothing was left unjudged because the document is too large.", "ours"
    ),
    # The alert.
    Rule(
        "ID",
        "error",
        "`identifier` and `sender` are given, without space, comma, `<` or `&`.",
        "CAP 3.2.1",
    ),
    Rule(
        "TIME",
        "error",
        "Times are written `YYYY-MM-DDThh:mm:ss+08:00`, never with `Z`.",
        "CAP 3.3.2",
    ),
    Rule(
        "TIME-ZONE",
        "warning",
        "The offset is that of WIB, WITA, WIT, or `-00:00` for UTC.",
        "practice",
    ),
    Rule("TIME-ORDER", "error", "`effective`, or else `sent`, is not after `expires`.", "Google"),
    Rule("TIME-ONSET", "warning", "`onset` is before `expires`.", "CAP 3.2.2"),
    Rule("SENT-AHEAD", "error", "`sent` is not in the future (with `--at`).", "CAP 3.2.1"),
    Rule("EXPIRED", "warning", "The alert has not expired (with `--at`).", "CAP 3.2.2"),
    Rule(
        "REFERENCES",
        "error",
        "Update, Cancel, Ack and Error name what they refer to.",
        "CAP 3.2.1, Google",
    ),
    Rule(
        "REFERENCES-FORM",
        "error",
        "A reference is `sender,identifier,sent`; spaces stand between them.",
        "CAP 3.2.1",
    ),
    Rule("REFERENCES-SELF", "error", "An alert does not refer to itself.", "CAP 3.2.1"),
    Rule("REFERENCES-LATER", "error", "What is referred to was sent before.", "CAP 3.2.1"),
    Rule("REFERENCES-TWICE", "warning", "No reference is named twice.", "ours"),
    Rule(
        "REFERENCES-ALERT",
        "warning",
        "msgType Alert begins something new and refers to nothing.",
        "CAP 3.2.1",
    ),
    Rule(
        "SCOPE",
        "error",
        "`restriction` stands with Restricted only, `addresses` with Private only.",
        "CAP 3.2.1",
    ),
    Rule("INFO", "error", "A public alert has an `info`.", "Google"),
    Rule("NOTE", "warning", "Exercise and Error say in `note` what they are.", "CAP 3.2.1"),
    Rule("DRAFT", "warning", "Status Draft is not for others.", "CAP 3.2.1"),
    Rule(
        "EXERCISE-WORDS",
        "error",
        "Exercise, Test and Draft begin each text with LATIHAN or TES.",
        "ours",
    ),
    Rule(
        "ACTUAL-WORDS",
        "error",
        "An Actual alert does not say that it is an exercise or a test.",
        "ours",
    ),
    # Each info.
    Rule(
        "REQUIRED",
        "error",
        "description, web, expires, urgency, severity, certainty and area are given.",
        "Google",
    ),
    Rule("SAME-CATEGORY", "error", "All `info` have the same categories.", "Google"),
    Rule("SAME-EVENT-CODE", "error", "All `info` have the same event codes.", "Google"),
    Rule("SAME-EVENT", "error", "All `info` of one language have the same `event`.", "Google"),
    Rule(
        "SAME-FACTS",
        "warning",
        "Each language tells the same times, ranks and places.",
        "practice",
        own_error=True,
    ),
    Rule("LANGUAGES", "warning", "There is an `info` in Indonesian.", "practice", own_error=True),
    Rule(
        "ADVISED",
        "warning",
        "headline, senderName, contact, responseType and instruction are given.",
        "Google",
    ),
    Rule("HEADLINE", "warning", "The headline has at most 140 characters.", "Google"),
    Rule("TEXTS", "warning", "headline, description and instruction differ.", "Google"),
    Rule("UNKNOWN", "warning", "urgency, severity and certainty are not Unknown.", "Google"),
    Rule("ALL-CLEAR", "warning", "AllClear stands in an Update, and alone.", "CAP 3.2.2, Google"),
    Rule("EVENT-CODE", "warning", "An event code of OASIS' list is written `OET-123`.", "practice"),
    Rule("WEB", "error", "`web` and `uri` are whole addresses.", "CAP 3.2.2"),
    Rule("MARKUP", "warning", "Texts hold no mark-up.", "practice"),
    Rule(
        "HIDDEN",
        "warning",
        "Texts hold no characters that hide or turn others.",
        "ours",
        own_error=True,
    ),
    # Each area.
    Rule("AREA", "error", "An area has a polygon, a circle or a geocode.", "Google"),
    Rule("AREA-NAME", "error", "`areaDesc` says where.", "CAP 3.2.4"),
    Rule("AREA-DESC", "warning", "`areaDesc` is shorter than 50 characters.", "Google"),
    Rule(
        "POLYGON",
        "error",
        "A polygon is `lat,lon` pairs, at least four, the last equal to the first.",
        "CAP 3.2.4",
    ),
    Rule("LAT-LON", "error", "Pairs are latitude, longitude, on the earth.", "CAP 3.3.1"),
    Rule(
        "BOX",
        "warning",
        "Places lie within Indonesia's box (12° S to 8° N, 94° E to 142° E).",
        "practice",
        own_error=True,
    ),
    Rule(
        "POLYGON-SIMPLE",
        "error",
        "A polygon does not cross or touch itself, and so has no hole.",
        "Google",
    ),
    Rule("POLYGON-OVERLAP", "warning", "Polygons of one `info` do not overlap.", "Google"),
    Rule("POLYGON-POINTS", "warning", "A polygon has at most 100 points.", "practice"),
    Rule("DECIMALS", "warning", "Coordinates have at most six decimals.", "Google"),
    Rule(
        "FAR-APART", "warning", "Areas far from each other stand in alerts of their own.", "Google"
    ),
    Rule("CIRCLE", "error", "A circle is `lat,lon radius`, the radius in kilometres.", "CAP 3.2.4"),
    Rule("CIRCLE-ZERO", "warning", "A circle has a radius above zero.", "Google"),
    Rule(
        "GEOCODE",
        "warning",
        "Codes of Kemendagri are dotted, as `75.02.07.2001`.",
        "practice",
        own_error=True,
    ),
    Rule("GEOCODE-TWICE", "warning", "No geocode stands twice in an area.", "ours"),
    Rule("ALTITUDE", "error", "`ceiling` stands with `altitude`.", "CAP 3.2.4"),
    # Several documents together.
    Rule(
        "REFERENCES-COMPLETE",
        "error",
        "Update and Cancel name every unexpired alert of their thread (with `--thread`).",
        "CAP 3.2.1, Google",
    ),
    Rule(
        "REFERENCES-SENT",
        "error",
        "A reference has the `sent` of the alert that it names (with `--thread`).",
        "CAP 3.2.1",
    ),
    Rule(
        "REFERENCES-MISSING",
        "warning",
        "What is referred to is among the files (with `--thread`).",
        "ours",
    ),
    Rule(
        "THREAD-SAME-ID",
        "error",
        "A sender uses an identifier once (with `--thread`).",
        "CAP 3.2.1",
    ),
    Rule("THREAD-STATUS", "error", "A thread has one status (with `--thread`).", "ours"),
    Rule(
        "THREAD-CANCELLED",
        "error",
        "Nothing follows a Cancel in its thread (with `--thread`).",
        "CAP 3.2.1",
    ),
)

RULES: dict[str, Rule] = {rule.id: rule for rule in _ALL}
