"""A campaign against the firewall: homes in which any table lies, sent in any run.

Each case is known by its number. What it must not do: hand the public anything but a message that
is Actual by every witness, in a live actual run of the present; hand a test number anything but a
marked Test; write anything that lost its mark. What it must do: send when nothing speaks against
it, or the campaign would prove nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import update

from kentongan.db import messages, outbox, recipients, warnings
from kentongan.hazard import HazardEvent
from kentongan.types import DocumentStatus, HazardId, Level, Mode
from notify.firewall.forgery import LIES, NUMBER, Forgery
from notify.sending.switches import throw

AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
STATUSES = ("Actual", "Exercise", "Test", "Draft", "System", "actual", "ACTUAL", "", "Actual ")
TEXTS = (
    "Awas tsunami", "TES. Awas", "LATIHAN. Awas", "tes. Awas", "T\u200bES. Awas", "Awas (LATIHAN)",
    "\u0422\u0415\u0405. Awas", "\u202eSET\u202c. Awas", " TES. Awas", "Awas - TEST", "",
    "Awas di Kec. Tes, Lebong", "rekaan ulang: Awas", "L A T I H A N Awas", "*** TES *** Awas",
)  # fmt: skip
SPEAKS_OF_A_DRILL = frozenset(TEXTS) - {"Awas tsunami", "", "Awas di Kec. Tes, Lebong"}
ADDRESSES = (
    NUMBER, "0812-0000-0000", "6281200000000", "+62 812 0000 0000", "+999123", "0999123", "112",
    "+9\u200b99123456789", "\uff0b\uff19\uff19\uff19123456", "", "+6281300000000", "token-abc",
)  # fmt: skip
SAME_NUMBER = frozenset(ADDRESSES[:4])
PHONES = SAME_NUMBER | {"+6281300000000"}
ROUTES = ("sms", "sms", "sms", "recorder", "test", "push", "zz", "RECORDER", "Test", "")
MINUTES = (0, 0, 0, 9, -9, 10, 11, -11, 1440, -525_600)


@dataclass
class Case:
    """One home and one run, and what may come of it."""

    index: int
    mode: Mode
    live: bool
    bound_live: bool
    minutes: int
    lies: frozenset[str]
    route: str
    status: str
    text: str
    payload: dict[str, Any] | None
    address: str
    synthetic: bool
    listed: tuple[str, ...]
    stopped: bool

    @property
    def column(self) -> str:
        """Status of the warning as its table has it."""
        lied = self.status != "Actual" or "column" in self.lies
        return self.status if lied else "Test"

    @property
    def shown(self) -> list[str]:
        return [self.text, *(self.payload or {}).values()]

    @property
    def public(self) -> bool:
        """Whether this must reach the public."""
        return (
            self.mode is Mode.ACTUAL and self.live and self.bound_live
            and abs(self.minutes) <= 10 and self.lies >= LIES - {"text", "number"}
            and self.route == "sms" and self.column == "Actual"
            and not SPEAKS_OF_A_DRILL & set(self.shown)
            and self.address in PHONES and not self.synthetic and not self.stopped
        )  # fmt: skip

    @property
    def rehearsal(self) -> bool:
        """Whether this must reach a listed test number."""
        return (
            self.mode is Mode.TEST and abs(self.minutes) <= 10 and self.route == "test"
            and self.column == "Test" and all(text.startswith("TES") for text in self.shown)
            and self.address in SAME_NUMBER and bool(SAME_NUMBER & set(self.listed))
            and not self.synthetic and not self.stopped
        )  # fmt: skip

    @property
    def marked(self) -> bool:
        word = {"Actual": "", "Exercise": "LATIHAN", "Test": "TES"}.get(self.column)
        return word is not None and all(text.startswith(word) for text in self.shown)


def case(index: int) -> Case:
    """Case number `index`; a third of them are one step away from being sent."""
    rng = Random(f"firewall/{index}")  # noqa: S311 - cases, not secrets
    near = rng.random() < 0.6
    made = Case(
        index=index,
        mode=rng.choice((Mode.ACTUAL, Mode.TEST) if near else tuple(Mode)),
        live=near or rng.random() < 0.5,
        bound_live=near or rng.random() < 0.5,
        minutes=0 if near else rng.choice(MINUTES),
        lies=LIES if near else frozenset(lie for lie in sorted(LIES) if rng.random() < 0.7),
        route="sms" if near else rng.choice(ROUTES),
        status="Actual" if near else rng.choice(STATUSES),
        text="Awas tsunami" if near else rng.choice(TEXTS),
        payload=None if near or rng.random() < 0.6 else _payload(rng),
        address=NUMBER if near else rng.choice(ADDRESSES),
        synthetic=not near and rng.random() < 0.2,
        listed=(rng.choice(ADDRESSES),) if rng.random() < 0.5 else (),
        stopped=not near and rng.random() < 0.1,
    )
    return _nearly(made, rng) if near else made


def _payload(rng: Random) -> dict[str, Any]:
    return {"title": rng.choice(TEXTS), "body": rng.choice(TEXTS)}


def _nearly(made: Case, rng: Random) -> Case:
    """Everything in order for its mode, but for up to two things."""
    if made.mode is Mode.TEST:
        made.route, made.status, made.text, made.listed = "test", "Test", "TES. Awas", (NUMBER,)
    changes = (
        ("live", False), ("bound_live", False), ("minutes", rng.choice(MINUTES)),
        ("lies", LIES - {rng.choice(sorted(LIES))}), ("route", rng.choice(ROUTES)),
        ("status", rng.choice(STATUSES)), ("text", rng.choice(TEXTS)), ("payload", _payload(rng)),
        ("address", rng.choice(ADDRESSES)), ("synthetic", True), ("stopped", True),
        ("listed", (rng.choice(ADDRESSES),)),
    )  # fmt: skip
    for name, value in rng.sample(changes, rng.choice((0, 1, 1, 1, 2))):
        setattr(made, name, value)
    return made


def judge(one: Case) -> list[str]:
    """What went wrong; empty: nothing."""
    forged = _built(one)
    forged.send()
    return list(_faults(one, forged))


def _built(one: Case) -> Forgery:
    event = HazardEvent(
        event_id="tsunami-drill", hazard_id=HazardId.TSUNAMI, level=Level.AWAS, onset=AT,
        valid_from=AT, valid_to=AT, official=True, status=DocumentStatus.TEST, re_creation=True,
        title="TES Peringatan dini tsunami", method="fuzz/1", observations=(),
    )  # fmt: skip
    forged = Forgery(
        event, AT, lies=one.lies, mode=one.mode, live=one.live, bound_live=one.bound_live,
        clock=AT + timedelta(minutes=one.minutes), route=one.route, test_numbers=one.listed,
    )  # fmt: skip
    with forged.engine.begin() as connection:
        connection.execute(update(warnings).values(cap_status=one.column))
        connection.execute(update(messages).values(text=one.text, payload=one.payload))
        connection.execute(update(recipients).values(address=one.address, synthetic=one.synthetic))
    if one.stopped:
        throw(forged.engine, is_open=False, at=AT, actor="fuzz", reason="fuzz", route=None)
    return forged


def _faults(one: Case, forged: Forgery) -> Iterator[str]:
    sent, taped = len(forged.wire.sent), len(forged.recorder.sent)
    may = one.public or one.rehearsal
    if sent and not may:
        yield f"reached a phone: {one}"
    if may and not sent:
        yield f"was held back ({forged.reason()}): {one}"
    if sent > 1 or taped > 1 or (sent and taped):
        yield f"left more than once: {one}"
    if taped and (not one.marked or one.stopped or one.route != "recorder"):
        yield f"was recorded without its mark, or on another route: {one}"
    with forged.engine.connect() as connection:
        states = connection.execute(update(outbox).values(part=0).returning(outbox.c.state)).all()
    if states == [(2,)]:
        yield f"stays on the wire: {one}"


@dataclass
class Result:
    count: int = 0
    seconds: float = 0.0
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def line(self) -> str:
        ends = ", ".join(f"{number} {name}" for name, number in sorted(self.ends.items()))
        return (
            f"firewall: {self.count} cases in {self.seconds:.0f} s ({ends}), "
            f"{len(self.faults)} findings"
        )


def campaign(count: int, *, start: int = 0, seconds: float = 3_600) -> Result:
    """Judge cases `start` to `start + count`, or until the time is over."""
    result, began = Result(), time.monotonic()
    for index in range(start, start + count):
        if time.monotonic() - began > seconds:
            break
        one = case(index)
        result.faults += judge(one)
        end = "to the public" if one.public else "to a test number" if one.rehearsal else "held"
        result.ends[end] += 1
        result.count += 1
    result.seconds = time.monotonic() - began
    return result
