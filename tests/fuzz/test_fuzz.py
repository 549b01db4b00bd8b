"""A seeded few hundred mutants of each reader; `python -m tests.fuzz` judges 20,000 of each."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from ingest.registry import SOURCES
from ingest.source import ReadContext, Reading
from kentongan.errors import SourceChanged
from tests.fuzz import blind, png, trees
from tests.fuzz.__main__ import line, main, table
from tests.fuzz.corpus import AT, FEEDS, TEXT_FORMS, documents, parsers
from tests.fuzz.dangers import dangers, lost
from tests.fuzz.mutate import mutant
from tests.fuzz.oracle import judge, original, run
from tests.fuzz.pool import Tally, Task, campaign, split

TEXTS, IMAGES = 250, 15


def test_mutants_of_every_reader():
    tasks = [
        Task(name, 0, TEXTS if name.rpartition("/")[2] in TEXT_FORMS else IMAGES)
        for name in parsers()
    ]
    tallies, findings = campaign(tasks, workers=2, seconds=240)
    assert not findings, "\n".join(map(line, findings))
    assert {name: tally.count for name, tally in tallies.items()} == {
        task.parser: task.stop for task in tasks
    }


def test_every_source_has_a_seed():
    assert {seeds[0].source_id for seeds in parsers().values()} == set(SOURCES)


def test_every_document_may_be_given_to_every_reader():
    for name, path, payload in documents():
        for source_id, source in SOURCES.items():
            context = ReadContext(source_id, path, "0" * 64, AT, re_creation=False)
            _, _, faults = run(lambda s=source, c=context, p=payload: s.read(p, c))
            assert not faults, (source_id, name)


def test_a_mutant_is_known_by_its_number():
    texts = tuple(sorted({s.payload for seeds in parsers().values() for s in seeds}))
    for parser, own in parsers().items():
        count = 30 if own[0].form in TEXT_FORMS else 4
        first = [mutant(parser, index, own, texts)[1] for index in range(count)]
        assert first == [mutant(parser, index, own, texts)[1] for index in range(count)]
        assert len(set(first)) > count // 2


# --- the watch --------------------------------------------------------------------------


def test_a_reader_that_takes_its_process_along_is_named_and_the_rest_goes_on():
    ends = {"self/hang": "hang", "self/die": "died", "self/burst": "died"}
    tasks = [Task(name, 0, 6) for name in ends]
    tallies, findings = campaign(tasks, workers=1, seconds=60, limit_s=0.2)
    assert {(f.parser, f.index) for f in findings} == {(name, 3) for name in ends}
    assert all(f.fault.startswith(ends[f.parser]) for f in findings)
    assert {name: tally.outcomes for name, tally in tallies.items()} == {
        name: Counter({"read": 5, end: 1}) for name, end in ends.items()
    }


def test_parsers_take_turns_so_that_a_short_campaign_has_seen_all():
    tasks = split([Task("a", 0, 600), Task("b", 0, 10)])
    assert [(t.parser, t.start, t.stop) for t in tasks] == [
        ("a", 0, 250),
        ("b", 0, 10),
        ("a", 250, 500),
        ("a", 500, 600),
    ]


def test_the_table_has_a_row_for_each_parser():
    text = table({"x/json": Tally(Counter(read=2, SourceChanged=1), 0.5, 99.4)})
    assert text.splitlines()[1].split() == ["x/json", "3", "1", "2", "0.50", "99"]


def test_a_wrong_name_is_wrong_use(capsys):
    assert main(["--parser", "nonsense"]) == 2
    assert "bmkg-quakes/json" in capsys.readouterr().err


def test_one_mutant_can_be_judged_again(tmp_path):
    """In a process of its own: the peak of memory that it judges by is the process's."""
    asked = ["--parser", "bmkg-quakes/json", "--only", "7", "--out", str(tmp_path / "m")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *asked],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "m").is_file()
    assert "bmkg-quakes/json 7" in done.stdout


# --- the oracle finds what it is for ----------------------------------------------------

PAYLOAD = (FEEDS / "gempaterkini.json").read_bytes()
CONTEXT = ReadContext("bmkg-quakes", "/x", "0" * 64, AT, re_creation=False)
SOUND = SOURCES["bmkg-quakes"].read(PAYLOAD, CONTEXT)
BASE = original(PAYLOAD, "json", dangers(SOUND.records))


def verdict(reading, payload=PAYLOAD):
    return judge(BASE, payload, reading, dangers(reading.records))


def edited(**changes):
    """The document with fields of its first quake changed."""
    document = json.loads(PAYLOAD)
    document["Infogempa"]["gempa"][0].update(changes)
    return json.dumps(document).encode()


def without_first(**changes):
    return replace(SOUND, records=SOUND.records[1:], **changes)


def test_a_sound_reading_has_no_fault():
    assert verdict(SOUND).faults == ()


