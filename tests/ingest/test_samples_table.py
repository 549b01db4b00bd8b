"""Every recorded payload is ingested, or refused for the right reason; skipped without them."""

from __future__ import annotations

import csv

import pytest

from tests.fuzz.corpus import samples
from tests.ingest.samples_table import expectations, line, result_of


@pytest.fixture
def folder():
    found = samples()
    if found is None:
        pytest.skip("no samples here; set KENTONGAN_SAMPLES")
    return found


@pytest.mark.parametrize("expected", expectations(), ids=lambda expected: expected.file)
def test_a_recorded_payload_reads_as_it_should(folder, expected):
    found = result_of(expected, (folder / expected.file).read_bytes())
    assert (found.outcome, found.records) == (expected.outcome, expected.records), found.why
    assert expected.why in found.why
    assert found.rejected == 0
    assert bool(found.why) == bool(expected.why)
    assert line(expected, found).count(" | ") == 4


def test_the_table_has_every_payload(folder):
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as lines:
        every = {row["file"] for row in csv.DictReader(lines)}
    assert {expected.file for expected in expectations()} == every
    assert every == {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*")
        if file.is_file() and file.name not in ("manifest.csv", "paths.csv")
    }
