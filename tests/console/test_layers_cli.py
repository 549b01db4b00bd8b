"""`kentongan layers` as a user starts it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def layers(tmp_path):
    command = shutil.which("kentongan", path=str(Path(sys.executable).parent))

    def run(*arguments):
        return subprocess.run(
            [command, "layers", *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_check_names_each_finding_and_exits_1(samples, layers):
    geo = samples / "geo"
    done = layers("check", geo / "pop_jakarta_hkv_utm48n.tif", geo / "tsunami_maumere_depth.tif")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("refuse  negative-values  pop_jakarta_hkv_utm48n.tif: 3 cells")
    assert [line.split()[0] for line in lines] == ["refuse", "info", "info"]
    assert "1 refuse, 0 flag, 2 info" in done.stderr


def test_check_as_one_document(samples, layers):
    done = layers("check", "--json", samples / "geo" / "ashload_gede_vei4.tif")
    document = json.loads(done.stdout)
    assert (done.returncode, document["counts"]) == (0, {"refuse": 0, "flag": 0, "info": 1})
    assert done.stderr == ""


def test_build_show_verify(samples, layers, tmp_path):
    areas = samples / "geo" / "adm4_villages_cianjur.geojson"
    built = layers("build", "--areas", areas, "--out", "set", "--json")
    document = json.loads(built.stdout)
    assert (document["villages"], document["people"]) == (360, 2_638_825)
    shown = layers("show", "set")
    assert "info    overlaps" in shown.stdout
    (tmp_path / "set" / "teams.parquet").write_bytes(b"else")
    changed = layers("verify", "set")
    assert changed.returncode == 1
    assert "teams.parquet was changed" in changed.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--as", "luck", "x.tif"), "expected one of areas, people"),
        (("build", "--areas", ".", "--out", "o", "--people-kind", "heads"), "count, per-km2"),
    ],
)
def test_wrong_use(layers, arguments, words):
    done = layers(*arguments)
    assert done.returncode == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())


def test_a_lost_file_is_a_finding(layers):
    done = layers("check", "nothing.gpkg")
    assert done.returncode == 1
    assert "refuse  unreadable  nothing.gpkg: no such file" in done.stdout


def test_fetch_lists_sources_with_their_licences(layers):
    done = layers("fetch")
    assert done.returncode == 0
    assert "worldpop-2025" in done.stdout
    assert "[CC-BY-4.0]" in done.stdout
