"""Figures are taken in turns, only for equal answers, and printed in one format."""

from __future__ import annotations

import json
import sys
import time

import pytest

from benchmarks.__main__ import BENCHES, chosen, main
from benchmarks.harness import alternate, not_measured, run_process, times_faster, within


def test_ours_and_the_peer_take_turns():
    calls: list[str] = []
    alternate(lambda: calls.append("o"), lambda: calls.append("p"), lambda a, b: None, pairs=3)
    assert "".join(calls) == "opopopop"


def test_the_median_is_taken():
    waits = iter([0, 0.03, 0.001, 0.001])
    ours_s, _ = alternate(lambda: time.sleep(next(waits)), lambda: None, lambda a, b: None, pairs=3)
    assert 0.001 <= ours_s < 0.02


def test_another_answer_is_no_measurement():
    def same(ours: int, peer: int) -> None:
        assert ours == peer

    with pytest.raises(AssertionError):
        alternate(lambda: 1, lambda: 2, same)


def test_a_line_holds_what_a_reader_expects():
    line = json.loads(times_faster("overlay.x", 0.002, "peer 1", 100.0, at_least=30_000).line())
    assert line == {
        "bench": "overlay.x",
        "value": 50_000,
        "unit": "x",
        "ours_s": 0.002,
        "peer": "peer 1",
        "peer_s": 100.0,
        "target": 30_000,
        "met": True,
    }


@pytest.mark.parametrize(("value", "met"), [(2.9, True), (3.0, True), (3.1, False)])
def test_a_limit_is_met_up_to_itself(value, met):
    assert within("cycle.x", value, "s", at_most=3, seconds=value).met is met


def test_what_was_not_measured_says_why():
    assert json.loads(not_measured("x.y", "no peer").line())["note"] == "not measured: no peer"


def test_memory_is_that_of_the_process_and_its_children():
    hold = "b = bytearray(150_000_000); b[::4096] = b'x' * len(b[::4096])"
    child = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', \"{hold}\"], check=True)"
    )
    small = run_process([sys.executable, "-c", "print('done')"], {})
    large = run_process([sys.executable, "-c", child], {})
    assert (small.status, small.output) == (0, "done\n")
    assert large.peak_mb > 150 > small.peak_mb


def test_a_failed_process_is_seen():
    assert run_process([sys.executable, "-c", "raise SystemExit(3)"], {}).status == 3


def test_names_say_their_part_and_can_be_chosen():
    parts = {
        "cycle",
        "feeds",
        "overlay",
        "rain",
        "recall",
        "shaking",
        "warnings",
        "dispatch",
        "evacuation",
        "replies",
    }
    assert {name.split(".")[0] for name in BENCHES} <= parts | {"faces"}
    assert len(chosen("cycle.")) == sum(name.startswith("cycle.") for name in BENCHES)
    assert chosen("") == list(BENCHES.values())


def test_an_unknown_name_is_wrong_use(capsys):
    assert main(["nonsense"]) == 2
    assert "cycle.help" in capsys.readouterr().err
