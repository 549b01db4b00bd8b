"""The shaking line in the cycle: versions, BMKG's own grid, ruptures, ground, people with doubt."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from console.quake_report import people_text, versions_text
from ingest.play.feedserver import ScenarioServer
from kentongan.db import audit
from kentongan.errors import DataError
from kentongan.settings import Settings
from kentongan.times import parse_instant
from orchestration import event_store, faults, stages
from orchestration.context import open_context
from orchestration.event_versions import reason_of, versions_of
from orchestration.ground import ground_of, slope_map
from orchestration.places import places_of
from orchestration.quakes import quake
from orchestration.scenarios import find
from orchestration.shaking import note_people, people_by_mmi, read_people
from processing.gmm.vs30 import Vs30Map, save
from risk.exposure.cell_people import people_on_cells
from risk.layers.layerset import load_layers

EVENT = "shaking-20221121T062110Z"
KEY = "20221121T062110Z"
SIDE, STEP, SOUTH, WEST = 81, 0.05, -8.85, 105.05
LINE = {"type": "LineString", "coordinates": [[106.95, -6.9], [107.15, -6.78]]}


def grid_xml(mmi_top: float, *, processed: str, event_id: str = "20221121132110") -> str:
    """A grid around Cianjur that falls by 2 MMI a degree."""
    axis = np.arange(SIDE) * STEP
    rows = [
        f"{WEST + x:.4f} {SOUTH + y:.4f} "
        f"{max(1.0, mmi_top - 2 * np.hypot(SOUTH + y + 6.84, WEST + x - 107.05)):.2f}"
        for y in axis[::-1]
        for x in axis
    ]
    north, east = SOUTH + axis[-1], WEST + axis[-1]
    fields = "".join(
        f'<grid_field index="{i}" name="{name}" units="{unit}" />\n'
        for i, (name, unit) in enumerate(
            (("LON", "dd"), ("LAT", "dd"), ("MMI", "intensity")), start=1
        )
    )
    return (
        '<?xml version="1.0" encoding="US-ASCII"?>\n'
        f'<shakemap_grid event_id="{event_id}" shakemap_id="{event_id}" shakemap_version="1" '
        f'code_version="3.5" process_timestamp="{processed}" shakemap_originator="us" '
        'map_status="RELEASED" shakemap_event_type="ACTUAL">\n'
        '<event magnitude="5.6" depth="11" lat="-6.84" lon="107.05" '
        'event_timestamp="2022-11-21T13:21:10WIB" event_network="" event_description="Cianjur" />\n'
        f'<grid_specification lon_min="{WEST}" lat_min="{SOUTH}" lon_max="{east:.4f}" '
        f'lat_max="{north:.4f}" nominal_lon_spacing="{STEP}" nominal_lat_spacing="{STEP}" '
        f'nlon="{SIDE}" nlat="{SIDE}" />\n{fields}<grid_data>\n' + "\n".join(rows) + "\n"
        "</grid_data></shakemap_grid>\n"
    )


def put(path: Path, text: str, changed: str) -> None:
    """A file that came at that time."""
    path.write_text(text, encoding="ascii")
    seconds = parse_instant(changed).timestamp()
    os.utime(path, (seconds, seconds))


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Cianjur with its first felt reports, an exercise's grid, then BMKG's own at 06:55."""
    home, folder = tmp_path_factory.mktemp("night"), tmp_path_factory.mktemp("grids")
    scenario = find("cianjur")
    base = Settings(home=home, shakemap_url=str(folder), _env_file=None)
    with ScenarioServer(scenario) as server:
        settings = base.with_feed_server(server.url, home=home, database_url="")
        with open_context(settings, live=False, re_creation=True) as context:

            def cycle(at):
                instant = parse_instant(f"2022-11-21T{at}Z")
                stages.poll_one(context.ingest, "bmkg-quakes", instant)
                troubles: list[dict[str, str]] = []
                stages.overlay(context, instant, troubles)
                note_people(context, instant, troubles)
                stages.poll_one(context.ingest, "bmkg-shakemap", instant)
                assert troubles == []

            server.show(1)
            cycle("06:26:00")
            server.show(2)
            exercise = grid_xml(9.5, processed="2022-11-21T06:10:00Z")
            put(folder / "a_grid.xml", exercise, "2022-11-21T06:30:00Z")
            cycle("06:35:00")
            own = grid_xml(7.2, processed="2022-11-21T06:55:00Z")
            put(folder / "b_grid.xml", own, "2022-11-21T06:55:30Z")
            cycle("06:56:00")
            cycle("06:57:00")
            yield context, cycle


