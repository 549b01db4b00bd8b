"""CAP 1.2: documents, the rules they keep, signatures, and the feeds that list them."""

from notify.cap.document import (
    NAMESPACE,
    Alert,
    Area,
    Info,
    Pair,
    format_time,
    parse,
    parse_ring,
    read_tree,
    to_xml,
)

__all__ = [
    "NAMESPACE",
    "Alert",
    "Area",
    "Info",
    "Pair",
    "format_time",
    "parse",
    "parse_ring",
    "read_tree",
    "to_xml",
]
