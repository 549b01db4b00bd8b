"""What becomes known of a quake: BMKG's own grid, later solutions, updates in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kentongan.errors import DataError
from kentongan.grid import BASE_GRID
from kentongan.records import GridField, ShakeGrid
from kentongan.shakegrid import ShakeArrays, decode_grid
from kentongan.types import DocumentStatus, Quality
from processing.quakes import Past
from processing.shaking import ShakingInputs, shaking_fields

MINUTE = timedelta(minutes=1)
KEY = "20221121T062110Z"
SOUTH, WEST, STEP, SIDE = -8.9, 105.0, 0.05, 81


def grid_record(quake, minutes=34.0, **changes):
    first = quake()
    processed = first.origin_time + minutes * MINUTE
    fields = {
        "source_id": "bmkg-shakemap",
        "key": f"grid-{minutes}",
        "sha256": f"{round(minutes * 100):064d}",
        "document_time": processed,
        "event_id": "20221121132110",
        "version": "1",
        "origin_time": first.origin_time,
        "processed_at": processed,
        "latitude": first.latitude,
        "longitude": first.longitude,
        "depth_km": 11.0,
        "magnitude": 5.6,
        "place": "x",
        "west": WEST,
        "east": WEST + (SIDE - 1) * STEP,
        "south": SOUTH,
        "north": SOUTH + (SIDE - 1) * STEP,
        "columns": SIDE,
        "rows": SIDE,
        "fields": tuple(GridField(name=n, unit="") for n in ("LON", "LAT", "MMI")),
        "max_mmi": 7.0,
        **changes,
    }
    return ShakeGrid(**fields)


def cells(mmi):
    """One MMI everywhere, or a function of the distance in degrees to the epicentre."""
    axis = np.arange(SIDE) * STEP
    y, x = SOUTH + axis, WEST + axis
    away = np.hypot(y[:, None] + 6.86, x[None, :] - 107.01)
    values = mmi(away) if callable(mmi) else np.full((SIDE, SIDE), float(mmi))
    return ShakeArrays(y, x, {"MMI": values})


def with_grid(mmi):
    arrays = cells(mmi)
    return ShakingInputs(grid=lambda _record: arrays)


def one(records, policy, **more):
    (field,) = shaking_fields(records, policy=policy, **more)
    return field


# --- BMKG's own grid ---------------------------------------------------------------------


@pytest.mark.parametrize(("south", "west"), [(0.0, 130.0), (-8.9, 108.0), (40.0, -30.0)])
def test_a_grid_that_does_not_hold_the_epicentre_is_not_used(policy, quake, south, west):
    axis = np.arange(SIDE) * STEP
    arrays = ShakeArrays(south + axis, west + axis, {"MMI": np.full((SIDE, SIDE), 6.0)})
    inputs = ShakingInputs(grid=lambda _record: arrays)
    field, ours = one([quake(), grid_record(quake)], policy, inputs=inputs), one([quake()], policy)
    np.testing.assert_array_equal(field.raster.hazard_level, ours.raster.hazard_level)
    assert field.event.method == ours.event.method
    assert "does not hold the epicentre: not used" in field.event.evidence["limits"]


def test_a_very_fine_grid_is_taken_onto_the_base_grid(policy, quake):
    """Carried on by its own step to the edges of the field it would have 500 million cells."""
    axis = np.linspace(-0.05, 0.05, 401)
    arrays = ShakeArrays(-6.86 + axis, 107.01 + axis, {"MMI": np.full((401, 401), 9.0)})
    inputs = ShakingInputs(grid=lambda _record: arrays)
    field = one([quake(), grid_record(quake)], policy, inputs=inputs)
    assert field.raster.hazard_level.shape == one([quake()], policy).raster.hazard_level.shape
    assert (field.event.method, field.event.evidence["mmi_max"]) == ("bmkg-grid/1", 9.0)


def test_bmkgs_own_grid_takes_over_and_the_difference_is_told(policy, quake):
    ours = one([quake()], policy)
    grid = grid_record(quake)
    field = one([quake(), grid], policy, inputs=with_grid(lambda d: 8.0 - 2.0 * d))
    said = field.event.evidence
    assert (field.event.method, field.event.quality) == ("bmkg-grid/1", Quality.OK)
    assert (field.event.level, field.event.event_id) == (4, ours.event.event_id)
    assert grid.sha256 in field.event.observations
    assert said["mmi_max_bmkg_grid"] == pytest.approx(8.0, abs=0.1)
    assert said["mmi_max_chain"] == pytest.approx(ours.event.evidence["mmi_max_chain"], abs=0.05)
    assert -4 < said["ours_minus_grid_mean"] < -1
    assert said["ours_minus_grid_absolute"] == pytest.approx(-said["ours_minus_grid_mean"], abs=0.1)
    assert abs(said["ours_minus_grid_largest"]) >= said["ours_minus_grid_absolute"]
    assert said["ours_minus_grid_cells"] == pytest.approx(
        np.pi * (150 / 111.2 / STEP) ** 2, rel=0.1
    )
    assert "ask BMKG" in said["limits"]
    there = field.raster.sel(latitude=-6.85, longitude=107.0, method="nearest")
    assert float(there.mmi) == pytest.approx(8.0 - 2 * np.hypot(0.01, 0.01), abs=0.01)


def test_a_grid_far_below_its_own_formulas_lowers_nothing(policy, quake):
    told = quake(magnitude=7.0)
    ours = one([told], policy)
    field = one([told, grid_record(quake, magnitude=7.0)], policy, inputs=with_grid(1.0))
    assert field.event.level == ours.event.level
    assert float(field.raster.mmi.max()) == pytest.approx(float(ours.raster.mmi.max()), abs=0.05)
    assert "ours stands where it is higher" in field.event.evidence["limits"]
    lower = one([told, grid_record(quake, magnitude=7.0)], policy, inputs=with_grid(5.6))
    assert lower.event.level < ours.event.level


def test_the_grid_keeps_its_own_cells_and_ours_goes_on_outside(policy, quake):
    told = quake(magnitude=7.4)
    field = one([told, grid_record(quake, magnitude=7.4)], policy, inputs=with_grid(5.0))
    y, x = field.raster.latitude.to_numpy(), field.raster.longitude.to_numpy()
    assert np.isclose(np.diff(y), STEP).all()
    assert np.isclose(np.diff(x), STEP).all()
    inside = (y >= SOUTH - 1e-6) & (y <= SOUTH + (SIDE - 1) * STEP + 1e-6)
    inside = inside[:, None] & ((x >= WEST - 1e-6) & (x <= WEST + (SIDE - 1) * STEP + 1e-6))
    assert (field.raster.mmi.to_numpy()[inside] == 5.0).all()
    assert not inside.all()
    assert np.isfinite(field.raster.mmi.to_numpy()[~inside]).all()


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"status": DocumentStatus.TEST}, id="test"),
        pytest.param({"exercise": True}, id="exercise"),
        pytest.param({"magnitude": 6.9}, id="another-magnitude"),
        pytest.param({"latitude": 1.0}, id="another-place"),
    ],
)
def test_an_exercise_or_another_quakes_grid_changes_nothing(policy, quake, changes):
    plain = one([quake()], policy)
    field = one([quake(), grid_record(quake, **changes)], policy, inputs=with_grid(9.0))
    assert field.event.model_dump(exclude={"evidence"}) == plain.event.model_dump(
        exclude={"evidence"}
    )
    np.testing.assert_array_equal(field.raster.mmi, plain.raster.mmi)


def test_a_grid_alone_makes_no_quake(policy, quake):
    assert shaking_fields([grid_record(quake)], policy=policy, inputs=with_grid(9.0)) == []


def test_a_grid_of_an_earlier_solution_gives_way_to_a_stronger_one(policy, quake):
    """At 6 minutes BMKG maps M5.6; at 10 its solution is M6.4."""
    origin = quake().origin_time
    later = quake(key="later", magnitude=6.4)
    past = Past(
        known_at={("bmkg-quakes", "later"): origin + 10 * MINUTE, ("bmkg-quakes", "q"): origin}
    )
    field = one([quake(), grid_record(quake, 6), later], policy, past=past, inputs=with_grid(5.0))
    assert field.event.evidence["magnitude"] == 6.4
    assert "not of the newest solution" in field.event.evidence["bmkg_grid"]
    assert field.event.level >= 3
    # A grid that is made after it speaks again.
    newer = grid_record(quake, 40, magnitude=6.4)
    field = one(
        [quake(), grid_record(quake, 6), later, newer], policy, past=past, inputs=with_grid(5.0)
    )
    assert field.event.method == "bmkg-grid/1"


def test_a_grid_that_cannot_be_read_leaves_ours_and_says_so(policy, quake):
    def gone(_record):
        raise DataError("thinned by policy")

    field = one([quake(), grid_record(quake)], policy, inputs=ShakingInputs(grid=gone))
    plain = one([quake()], policy)
    np.testing.assert_array_equal(field.raster.hazard_level, plain.raster.hazard_level)
    assert "cannot be read: thinned" in field.event.evidence["limits"]


def test_a_re_creation_of_a_grid_marks_the_event(policy, quake):
    field = one([quake(), grid_record(quake, re_creation=True)], policy, inputs=with_grid(6.0))
    assert field.event.re_creation


def text_of(rows):
    body = "\n".join(" ".join(f"{value}" for value in row) for row in rows)
    return f"<shakemap_grid><grid_data>\n{body}\n</grid_data></shakemap_grid>".encode()


@pytest.mark.parametrize("reverse", [False, True], ids=["north-first", "south-first"])
def test_rows_from_the_south_or_the_north_give_the_same_field(policy, quake, reverse):
    arrays = cells(lambda d: 8.0 - 2.0 * d)
    rows = [
        (f"{x:.2f}", f"{y:.2f}", f"{arrays.values['MMI'][i, j]:.2f}")
        for i, y in enumerate(arrays.latitude)
        for j, x in enumerate(arrays.longitude)
    ]
    payload = text_of(rows[::-1] if reverse else rows)
    decoded = decode_grid(payload, ("LON", "LAT", "MMI"), rows=SIDE, columns=SIDE)
    inputs = ShakingInputs(grid=lambda _record: decoded)
    field = one([quake(), grid_record(quake)], policy, inputs=inputs)
    north = field.raster.sel(latitude=-5.0, longitude=107.0, method="nearest")
    near = field.raster.sel(latitude=-6.85, longitude=107.0, method="nearest")
    assert float(near.mmi) > 7.9
    assert float(north.mmi) == pytest.approx(8.0 - 2 * 1.86, abs=0.05)


# --- the first fifteen minutes -----------------------------------------------------------


def known_at(*times, origin):
    return Past(
        known_at={("bmkg-quakes", f"s{i}"): origin + t * MINUTE for i, t in enumerate(times)}
    )


def test_no_level_falls_in_the_first_fifteen_minutes(policy, quake):
    origin = quake().origin_time
    strong, weak = quake(key="s0", magnitude=6.6), quake(key="s1", magnitude=5.8)
    past = known_at(3, 6, origin=origin)
    first = one([strong], policy, past=past, at=origin + 4 * MINUTE)
    during = one([strong, weak], policy, past=past, at=origin + 17 * MINUTE)
    after = one([strong, weak], policy, past=past, at=origin + 18 * MINUTE)
    levels = [
        f.raster.hazard_level.reindex_like(first.raster, fill_value=0) for f in (during, after)
    ]
    assert (levels[0].to_numpy() >= first.raster.hazard_level.to_numpy()).all()
    assert during.event.level == first.event.level > after.event.level
    assert during.event.evidence["cells_held"] > 0
    assert during.event.evidence["magnitude"] == after.event.evidence["magnitude"] == 5.8
    assert after.event.evidence["cells_held"] == 0
    assert during.event.event_id == after.event.event_id


def test_without_an_instant_nothing_is_held(policy, quake):
    origin = quake().origin_time
    records = [quake(key="s0", magnitude=6.6), quake(key="s1", magnitude=5.8)]
    field = one(records, policy, past=known_at(3, 6, origin=origin))
    assert field.event.evidence["cells_held"] == 0


def test_an_event_that_falls_below_the_watch_level_is_still_told(policy, quake):
    origin = quake().origin_time
    records = [quake(key="s0", magnitude=5.0), quake(key="s1", magnitude=4.0)]
    past = replace(known_at(3, 6, origin=origin), issued_ids=frozenset({f"shaking-{KEY}"}))
    field = one(records, policy, past=past, at=origin + 60 * MINUTE)
    assert field.event.level == 0
    assert shaking_fields(records, policy=policy, past=known_at(3, 6, origin=origin)) == []


updates = st.lists(
    st.tuples(
        st.sampled_from([5.2, 5.5, 5.8, 6.1]),
        st.sampled_from([None, 10.0, 25.0, 40.0]),
        st.sampled_from([0.0, 0.1]),
        st.integers(0, 40),
        st.sampled_from(["quake", "grid", "felt"]),
    ),
    min_size=1,
    max_size=5,
)


def records_of(quake, felt, drawn):
    """Records with the minute in which each was first read."""
    origin, found, times = quake().origin_time, [], {}
    for i, (magnitude, depth, north, minute, kind) in enumerate(sorted(drawn, key=lambda u: u[3])):
        at, key = origin + (minute + 1 + i / 60) * MINUTE, f"u{i}"
        if kind == "grid" and i:
            record = grid_record(quake, minute + 1 + i / 60, magnitude=magnitude, key=key)
        else:
            said = (felt("Cianjur", 5, 6), felt("Garut", 4, 4)) if kind == "felt" else ()
            place = {"latitude": -6.86 + north, "felt": said}
            record = quake(key=key, magnitude=magnitude, depth_km=depth, **place)
        found.append((at, record))
        times[record.source_id, record.key] = at
    return found, times


def on_base(field):
    """Levels on the whole base grid: what is not covered is none."""
    out = np.zeros((BASE_GRID.rows, BASE_GRID.columns), np.int8)
    y, x = field.raster.latitude.to_numpy(), field.raster.longitude.to_numpy()
    rows = np.rint((BASE_GRID.latitude - y[0]) / (y[1] - y[0])).astype(int)
    columns = np.rint((BASE_GRID.longitude - x[0]) / (x[1] - x[0])).astype(int)
    inside = ((rows >= 0) & (rows < y.size))[:, None] & ((columns >= 0) & (columns < x.size))
    taken = field.raster.hazard_level.to_numpy()[
        np.ix_(np.clip(rows, 0, y.size - 1), np.clip(columns, 0, x.size - 1))
    ]
    return np.where(inside, taken, out)


@given(drawn=updates, order=st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_updates_in_any_order_end_alike_and_levels_never_oscillate(
    policy, quake, felt, drawn, order
):
    found, times = records_of(quake, felt, drawn)
    places = {"Cianjur": (-6.82, 107.14), "Garut": (-7.2, 107.9)}
    arrays = cells(lambda d: 6.0 - 1.5 * d)
    inputs = ShakingInputs(
        locate=lambda name, _y, _x: places.get(name), grid=lambda _record: arrays
    )
    first = found[0][0]
    before, issued, last = None, frozenset(), None
    for at, _ in found:
        said = [record for time, record in found if time <= at]
        shuffled = said * order.choice([1, 2])
        order.shuffle(shuffled)
        past = Past(issued_ids=issued, known_at=times)
        fields = [
            shaking_fields(r, policy=policy, past=past, at=at, inputs=inputs)
            for r in (said, shuffled)
        ]
        assert [f.event for f in fields[0]] == [f.event for f in fields[1]]
        if not fields[0]:
            continue
        last = fields[0][0]
        issued = frozenset({last.event.event_id})
        levels = on_base(last)
        if before is not None and at < first + 15 * MINUTE:
            assert (levels >= before).all()
        before = levels
    if last is not None:
        past = Past(issued_ids=issued, known_at=times)
        end = max(first, found[-1][0]) + 15 * MINUTE
        every = [record for _, record in found]
        order.shuffle(every)
        final = shaking_fields(every, policy=policy, past=past, at=end, inputs=inputs)
        plain = shaking_fields(
            [record for _, record in found], policy=policy, past=past, inputs=inputs
        )
        assert [f.event for f in final] == [f.event for f in plain]


# --- recorded maps -----------------------------------------------------------------------

RECORDED = ("20160509221910", "20240427232947", "20171118230706", "20160119022152")


@pytest.mark.parametrize("name", RECORDED)
def test_ours_is_as_near_to_bmkgs_map_in_the_live_line(samples, policy, quake, name):
    """What the live line tells of its difference to BMKG's own map, M5 and more: 0.25 MMI."""
    from processing.gmm.folder import shakemaps
    from processing.gmm.vs30 import merge
    from processing.shaking.site import Ground

    found = {m.event_id: m for m in shakemaps_of(samples, shakemaps)}[name]
    order = np.argsort(found.latitude)
    arrays = ShakeArrays(found.latitude[order], found.longitude, {"MMI": found.mmi[order]})
    told = quake(
        magnitude=found.magnitude,
        depth_km=found.depth_km,
        latitude=found.latitude_of,
        longitude=found.longitude_of,
    )
    record = grid_record(
        quake,
        magnitude=found.magnitude,
        latitude=found.latitude_of,
        longitude=found.longitude_of,
    )
    inputs = ShakingInputs(grid=lambda _record: arrays, ground=Ground(grids=merge([found])))
    past = Past(issued_ids=frozenset({f"shaking-{KEY}"}))
    said = one([told, record], policy, inputs=inputs, past=past).event.evidence
    assert said["chain_minus_grid_cells"] > 1000
    assert said["chain_minus_grid_absolute"] <= 0.05
    assert abs(said["chain_minus_grid_mean"]) <= 0.05


_MAPS = []


def shakemaps_of(samples, read):
    """The recorded maps, read once."""
    if not _MAPS:
        _MAPS.extend(m for m in read(samples / "shakemaps") if m.event_id in RECORDED)
    return _MAPS