def test_each_change_of_knowledge_is_a_version_of_one_event(night):
    context, _ = night
    found = versions_of(context.engine, EVENT)
    reasons = [one.reason for one in found]
    assert reasons[:3] == ["first", "felt", "grid"]
    assert [one.version for one in found] == list(range(1, len(found) + 1))
    assert [one.event.event_id for one in found] == [EVENT] * len(found)
    assert len({one.field_hash for one in found}) == len(found)


def test_bmkgs_grid_takes_over_and_an_exercises_never(night):
    context, _ = night
    newest = next(v for v in versions_of(context.engine, EVENT) if v.reason == "grid").event
    assert newest.method == "bmkg-grid/1"
    assert newest.evidence["mmi_max_bmkg_grid"] == pytest.approx(7.2, abs=0.1)
    assert newest.evidence["ours_minus_grid_cells"] > 0
    assert {"ours_minus_grid_mean", "chain_minus_grid_absolute"} <= set(newest.evidence)
    assert not [
        v for v in versions_of(context.engine, EVENT) if "9." in str(v.event.evidence["mmi_max"])
    ]


def test_the_same_cycle_again_adds_no_version(night):
    context, cycle = night
    before = len(versions_of(context.engine, EVENT))
    cycle("06:58:00")
    cycle("06:58:00")
    assert len(versions_of(context.engine, EVENT)) == before


def test_people_by_intensity_stand_beside_each_impact_table(night):
    context, _ = night
    for one in versions_of(context.engine, EVENT):
        stored = read_people(context.runs, one.impact_path.rpartition("/")[0])
        assert stored is not None
        assert stored["event_id"] == EVENT
    first = read_people(
        context.runs, versions_of(context.engine, EVENT)[0].impact_path.rpartition("/")[0]
    )
    assert first["people"]["level"]["7"] == pytest.approx(140_746, abs=10)
    for name in ("bmkg_chain", "level"):
        for step, band in first["bands"][name]["at_least"].items():
            assert band["p10"] <= band["p50"] <= band["p90"], (name, step)
    assert first["bands"]["level"]["at_least"]["6"]["p90"] > first["people"]["level"]["6"]


def test_the_same_event_gives_the_same_bytes(night):
    context, _ = night
    from orchestration.explaining import load_field

    event = event_store.stored(context.engine, EVENT)
    field = load_field(context.runs, event)
    again = [json.dumps(people_by_mmi(context, field), sort_keys=True) for _ in range(2)]
    assert again[0] == again[1]


def test_a_person_reads_versions_and_people(night):
    context, _ = night
    found = versions_of(context.engine, EVENT)
    text = versions_text(found)
    assert "bmkg-grid/1" in text
    assert "ours minus grid within 150 km: mean" in text
    folder = found[0].impact_path.rpartition("/")[0]
    assert "VII" in people_text(read_people(context.runs, folder))
    assert "No shaking event" in versions_text([])
    assert "not stored" in people_text(None)


def test_a_rupture_is_taken_by_name_and_computed_with(night):
    context, cycle = night
    at = parse_instant("2022-11-21T07:05:00Z")
    group = quake(context.engine, at, KEY, since=at - parse_instant("2022-11-20T00:00:00Z"))
    payload = json.dumps({"type": "Feature", "geometry": LINE, "properties": {}}).encode()
    given = faults.give(context, group, payload, actor="Sari", at=at)
    with context.engine.connect() as connection:
        rows = connection.execute(select(audit).where(audit.c.action == "quake-fault")).all()
    assert [(row.actor, json.loads(row.body)["event_key"]) for row in rows] == [("Sari", KEY)]
    cycle("07:06:00")
    newest = versions_of(context.engine, EVENT)[-1]
    assert newest.reason == "fault"
    assert given.fault.sha256[:8] in newest.event.evidence["fault"]
    # BMKG's own grid stays the authority.
    assert newest.event.method == "bmkg-grid/1"


def test_a_rupture_is_known_from_when_it_was_given(night):
    context, _ = night
    troubles: list[str] = []
    before = faults.given(context.runs, parse_instant("2022-11-21T07:04:59Z"), troubles)
    assert (before, troubles) == ({}, [])
    assert KEY in faults.given(context.runs, parse_instant("2022-11-21T07:05:00Z"), troubles)


def test_a_rupture_that_was_changed_is_named_and_left_out(night):
    context, _ = night
    kept = context.runs.read(f"faults/{KEY}.json")
    body = json.loads(kept)
    for broken in ({**body, "sha256": "0" * 64}, {**body, "payload": "%"}, [1]):
        context.runs.write(f"faults/{KEY}.json", json.dumps(broken).encode())
        troubles: list[str] = []
        assert faults.given(context.runs, parse_instant("2022-11-21T08:00:00Z"), troubles) == {}
        assert KEY in troubles[0]
    context.runs.write(f"faults/{KEY}.json", kept)


