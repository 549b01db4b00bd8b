"""What changed: between two versions of a warning, and between what was read and what is now."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from console.words import level_word, moment, number
from notify.release.binding import Binding
from notify.warning import AreaGroup, WarningBody
from orchestration.warning_line import clock_of

SHOWN = 40
_DIGITS = 12
"""Of each part's hash: enough to see that it changed."""
_PARTS = {
    "content": "isi keputusan (tingkat, bukti, waktu berakhir)", "cap": "dokumen CAP",
    "texts": "teks pesan", "areas": "wilayah",
}  # fmt: skip


@dataclass(frozen=True)
class Change:
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class TextChange:
    where: str
    before: str
    """Empty: it is new."""
    after: str
    """Empty: it is gone."""


# --- between two versions


def changes(before: WarningBody, after: WarningBody) -> list[Change]:
    """The figures that differ, and how many villages came, went, rose and fell."""
    found = [
        Change("Tingkat tertinggi", level_word(before.level), level_word(after.level)),
        Change("Berakhir", _moment(before.expires, after), _moment(after.expires, after)),
        Change("Mulai", _moment(before.onset, after), _moment(after.onset, after)),
        Change("Orang terpapar", number(before.exposed_people), number(after.exposed_people)),
        Change("Tak terjangkau", number(before.uncovered_people), number(after.uncovered_people)),
        Change("Desa diperingatkan", number(len(before.levels)), number(len(after.levels))),
        Change("Dokumen", number(len(before.observations)), number(len(after.observations))),
        Change("Status CAP", before.status, after.status),
    ]
    return [one for one in found if one.before != one.after] + list(
        _villages(before.levels, after.levels)
    )


def _moment(at: datetime, body: WarningBody) -> str:
    return moment(at, clock_of(body.groups))


def _villages(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Change]:
    both = before.keys() & after.keys()
    counts = (
        ("Desa baru", len(after.keys() - both)),
        ("Desa keluar", len(before.keys() - both)),
        ("Desa naik tingkat", sum(after[code] > before[code] for code in both)),
        ("Desa turun tingkat", sum(after[code] < before[code] for code in both)),
    )
    yield from (Change(what, "", number(count)) for what, count in counts if count)


def text_changes(before: WarningBody, after: WarningBody) -> list[TextChange]:
    """SMS to residents that differ, by area; at most `SHOWN`."""
    old, new = _texts(before), _texts(after)
    keys = sorted(old.keys() | new.keys())
    found = (TextChange(key, old.get(key, ""), new.get(key, "")) for key in keys)
    return [one for one in found if one.before != one.after][:SHOWN]


def _texts(body: WarningBody) -> dict[str, str]:
    return {name: text for group in body.groups for name, text in _of_group(group) if text}


def _of_group(group: AreaGroup) -> Iterator[tuple[str, str]]:
    yield f"{group.adm2_name}, {level_word(group.level)}", group.sms
    for index, said in enumerate(group.wordings):
        yield f"{group.adm2_name}, {level_word(group.level)}, {said.language} {index + 1}", said.sms


# --- between what was read and what is now


@dataclass(frozen=True)
class Seen:
    """What a page showed, sent along with its form. It decides nothing: it explains a refusal."""

    version: int
    parts: Mapping[str, str]
    recipients: int
    messages: Mapping[str, int]

    def as_field(self) -> str:
        return json.dumps(
            [self.version, dict(self.parts), self.recipients, dict(self.messages)],
            separators=(",", ":"),
        )


def seen(version: int, binding: Binding) -> Seen:
    parts = {name: str(getattr(binding, name))[:_DIGITS] for name in _PARTS}
    return Seen(version, parts, binding.recipients, dict(binding.messages))


def read_seen(text: str) -> Seen | None:
    """None for what no page of ours wrote."""
    try:
        version, parts, recipients, messages = json.loads(text)
        return Seen(
            int(version), {str(k): str(v) for k, v in parts.items()}, int(recipients),
            {str(k)[:20]: int(v) for k, v in messages.items()},
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def moved(before: Seen, now: Seen) -> list[Change]:
    """What is no longer as it was read."""
    found = []
    if before.version != now.version:
        found.append(Change("Versi", f"v{before.version}", f"v{now.version}"))
    for name, words in _PARTS.items():
        if before.parts.get(name) != now.parts[name]:
            found.append(Change(words, before.parts.get(name, "?")[:_DIGITS], now.parts[name]))
    if before.recipients != now.recipients:
        found.append(Change("Penerima", number(before.recipients), number(now.recipients)))
    for channel in sorted({*before.messages, *now.messages}):
        old, new = before.messages.get(channel, 0), now.messages.get(channel, 0)
        if old != new:
            found.append(Change(f"Pesan {channel}", number(old), number(new)))
    return found
