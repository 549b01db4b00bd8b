"""What each press of a decision does, and how it is seen that it was done already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.web.centre import saying
from console.web.centre.posting import Fields
from kentongan.accounts import Actor
from kentongan.accounts.roles import Act
from kentongan.errors import RuleViolation
from kentongan.types import WarningState
from notify import versions
from notify.release.review import open_reviews
from notify.release.words import APPROVE, AUTHOR, BREAK_GLASS, REVIEW, words_of
from orchestration import by_hand

REASON_CHARS = 200
DIGEST_CHARS = 64
TWICE = timedelta(seconds=60)
"""The same word of the same person about the same within this time is one press made twice."""


@dataclass(frozen=True)
class Deed:
    """One kind of act."""

    act: Act
    word: str
    """Of `MADE`."""
    do: Callable[[Any, str, Actor, Fields, Any], dict[str, Any]]
    done: Callable[[Any, str, str, Fields, datetime], bool]
    """Whether this person's press has had its effect already."""


def _reason(fields: Fields) -> str:
    reason = saying.one_line(fields.get("alasan", ""), REASON_CHARS)
    if not reason:
        raise RuleViolation("Tulis alasannya dalam satu baris. (Say why, in one line.)")
    return reason


def _approve(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    return by_hand.approve(
        context, warning_id, actor=actor, content=fields.get("isi", "")[:DIGEST_CHARS], at=at
    )


def _break(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    return by_hand.break_glass(
        context, warning_id, actor=actor, content=fields.get("isi", "")[:DIGEST_CHARS],
        reason=_reason(fields), at=at,
    )  # fmt: skip


def _cancel(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    reason = _reason(fields)
    _as_read(context, warning_id, fields)
    return by_hand.cancel(context, warning_id, actor=actor, reason=reason, at=at)


def _cancel_at_once(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    reason = _reason(fields)
    _as_read(context, warning_id, fields)
    return by_hand.cancel(context, warning_id, actor=actor, reason=reason, at=at, at_once=True)


def _all_clear(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    reason = _reason(fields)
    _as_read(context, warning_id, fields, drafts_too=True)
    return by_hand.all_clear(context, warning_id, actor=actor, reason=reason, at=at)


def _review(context: Any, warning_id: str, actor: Actor, fields: Fields, at: Any) -> Any:
    remark = saying.one_line(fields.get("alasan", ""), REASON_CHARS)
    return by_hand.review(context, warning_id, actor=actor, remark=remark, at=at)


def _as_read(context: Any, warning_id: str, fields: Fields, *, drafts_too: bool = False) -> None:
    """That what is ended is what was read.

    What was released is taken back whatever has been drafted since, but not what went out since;
    an all-clear (`drafts_too`) not beside a draft that nobody read either: it may raise the level.
    """
    with context.engine.connect() as connection:
        newest = versions.newest(connection, warning_id)
        released = versions.newest_released(connection, warning_id)
    found = newest if drafts_too or released is None else released
    read = fields.get("versi", "")
    number = int(read) if read.isascii() and read.isdecimal() and len(read) < 7 else 0
    if found is not None and found.version > number:
        what = "peringatan" if released else "rancangan"
        raise RuleViolation(
            f"Sementara Anda membaca, {what} menjadi v{found.version}: baca lagi. "
            "(It changed while you read it.)"
        )


def _approved(connection: Any, warning_id: str, name: str, fields: Fields, at: datetime) -> bool:
    return _said(connection, warning_id, name, APPROVE, fields.get("isi", ""), at)


def _broke(connection: Any, warning_id: str, name: str, fields: Fields, at: datetime) -> bool:
    return _said(connection, warning_id, name, BREAK_GLASS, fields.get("isi", ""), at)


def _said(
    connection: Any, warning_id: str, name: str, kind: str, digest: str, at: datetime
) -> bool:
    """That this person's word about exactly this has let it out, or was said just now."""
    version = versions.newest(connection, warning_id)
    if version is None or len(digest) != DIGEST_CHARS:
        return False
    found = [
        word
        for word in words_of(connection, version).said
        if (word.actor, word.kind, word.binding) == (name, kind, digest)
    ]
    released = versions.alert_of(connection, version.ref) is not None
    return any(released or abs(at - word.at) <= TWICE for word in found)


def _cancelled(connection: Any, warning_id: str, name: str, fields: Fields, _: datetime) -> bool:
    return _ended(connection, warning_id, name, fields, "cancel")


def _cleared(connection: Any, warning_id: str, name: str, fields: Fields, _: datetime) -> bool:
    return _ended(connection, warning_id, name, fields, "all-clear")


def _ended(connection: Any, warning_id: str, name: str, fields: Fields, action: str) -> bool:
    """That this person's end of what was read stands, or went out, or their refusal of a draft."""
    version = versions.newest(connection, warning_id)
    if version is None:
        return False
    if not version.body.by_hand or version.body.action != action:
        refused = action == "cancel" and version.state == WarningState.CANCELLED
        return refused and versions.last_change(connection, version.ref)[1] == name
    mine = any((w.actor, w.kind) == (name, AUTHOR) for w in words_of(connection, version).said)
    released = versions.alert_of(connection, version.ref) is not None
    return mine and (released or fields.get("versi", "") != str(version.version))


def _reviewed(connection: Any, warning_id: str, name: str, _: Fields, __: datetime) -> bool:
    if any(one.warning_id == warning_id for one in open_reviews(connection)):
        return False
    version = versions.newest_released(connection, warning_id)
    said = words_of(connection, version).said if version else ()
    return any((word.actor, word.kind) == (name, REVIEW) for word in said)


DEEDS = {
    "approve": Deed(Act.APPROVE, "setuju", _approve, _approved),
    "break-glass": Deed(Act.BREAK_GLASS, "darurat", _break, _broke),
    "cancel": Deed(Act.CANCEL, "batal", _cancel, _cancelled),
    "cancel-at-once": Deed(Act.BREAK_GLASS, "batal", _cancel_at_once, _cancelled),
    "all-clear": Deed(Act.ALL_CLEAR, "selesai", _all_clear, _cleared),
    "review": Deed(Act.REVIEW, "tinjau", _review, _reviewed),
}
"""Last piece of the path -> the act; each has its own line in the table of rules."""