def test_too_large_a_rupture_is_refused(night):
    context, _ = night
    at = parse_instant("2022-11-21T07:05:00Z")
    group = quake(context.engine, at, KEY, since=at - parse_instant("2022-11-20T00:00:00Z"))
    with pytest.raises(DataError, match="200000 bytes"):
        faults.give(context, group, b" " * 200_001, actor="Sari", at=at)


# --- ground ------------------------------------------------------------------------------


def test_a_vs30_map_that_cannot_be_read_is_left_out(night, tmp_path, caplog):
    context, _ = night
    bad = tmp_path / "vs30.npz"
    for content in (None, b"nonsense"):
        if content:
            bad.write_bytes(content)
        settings = context.settings.model_copy(update={"vs30": bad})
        changed = type(context)(**{**context.__dict__, "settings": settings})
        assert ground_of(changed).grids is None
    assert "Vs30 map left out" in caplog.text


def test_a_vs30_map_is_loaded_once(night, tmp_path):
    context, _ = night
    path = tmp_path / "vs30.npz"
    save(Vs30Map(95.0, -11.0, 0.5, np.full((30, 90), 270, np.uint16)), path)
    settings = context.settings.model_copy(update={"vs30": path})
    changed = type(context)(**{**context.__dict__, "settings": settings})
    first, second = ground_of(changed), ground_of(changed)
    assert first.grids is second.grids
    assert int(first.grids.values[0, 0]) == 270


def test_slopes_of_a_plane_by_hand(tmp_path):
    """A plane that rises 20 m a 30 arc-seconds to the north: 0.0216 m/m, class of 425 m/s."""
    import rasterio
    from affine import Affine

    step = 1 / 360
    rows = 360
    heights = np.repeat(np.arange(rows)[::-1, None] * (20 / 3), 360, axis=1).astype(np.float32)
    heights[:, :30] = -9999
    path = tmp_path / "elevation.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=360, height=rows, count=1, dtype="float32",
        crs="EPSG:4326", transform=Affine(step, 0, 107, 0, -step, -6), nodata=-9999,
    ) as target:  # fmt: skip
        target.write(heights, 1)
    found = slope_map(path)
    assert (found.west, found.south) == (pytest.approx(107), pytest.approx(-7))
    inner = found.values[2:-2, 14:-2]
    assert set(np.unique(inner)) == {425}
    assert (found.values[:, :9] == 0).all(), "where no height is, nothing is known"


# --- places and people -------------------------------------------------------------------


@pytest.fixture(scope="module")
def layers():
    return load_layers()


@pytest.mark.parametrize(
    ("name", "latitude", "longitude"),
    [
        ("Cianjur", -6.9, 107.1),
        ("Kab. Cianjur", -6.9, 107.1),
        ("Kota Bandung", -6.91, 107.62),
        ("Lembang", -6.81, 107.62),
        ("DKI Jakarta", -6.2, 106.84),
        ("Cikalong Wetan", -6.75, 107.45),
        ("Tangerang Selatan", -6.3, 106.7),
    ],
)
def test_places_of_felt_reports_are_found(layers, name, latitude, longitude):
    found = places_of(layers)(name, -6.84, 107.05)
    assert found is not None
    assert found[0] == pytest.approx(latitude, abs=0.35)
    assert found[1] == pytest.approx(longitude, abs=0.35)


@pytest.mark.parametrize("name", ["", "Atlantis", "Cianjur" * 50, "KAB", "\x00"])
def test_what_is_no_place_near_is_none(layers, name):
    assert places_of(layers)(name, -6.84, 107.05) is None
    assert places_of(layers)("Cianjur", 2.0, 128.0) is None


def test_people_of_cells_are_the_people_of_the_villages(layers):
    found = people_on_cells(layers.operator)
    everyone = int(layers.operator.people.sum() + layers.operator.unassigned.people.sum())
    assert found.sum() == pytest.approx(everyone, abs=1)
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


# --- reasons -----------------------------------------------------------------------------


def test_the_reason_of_a_version(night):
    context, _ = night
    first, second = (one.event for one in versions_of(context.engine, EVENT)[:2])

    def with_evidence(**changes):
        return first.model_copy(update={"evidence": {**first.evidence, **changes}})

    both = f"{first.evidence['basis'].replace('M5.6', 'M5.8')}; BMKG grid 12345678"
    assert reason_of(None, first) == "first"
    assert reason_of(first, second) == "felt"
    assert reason_of(first, with_evidence(basis=both)) == "solution+grid"
    assert reason_of(with_evidence(cells_held=5), first) == "hold-over"
    assert reason_of(first, first.model_copy(update={"observations": ("0" * 64,)})) == "document"
    assert reason_of(first, first) == "policy"


def test_the_impact_table_of_each_version_is_kept(night):
    context, _ = night
    for one in versions_of(context.engine, EVENT):
        assert context.runs.exists(one.impact_path)
        assert Path(one.impact_path).name == "impact.parquet"
