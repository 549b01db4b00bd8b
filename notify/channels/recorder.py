"""The channel that reaches nobody: messages become lines of a file and are counted.

No address is written; who was meant is the recipient's id.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from notify.channels.channel import Outcome, Outgoing, Receipt


class Recorder:
    """One JSONL file for each warning version below `folder`."""

    route = "recorder"
    window = 500

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        lines: dict[str, list[str]] = {}
        for message in messages:
            lines.setdefault(_file_name(message), []).append(_line(message))
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, texts in lines.items():
            _append(self.folder / name, "".join(texts).encode())
        return [Receipt(Outcome.RECORDED)] * len(messages)


def recorded_counts(folder: Path) -> dict[str, int]:
    """Messages by channel, each row of the outbox once however often it was written."""
    seen: dict[int, str] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            seen[entry["outbox_id"]] = entry["channel"]
    return dict(sorted(Counter(seen.values()).items()))


def _append(path: Path, data: bytes) -> None:
    """In one piece, although another dispatcher writes to the same file.

    Raises:
        OSError: the disk is full; the last line may be cut.
    """
    with path.open("ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


def _file_name(message: Outgoing) -> str:
    return f"{message.warning_id}-v{message.version}.jsonl"


def _line(message: Outgoing) -> str:
    entry = {
        "outbox_id": message.outbox_id,
        "message_id": message.message_id,
        "recipient_id": message.recipient_id,
        "channel": message.channel,
        "status": message.cap_status,
        "text": message.text,
    }
    if message.payload is not None:
        entry["payload"] = message.payload
    return json.dumps(entry, ensure_ascii=False) + "\n"
