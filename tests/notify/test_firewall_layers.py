"""The message of 27 May 2021, re-created: every layer stops it, each alone."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from console.drill_check import read_drill, read_file, verdicts
from kentongan.db import messages, outbox, recipients, records, warnings
from kentongan.errors import DataError, RuleViolation
from kentongan.settings import data_dir
from kentongan.types import Mode
from notify.channels.channel import Origin, Outgoing
from notify.firewall import clearance
from notify.firewall.clearance import (
    Clearance,
    Cleared,
    number,
    public_clearance,
    rehearsal_clearance,
)
from notify.firewall.forgery import LIES, NUMBER, Forgery, Tape
from notify.firewall.gate import Routes, channels_for
from notify.firewall.inspection import SUPPRESSED
from notify.sending.dispatch import dispatch

ROOT = Path(__file__).parents[2]
FILE = data_dir() / "drills" / "2021-05-27.json"
DRILL = read_file(FILE)
VERDICTS = verdicts(DRILL)
AT = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize("verdict", VERDICTS[:-1], ids=lambda v: v.layer)
def test_each_layer_alone_stops_the_drill(verdict):
    assert verdict.stopped, verdict


def test_without_any_layer_the_scratch_wire_is_reached():
    """So the rows above prove something."""
    assert not VERDICTS[-1].stopped and VERDICTS[-1].layer == "control"
    assert len(VERDICTS) > 25 and len({v.layer for v in VERDICTS}) == len(VERDICTS)


def test_a_document_that_is_no_drill_is_refused():
    real = (ROOT / "tests/fixtures/feeds/datagempa.json").read_bytes()
    with pytest.raises(DataError, match="says Actual"):
        read_drill(real)
    with pytest.raises(DataError, match="none of BMKG's documents"):
        read_drill(b"{}")
    assert read_drill((ROOT / "tests/fixtures/feeds/datagempa-tes.json").read_bytes())


@pytest.mark.parametrize("count", [1, 2])
def test_any_lie_less_is_stopped_and_written_down(count):
    pairs = list(itertools.combinations(sorted(LIES), count))
    for left_out in pairs[:: count**2]:
        forged = Forgery(DRILL.event, AT, lies=LIES - set(left_out))
        assert forged.send() == 0, left_out
        at_the_guard = set(left_out) <= {"text", "number"}
        assert forged.reason().startswith("failed" if at_the_guard else "suppressed")
        assert forged.audited(SUPPRESSED) == (0 if at_the_guard else 1)


@pytest.mark.parametrize("route", ["sms", "push", "zz-modem", "aggregator"])
@pytest.mark.parametrize("mode", [Mode.EXERCISE, Mode.TEST])
def test_a_public_row_in_an_exercise_home_is_taken_out(route, mode):
    """No channel serves it here; a later run that does must not find it."""
    forged = Forgery(DRILL.event, AT, lies=frozenset(), mode=mode, route=route)
    assert forged.send() == 0
    assert forged.reason().startswith("suppressed") and forged.audited(SUPPRESSED) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "Awas tsunami"},
        {"text": " TES. Awas"},
        {"text": "\u200bTES. Awas"},
        {"payload": {"title": "Awas", "body": "TES. Awas"}},
        {"payload": {"title": "TES. Awas", "body": "TES. Awas", "status": "Actual"}},
        {"payload": {"title": None, "body": "TES. Awas"}},
    ],
)
def test_what_lost_its_mark_is_not_even_recorded(changes):
    forged = Forgery(DRILL.event, AT, lies=frozenset(), mode=Mode.TEST, route="recorder")
    with forged.engine.begin() as connection:
        connection.execute(update(messages).values(**changes))
    tape = Tape()
    dispatch(forged.engine, {"recorder": tape}, at=AT)
    assert tape.sent == [] and forged.audited(SUPPRESSED) == 1
    with forged.engine.begin() as connection:
        connection.execute(update(messages).values(text="TES. Awas", payload=None))
        connection.execute(update(outbox).values(state=0))
    dispatch(forged.engine, {"recorder": tape}, at=AT)
    assert len(tape.sent) == 1


WORDS = [
    "TES",
    "tes",
    "LATIHAN",
    "T\u200bES",
    "\u0422\u0415\u0405",
    "T E S",
    "(LATIHAN)",
    "*** TES ***",
]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("where", ["text", "title", "deep"])
def test_words_of_a_drill_in_a_real_message_keep_it_in(word, where):
    said = f"{word} Awas tsunami"
    payload = {"title": {"title": said, "body": "Awas"}, "deep": {"x": [{"y": said}]}}.get(where)
    forged = Forgery(DRILL.event, AT)
    with forged.engine.begin() as connection:
        text = said if where == "text" else "Awas tsunami"
        connection.execute(update(messages).values(text=text, payload=payload))
    assert forged.send() == 0 and "drill" in forged.reason()


@pytest.mark.parametrize("minutes", [-11, 11, 60 * 24, -60 * 24 * 365])
def test_the_guard_believes_its_own_clock(minutes):
    forged = Forgery(DRILL.event, AT, clock=AT + timedelta(minutes=minutes))
    assert forged.send() == 0 and forged.reason() == "ready"


def test_a_clearance_that_runs_out_on_the_way_leaves_the_rows_ready():
    forged = Forgery(DRILL.event, AT)
    clock = iter([AT, AT, *[AT + timedelta(minutes=11)] * 9])
    found = channels_for(
        forged.engine, Mode.ACTUAL, live=True, at=AT, recorder=Tape(),
        real={"sms": forged.wire}, clock=lambda: next(clock),
    )  # fmt: skip
    dispatch(forged.engine, found, at=AT)
    assert forged.wire.sent == [] and forged.reason().startswith("ready")


# --- types --------------------------------------------------------------------------------


def message(**changes: Any) -> Outgoing:
    values: dict[str, Any] = {
        "outbox_id": 1, "message_id": "m", "warning_id": "w", "version": 1, "channel": "sms",
        "recipient_id": "r", "address": NUMBER, "text": "Awas", "payload": None, "level": 4,
        "cap_status": "Actual", "origin": Origin("Actual"),
    }  # fmt: skip
    return Outgoing(**{**values, **changes})


def cleared_run() -> Clearance:
    found = public_clearance(Mode.ACTUAL, live=True, bound_to="actual", at=AT, clock=lambda: AT)
    assert found is not None
    return found


def test_nobody_else_makes_a_clearance_a_cleared_message_or_real_routes():
    with pytest.raises(RuleViolation, match="alone"):
        Cleared(message(), cleared_run(), key=object())
    with pytest.raises(RuleViolation, match="alone"):
        Clearance(key=None, status="Actual", at=AT, clock=lambda: AT, numbers=None)
    with pytest.raises(RuleViolation, match="alone"):
        Routes(real=True)
    with pytest.raises(RuleViolation, match="alone"):
        Routes(real=True, key=object())


def test_a_type_checker_refuses_a_plain_message_and_a_bare_channel(tmp_path):
    """What `make lint` would say of code that goes round the firewall."""
    (tmp_path / "bad.py").write_text(
        "from collections.abc import Sequence\n"
        "from notify.channels.channel import Channel, Outgoing\n"
        "from notify.channels.real import RealChannel\n"
        "def one(channel: RealChannel, m: Sequence[Outgoing]) -> None:\n"
        "    channel.send(m)\n"
        "def two(channel: RealChannel) -> Channel:\n"
        "    return channel\n"
    )
    command = [
        sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent",
        "--cache-dir", str(tmp_path / "cache"), str(tmp_path / "bad.py"),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "bad.py:5: error" in done.stdout and "bad.py:7: error" in done.stdout, done.stdout


def test_the_key_is_used_in_its_own_module_alone():
    """Nothing in the product says `Cleared(` or `Clearance(` but the module that may."""
    for folder in ("notify", "orchestration", "console", "dags", "kentongan"):
        for path in (ROOT / folder).rglob("*.py"):
            code = path.read_text(encoding="utf-8")
            if path.name != "clearance.py":
                assert "Cleared(" not in code and "Clearance(" not in code, path
                assert "clearance._KEY" not in code, path


def test_a_cleared_message_is_looked_at_again_at_the_wire():
    now = [AT]
    run = public_clearance(Mode.ACTUAL, live=True, bound_to="actual", at=AT, clock=lambda: now[0])
    assert run is not None
    one = run.clear(message())
    forged = Forgery(DRILL.event, AT)
    assert len(forged.wire.send([one])) == 1
    now[0] = AT + timedelta(hours=1)
    with pytest.raises(RuleViolation, match="replay"):
        forged.wire.send([one])


# --- everything at once -------------------------------------------------------------------

ANY_STATUS = st.sampled_from(["Actual", "Exercise", "Test", "Draft", "System", "actual", ""])
ANY_TEXT = st.sampled_from(["Awas", "TES. Awas", "LATIHAN. Awas", "(TES) Awas", "T\u200bES Awas"])


@given(
    mode=st.sampled_from(Mode), live=st.booleans(), bound=st.none() | ANY_STATUS,
    minutes=st.integers(-30, 30), column=ANY_STATUS, origin=st.none() | ANY_STATUS,
    doubts=st.lists(st.just("doubt"), max_size=1), text=ANY_TEXT, synthetic=st.booleans(),
    address=st.sampled_from([NUMBER, "0812-0000-0000", "+999123", "112", "", "token"]),
)  # fmt: skip
def test_only_one_combination_is_cleared(
    mode, live, bound, minutes, column, origin, doubts, text, synthetic, address
):
    clock = AT + timedelta(minutes=minutes)
    run = public_clearance(mode, live=live, bound_to=bound, at=AT, clock=lambda: clock)
    may = mode is Mode.ACTUAL and live and bound == "actual" and abs(minutes) <= 10
    assert (run is not None) == may
    stood = None if origin is None else Origin(origin, tuple(doubts))
    sent = message(cap_status=column, origin=stood, text=text, synthetic=synthetic, address=address)
    real = (
        column == origin == "Actual" and not doubts and text == "Awas" and not synthetic
        and number(address) == NUMBER
    )  # fmt: skip
    if run is not None and real:
        run.clear(sent).check()
    elif run is not None:
        with pytest.raises(RuleViolation):
            run.clear(sent)


@given(st.text(max_size=30))
def test_a_number_has_one_spelling(text):
    assert number(number(text)) == number(text)
    assert not clearance.is_synthetic(text) or clearance.is_synthetic(f" {text} ")


@given(
    digits=st.text("0123456789", min_size=8, max_size=10),
    prefix=st.sampled_from(["+62", "62", "0", "0062", "+62 ", "62-"]),
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", "\u200b", "\u00a0", "\u2011"]), min_size=3),
)
def test_a_listed_number_is_known_however_it_is_written(digits, prefix, gaps):
    bare = f"8{digits}"
    spelt = prefix + "".join(g + d for g, d in zip(itertools.cycle(gaps), bare, strict=False))
    run = rehearsal_clearance(Mode.TEST, [f"+62{bare}"], at=AT, clock=lambda: AT)
    assert run is not None
    test = {"cap_status": "Test", "text": "TES. Awas", "origin": None}
    run.clear(message(address=spelt, **test))
    with pytest.raises(RuleViolation, match="listed"):
        run.clear(message(address=f"{spelt[:-1]}{(int(spelt[-1]) + 1) % 10}", **test))


def test_the_command_says_so():
    command = [str(Path(sys.executable).parent / "kentongan"), "drill-check"]
    as_json = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
    assert as_json.returncode == 0, as_json.stderr
    document = json.loads(as_json.stdout)
    assert all(row["stopped"] for row in document["layers"])
    assert document["control_reached_the_wire"] is True


def test_an_old_exercise_in_the_same_list_holds_nothing_real_back():
    """BMKG's history has thirty bulletins in one document."""
    forged = Forgery(DRILL.event, AT)
    row = {"source_id": "bmkg-inatews", "key": "iowave", "kind": "bulletin", "sha256": "5" * 64,
           "document_time": "", "known_at": "", "status": "Test", "body": "{}"}  # fmt: skip
    with forged.engine.begin() as connection:
        connection.execute(records.insert().values(**row))
    assert forged.send() == 1


def test_a_recipient_who_turns_synthetic_is_not_sent_to():
    forged = Forgery(DRILL.event, AT)
    with forged.engine.begin() as connection:
        connection.execute(update(recipients).values(synthetic=True))
        connection.execute(update(warnings).values(level=4))
    assert forged.send() == 0
