"""Judge CAP documents, ours and anybody's: see `catalogue.RULES`, and `docs/cap.md`."""

from notify.cap.rules.catalogue import RULES, Rule
from notify.cap.rules.check import MAX_BYTES, check, errors_of
from notify.cap.rules.finding import Finding
from notify.cap.rules.thread import check_thread

__all__ = ["MAX_BYTES", "RULES", "Finding", "Rule", "check", "check_thread", "errors_of"]