def test_an_item_dropped_without_a_word_is_found():
    assert "nothing that speaks" in verdict(without_first()).faults[0]
    assert verdict(without_first(rejected=("quake 1: why",))).faults == ()


def test_a_harmless_field_explains_no_loss():
    assert "nothing that speaks" in verdict(without_first(), edited(Wilayah="x")).faults[0]


def test_a_changed_field_that_speaks_explains_it():
    assert verdict(without_first(), edited(Magnitude="1.0")).faults == ()


def test_a_field_under_another_name_must_be_said():
    payload = PAYLOAD.replace(b'"Coordinates"', b'"Koordinat"', 1)
    assert "unknown name" in verdict(without_first(), payload).faults[0]
    assert verdict(without_first(unknown_fields=("Koordinat",)), payload).faults == ()


def test_damage_that_reads_as_less_or_as_nothing_is_found():
    assert "no document" in verdict(without_first(), PAYLOAD[:-3]).faults[0]
    assert "no document" in verdict(Reading(empty=True), PAYLOAD[:-3]).faults[0]


def test_empty_with_a_full_list_is_found():
    moved = PAYLOAD.replace(b'"gempa"', b'"daftar"')
    assert "yet it says" in verdict(Reading(empty=True), moved).faults[0]
    assert verdict(Reading(empty=True), b'{"Infogempa":{"gempa":[]}}').faults == ()


def test_silence_that_is_neither_empty_nor_refused_is_found():
    assert verdict(Reading(), b'{"Infogempa":{"gempa":[]}}').faults != ()


def test_records_that_would_not_last_are_found():
    quake = SOUND.records[0]
    for change in ({"key": "k" * 201}, {"place": "\ud800"}, {"magnitude": 99.0}, {"key": "a\nb"}):
        bad = quake.model_copy(update=change)
        assert verdict(replace(SOUND, records=(bad, *SOUND.records))).faults, change


def test_two_dangers_under_one_key_are_found():
    deeper = SOUND.records[0].model_copy(update={"depth_km": 1.0})
    assert "one key" in verdict(replace(SOUND, records=(*SOUND.records, deeper))).faults[0]


def test_only_our_own_errors_may_come_out():
    def refuses():
        raise SourceChanged("in one line")

    def fails():
        raise KeyError("x")

    assert run(refuses)[1:] == ("SourceChanged", ())
    assert run(fails)[2][0].startswith("crash KeyError")


def test_later_and_shorter_are_less():
    assert lost({"a": (1, 5, -3)}, {"a": (1, 5, -3)}) == []
    for less in ((0, 5, -3), (1, 4, -3), (1, 5, -4)):
        assert lost({"a": (1, 5, -3)}, {"a": less}) == ["a"]
    assert lost({"a": (1, 5, -3)}, {}) == ["a"]


# --- the tools of the mutants -----------------------------------------------------------


def test_both_forms_are_seen_alike():
    as_json = b'{"info": [{"zone": {"level": "AWAS"}}, {"zone": 7.50}]}'
    found = [
        (("info", "zone", "level"), "AWAS"),
        (("info", "zone"), "7.50"),
    ]
    assert sorted(trees.leaves(as_json, "json")) == sorted(found)
    xml = (
        b"<a x='1'><info><zone><level>AWAS</level></zone></info><info><zone> 7.50</zone></info></a>"
    )
    assert sorted(trees.leaves(xml, "xml")) == sorted(
        [(("a", "@x"), "1"), *((("a", *names), text) for names, text in found)]
    )


@pytest.mark.parametrize(
    ("payload", "form"),
    [
        (b'{"a": 1', "json"),
        (b'{"a": 1, "a": 2}', "json"),
        (b"[NaN]", "json"),
        (b"\xff", "json"),
        (b"[" * 100_000, "json"),
        (b"<a><b></a>", "xml"),
        (b"<!DOCTYPE a><a/>", "xml"),
    ],
)
def test_what_is_no_document(payload, form):
    assert trees.leaves(payload, form) is None


def test_no_mutant_grows_without_end():
    rng = Random("size")  # noqa: S311
    assert all(len(blind.changed(b"x" * 9, rng, (b"y",))) <= blind.MAX_BYTES for _ in range(300))


def test_a_png_is_sound_or_not():
    header = b"\0\0\0\1\0\0\0\1\x08\2\0\0\0"
    pixels = zlib.compress(b"\0\1\2\3")
    parts = [(b"IHDR", header), (b"IDAT", pixels), (b"IEND", b"")]
    assert png.is_sound(png.joined(parts))
    assert png.chunks(png.joined(parts)) == parts
    assert not png.is_sound(png.joined(parts)[:-1])
    assert not png.is_sound(png.joined([parts[0], (b"IDAT", pixels[:-6]), parts[2]]))
    flipped = bytearray(png.joined(parts))
    flipped[-20] ^= 1
    assert not png.is_sound(bytes(flipped))
