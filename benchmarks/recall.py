"""From an approved cancel to its first message leaving, with 100,000 rows waiting, while another
process sends."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.harness import Bench, Result, within

if TYPE_CHECKING:
    from notify.channels.channel import Outgoing, Receipt
    from risk.layers.layerset import LayerSet

FIRST_S = 2.0
ROWS = 100_000
VILLAGES = 2_000
AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
_SENDER = """
import sys, time
from pathlib import Path
from datetime import datetime
from kentongan.db import make_engine
from notify.channels.recorder import Recorder
from notify.sending.dispatch import dispatch
class Slow(Recorder):
    window = 50
    def send(self, messages):
        time.sleep(0.05)
        return super().send(messages)
at = datetime.fromisoformat(sys.argv[3])
print("ready", flush=True)
dispatch(make_engine(sys.argv[1]), {"recorder": Slow(Path(sys.argv[2]))}, at=at)
"""


def recall() -> Iterator[Result]:
    """One event over 2,000 villages, taken back as `orchestration.by_hand` does it; the sender of
    another process goes on at 1,000 messages a second."""
    with tempfile.TemporaryDirectory() as name:
        yield from _measured(Path(name))


def _measured(folder: Path) -> Iterator[Result]:
    from sqlalchemy import func, select

    from kentongan.db import make_engine, messages, metadata, outbox
    from kentongan.types import OutboxState
    from risk.layers.layerset import load_layers

    url = f"sqlite:///{folder / 'k.sqlite'}"
    engine = make_engine(url)
    metadata.create_all(engine)
    cancel = _warned(engine, folder, load_layers(""))
    command = [sys.executable, "-c", _SENDER, url, str(folder / "recorder"), AT.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        sender.stdout.readline()
        time.sleep(3.0)  # a few thousand messages are out
        first, whole, told = cancel()
        sender.wait(120)
    sent = select(outbox.c.recipient_id, outbox.c.channel).join(
        messages, messages.c.message_id == outbox.c.message_id
    )
    gone = (OutboxState.ACCEPTED, OutboxState.UNKNOWN, OutboxState.ON_WIRE)
    of_alert = sent.where(messages.c.version == 1, outbox.c.state.in_(gone))
    with engine.connect() as connection:
        reached = set(map(tuple, connection.execute(of_alert)))
        answered = set(map(tuple, connection.execute(sent.where(messages.c.version == 2))))
        left = connection.execute(
            select(func.count()).where(outbox.c.state == OutboxState.READY)
        ).scalar_one()
    exact = "exactly those told" if reached == answered else f"{len(reached ^ answered)} differ"
    note = f"{told} told, {exact}, {left} rows left ready"
    yield within("recall.first_message", first, "s", at_most=FIRST_S, seconds=first, note=note)
    yield within("recall.all", whole, "s", at_most=120.0, seconds=whole, note="sent and cleared")


def _warned(engine: Any, folder: Path, layers: LayerSet) -> Callable[[], tuple[float, float, int]]:
    """A released alert with its rows in the outbox; a function that takes it back."""
    from kentongan.db import recipients
    from kentongan.policy import load_policy
    from kentongan.release_policy import ReleasePolicy
    from kentongan.settings import data_dir
    from kentongan.store import Store
    from kentongan.types import Mode
    from notify import ending
    from notify.release.run import publish, release_and_fill
    from notify.sending.dispatch import dispatch
    from notify.sending.outbox import clear_waiting, fill_outbox

    policy = load_policy(data_dir() / "policy" / "exercise.toml", ReleasePolicy)
    store = Store(str(folder))
    codes = layers.villages["adm4_code"].tolist()[30_000 : 30_000 + VILLAGES]
    run: dict[str, Any] = {"mode": Mode.EXERCISE, "live": True, "policy": policy}
    done = publish(
        engine, store, *_decided(codes), layers.villages, at=AT,
        coordinators=layers.coordinators, **run,
    )  # fmt: skip
    assert done.ref is not None and done.alert is not None
    each = ROWS // 2 // VILLAGES
    rows = [
        {"recipient_id": f"x-{code}-{i}", "role": "resident", "adm4_code": code,
         "address": f"+999{code.replace('.', '')}{i:02d}", "language": "id", "synthetic": True}
        for code in codes
        for i in range(each)
    ]  # fmt: skip
    with engine.begin() as connection:
        connection.execute(recipients.insert(), rows)
    fill_outbox(engine, done.ref, at=AT)
    warning_id = done.ref.warning_id

    def cancel() -> tuple[float, float, int]:
        later = AT + timedelta(minutes=1)
        ref = ending.cancel(
            engine, warning_id, layers.villages, actor="bench", at=later, reason="bench",
            mode=Mode.EXERCISE, live=True,
        )  # fmt: skip
        assert ref is not None
        tape = _Stopwatch()
        started = time.perf_counter()
        release_and_fill(
            engine, store, ref, at=later, coordinators=layers.coordinators,
            synthetic_residents=False, urgent=True, **run,
        )  # fmt: skip
        dispatch(engine, {"recorder": tape}, at=later, urgent=True)
        clear_waiting(engine, ref)
        return tape.first - started, time.perf_counter() - started, tape.count

    return cancel


class _Stopwatch:
    route = "recorder"
    window = 500

    def __init__(self) -> None:
        self.first, self.count = 0.0, 0

    def send(self, messages: Sequence[Outgoing]) -> list[Receipt]:
        from notify.channels.channel import Outcome, Receipt

        self.first = self.first or time.perf_counter()
        self.count += len(messages)
        return [Receipt(Outcome.RECORDED)] * len(messages)


def _decided(codes: Sequence[str]) -> tuple[Any, Any, Any]:
    import pandas as pd

    from kentongan.decision import Action, Decision
    from kentongan.hazard import HazardEvent
    from kentongan.types import DocumentStatus, HazardId, Level

    end = AT + timedelta(hours=2)
    event = HazardEvent(
        event_id="thunderstorm-bench", hazard_id=HazardId.THUNDERSTORM, level=Level.WASPADA,
        onset=AT, valid_from=AT, valid_to=end, official=True, status=DocumentStatus.ACTUAL,
        title="Hujan lebat disertai petir", method="bench/1", observations=("ab" * 32,),
    )  # fmt: skip
    decision = Decision(
        event_id=event.event_id, action=Action.ALERT, levels=dict.fromkeys(codes, 2),
        told=tuple(codes), expires=end, reason="bench",
    )  # fmt: skip
    impact = pd.DataFrame(
        {
            "adm4_code": list(codes),
            "level": 2,
            "exposed_people": 1000,
            "uncovered_people": 10,
            "onset": pd.Series(pd.NaT, index=range(len(codes)), dtype="datetime64[ns, UTC]"),
            "data_quality": "modelled",
        }
    )
    return decision, event, impact


BENCHES: dict[str, Bench] = {"recall": recall}
