"""Areas: never smaller than the villages, few points, and codes that say exactly which."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st

from kentongan.reach import Reach
from kentongan.types import HazardId
from notify.area.cover import MAX_VERTICES, cover, leaves_indonesia
from notify.area.geocodes import coarsest, count, expanded
from notify.area.names import (
    area_names,
    joined,
    many_areas,
    whole_province,
)
from notify.compose import OUTSIDE
from notify.wording.language import language

BUFFER = 0.064 + 0.0003
"""Degrees: the widest buffer of a cover, and its rounding."""


def polygons(rings):
    return [shapely.Polygon([(lon, lat) for lat, lon in ring]) for ring in rings]


@st.composite
def villages(draw):
    """Boxes on a grid, so that many share borders, some leave holes, some are islands."""
    cells = draw(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
    size = draw(st.sampled_from([0.003, 0.02, 0.1]))
    west = draw(st.floats(95, 140))
    south = draw(st.floats(-10, 5))
    return np.asarray(
        [
            shapely.box(west + x * size, south + y * size, west + (x + 1) * size,
                        south + (y + 1) * size)
            for x, y in sorted(cells)
        ],
        dtype=object,
    )  # fmt: skip


@given(villages())
def test_a_cover_is_never_smaller_and_not_much_larger(shapes):
    rings = cover(shapes)
    made = polygons(rings)
    union = shapely.union_all(made)
    assert shapely.covers(shapely.buffer(union, 1e-9), shapes).all()
    assert all(p.is_valid and p.exterior.is_ring for p in made)
    assert all(ring[0] == ring[-1] and len(ring) <= MAX_VERTICES for ring in rings)
    grown = shapely.union_all(shapely.buffer(shapes, BUFFER, quad_segs=4))
    filled = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(grown)])
    assert shapely.covers(filled, union)
    for one, other in pairwise(made):
        assert not shapely.overlaps(one, other)


@given(st.integers(2, 6))
def test_islands_stay_apart(count_):
    shapes = [shapely.box(120 + k, 0, 120 + k + 0.1, 0.1) for k in range(count_)]
    assert len(cover(np.asarray(shapes, dtype=object))) == count_


@pytest.mark.parametrize(
    ("point", "outside"),
    [((0.5, 122.0), False), ((0.5, 93.0), True), ((9.0, 122.0), True), ((122.0, 0.5), True)],
)
def test_what_leaves_indonesia_is_flagged(point, outside):
    assert leaves_indonesia([(point,)]) is outside


def test_a_warning_that_leaves_the_box_says_so(world):
    from notify.compose import compose

    levels = world.levels("75.02", 2)
    far = lambda codes: np.asarray([shapely.box(150, 0, 150.1, 0.1)] * len(codes), dtype=object)  # noqa: E731
    body = compose(
        world.decision("alert", levels), world.event(HazardId.THUNDERSTORM), world.impact(levels),
        world.areas, at=world.at, status="Exercise", before=None, geometry=far, reach=Reach(),
    )  # fmt: skip
    assert OUTSIDE in body.data_quality


# --- geocodes -------------------------------------------------------------------------------

COUNTRY = sorted(
    f"{p:02d}.{r:02d}.{d:02d}.{v}"
    for p in (11, 12) for r in (1, 2, 71) for d in (1, 2, 3) for v in (2001, 2002, 1003)
)  # fmt: skip


@given(st.sets(st.sampled_from(COUNTRY)))
@example(set(COUNTRY))
@example({c for c in COUNTRY if c.startswith("11.01")} | {"12.01.01.2001"})
def test_codes_stand_for_exactly_the_villages(codes):
    counts = count(COUNTRY)
    for lengths in ((5, 8), (2, 5, 8)):
        found = coarsest(sorted(codes), counts, lengths=lengths)
        assert expanded(found, COUNTRY) == sorted(codes)
        assert found == sorted(found) and len(found) == len(set(found))
        for code in found:  # none could be coarser
            parents = [code[:n] for n in lengths if n < len(code)]
            assert all(sum(c.startswith(p + ".") for c in codes) < counts.villages[p]
                       for p in parents)  # fmt: skip


def test_whole_areas_take_one_code():
    counts = count(COUNTRY)
    regency = [c for c in COUNTRY if c.startswith("11.01.")]
    assert coarsest(regency, counts) == ["11.01"]
    assert coarsest(regency[:3], counts) == ["11.01.01"]
    assert coarsest(regency[:2], counts) == regency[:2]
    assert coarsest(COUNTRY, counts, lengths=(2, 5, 8)) == ["11", "12"]


def test_a_province_that_is_wholly_warned_is_one_area_of_the_alert(world):
    from notify.cap.alert import build
    from notify.cap.publisher import Publisher
    from notify.compose import compose

    levels = world.levels("75", 2)
    body = compose(
        world.decision("alert", {**levels, "53.07.01.2001": 2}), world.event(),
        world.impact(levels), world.areas, at=world.at, status="Actual", before=None,
        geometry=world.geometry,
    )  # fmt: skip
    alert = build(
        body, identifier="i", warning_id="w", sent=world.at, references=(), publisher=Publisher()
    )
    areas = alert.infos[0].areas
    assert [(a.description, [g.value for g in a.geocodes]) for a in areas] == [
        ("Kab. Sikka", ["53.07.01.2001"]),
        ("Provinsi Gorontalo", ["75"]),
    ]
    assert alert.infos[1].areas[1].description == "Gorontalo Province"


# --- names ----------------------------------------------------------------------------------


def test_a_name_that_holds_the_word_keeps_apart_from_the_list():
    names = ["Kab. Pangkajene dan Kepulauan", "Kab. Maros"]
    assert joined(names) == "Kab. Pangkajene dan Kepulauan, dan Kab. Maros"
    assert joined(["A dan B"]) == "A dan B"


def test_city_and_regency_of_one_name_are_told_apart():
    assert area_names("Kota Bogor", ["Bogor Utara"], whole=False)[0] == (
        "Kec. Bogor Utara, Kota Bogor"
    )
    assert area_names("Kab. Bogor", [], whole=True) == ["Kab. Bogor"]
    english = [area_names(n, [], whole=True, english=True)[0] for n in ("Kota Bogor", "Kab. Bogor")]
    assert english == ["Bogor City", "Bogor Regency"]


def test_a_district_named_like_its_regency_keeps_both_words():
    assert area_names("Kab. Gorontalo", ["Gorontalo"], whole=False)[0] == (
        "Kec. Gorontalo, Kab. Gorontalo"
    )


@pytest.mark.parametrize(
    ("names", "provinces", "first"),
    [
        (["Kab. A"], ["P"], "Kab. A"),
        (["Kab. A", "Kota B"], ["P", "P"], "Kab. A dan Kota B"),
        (list("ABCDE"), ["P"] * 5, "5 kabupaten/kota di P"),
        (list("ABCDE"), ["P", "Q", "P", "Q", "P"], "A dan 4 wilayah lain"),
    ],
)
def test_many_areas(names, provinces, first):
    ways = many_areas(names, provinces, language("id"))
    assert ways[0] == first and ways[-1] == "wilayah ini"


def test_provinces():
    assert whole_province("Gorontalo") == "Provinsi Gorontalo"
    assert whole_province("Daerah Istimewa Yogyakarta") == "Daerah Istimewa Yogyakarta"
