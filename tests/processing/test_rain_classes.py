"""The rainfall-potential image: exact classes, nothing guessed, nothing leaked."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from kentongan.errors import SourceChanged, SourceDown
from kentongan.types import Quality
from processing import rain_image as rp
from processing.rasters import QUALITIES

AT = datetime(2026, 1, 1, 10, 5, tzinfo=UTC)
HEAVY, VERY_HEAVY = rp.CLASS_COLOURS[2], rp.CLASS_COLOURS[3]


def blank() -> np.ndarray:
    """Sea, frame, and the dotted grid lines at their places."""
    pixels = np.full((rp.HEIGHT, rp.WIDTH, 3), 255, dtype=np.uint8)
    for x in rp.column_of(rp.GRID_LONGITUDES):
        pixels[::3, int(x) - 1 : int(x) + 3] = rp.GRID_COLOUR
    for y in rp.row_of(rp.GRID_LATITUDES):
        pixels[int(y) - 1 : int(y) + 3, ::3] = rp.GRID_COLOUR
    return pixels


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1)
    return out.getvalue()


def paint(pixels, latitude, longitude, colour, half=6):
    y, x = round(float(rp.row_of(latitude))), round(float(rp.column_of(longitude)))
    pixels[y - half : y + half + 1, x - half : x + half + 1] = colour


def at_place(raster, latitude, longitude, name="rain_class"):
    return int(raster[name].sel(latitude=latitude, longitude=longitude, method="nearest"))


def test_geometry_of_the_measured_lines():
    np.testing.assert_allclose(
        rp.column_of(rp.GRID_LONGITUDES), [280.5, 558.5, 836.5, 1115.5, 1393.5], atol=0.6
    )
    np.testing.assert_allclose(rp.row_of(rp.GRID_LATITUDES), [280.5, 558.5, 836.5], atol=0.1)


def test_classes_land_where_they_were_painted(policy):
    pixels = blank()
    places = {(-6.2, 106.8): 4, (0.5, 101.4): 3, (-8.5, 121.8): 2, (3.6, 98.7): 1}
    for (latitude, longitude), number in places.items():
        paint(pixels, latitude, longitude, rp.CLASS_COLOURS[number - 1])
    raster = rp.rain_raster(png(pixels), policy.rain_image, quality=Quality.OK)
    for (latitude, longitude), number in places.items():
        assert at_place(raster, latitude, longitude) == number
    assert at_place(raster, -6.2, 106.8, "hazard_level") == 2, "an image alone is capped"
    assert at_place(raster, 0.5, 101.4, "hazard_level") == 2
    assert at_place(raster, -8.5, 121.8, "hazard_level") == 1
    assert at_place(raster, 3.6, 98.7, "hazard_level") == 0
    assert at_place(raster, -2.0, 125.0) == 0
    assert (np.diff(raster.latitude) > 0).all()


def test_a_thin_coast_is_filled_from_its_neighbours_and_a_wide_one_stays_not_known(policy):
    pixels = blank()
    paint(pixels, -7.0, 108.0, HEAVY, half=12)
    y, x = round(float(rp.row_of(-7.0))), round(float(rp.column_of(108.0)))
    pixels[y, x - 12 : x + 13] = rp.COAST_COLOUR
    paint(pixels, -2.0, 104.0, rp.COAST_COLOUR, half=8)
    raster = rp.rain_raster(png(pixels), policy.rain_image, quality=Quality.OK)
    assert at_place(raster, -7.0, 108.0) == 3
    assert at_place(raster, -7.0, 108.0, "quality") == QUALITIES.index(Quality.DEGRADED)
    assert at_place(raster, -2.0, 104.0) == -1
    assert at_place(raster, -2.0, 104.0, "hazard_level") == -1


def test_nothing_leaks_from_legend_or_title():
    pixels = blank()
    pixels[rp.LEGEND_ROWS[0] : rp.LEGEND_ROWS[1], rp.LEGEND_COLUMNS[0] :] = VERY_HEAVY
    pixels[: rp.TITLE_ROWS] = VERY_HEAVY
    classes = rp.filled(rp.pixel_classes(pixels), rp.covered())
    assert set(np.unique(classes)) <= {-1, 0}
    assert (classes[rp.covered()] == -1).all()


def test_of_equally_common_neighbours_the_higher_class_counts():
    classes = np.zeros((7, 7), dtype=np.int8)
    classes[:, 4:] = 3
    classes[:, 3] = rp.UNKNOWN
    hidden = np.zeros(classes.shape, dtype=bool)
    assert (rp.filled(classes, hidden)[:, 3] == 3).all()


@given(st.binary(min_size=900, max_size=900))
def test_filling_never_changes_what_is_known_nor_invents_a_class(data):
    classes = (np.frombuffer(data, dtype=np.uint8).reshape(30, 30) % 6).astype(np.int8) - 1
    hidden = np.zeros(classes.shape, dtype=bool)
    hidden[:, 25:] = True
    found = rp.filled(classes, hidden)
    known = classes != rp.UNKNOWN
    np.testing.assert_array_equal(found[known], classes[known])
    assert set(np.unique(found)) <= set(np.unique(classes))
    assert (found[hidden & ~known] == rp.UNKNOWN).all()


def strange_palette() -> bytes:
    pixels = blank()
    pixels[200:900] = (12, 34, 56)
    return png(pixels)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(png(np.zeros((10, 10, 3), np.uint8)), "expected 1674 x 1118", id="size"),
        pytest.param(strange_palette(), "palette", id="palette"),
        pytest.param(b"<html>Laman Diblokir</html>", "not a readable PNG", id="block-page"),
        pytest.param(b"", "not a readable PNG", id="empty"),
        pytest.param(png(blank())[:5000], "not a readable PNG", id="truncated"),
    ],
)
def test_another_image_is_refused(policy, content, words):
    with pytest.raises(SourceChanged, match=words):
        rp.rain_raster(content, policy.rain_image, quality=Quality.OK)


def test_shifted_grid_lines_degrade(policy):
    raster = rp.rain_raster(
        png(np.roll(blank(), 40, axis=1)), policy.rain_image, quality=Quality.OK
    )
    assert raster.attrs["quality"] == "degraded"


def test_newest_fresh_image_makes_one_field(policy, image):
    pictures = {}
    for minutes, colour in ((5, HEAVY), (15, VERY_HEAVY)):
        pixels = blank()
        paint(pixels, -6.2, 106.8, colour)
        pictures[minutes] = png(pixels)
    new, old = image(AT - timedelta(minutes=5)), image(AT - timedelta(minutes=15))
    read = {new.key: pictures[5], old.key: pictures[15]}
    (field,) = rp.rain_fields(
        [old, new], at=AT, policy=policy, read=lambda record: read[record.key]
    )
    assert at_place(field.raster, -6.2, 106.8) == 3
    event = field.event
    assert event.event_id == "rain-20260101T1000Z"
    assert (event.level, event.official) == (2, False)
    assert event.valid_to == new.valid_time + timedelta(minutes=60)
    assert event.observations == (new.sha256,)


@pytest.mark.parametrize(("age", "count"), [(0, 1), (40, 1), (41, 0), (-1, 0)])
def test_an_old_or_a_future_image_says_nothing(policy, image, age, count):
    record = image(AT - timedelta(minutes=age))
    content = png(blank())
    found = rp.rain_fields([record], at=AT, policy=policy, read=lambda _: content)
    assert len(found) == count


def test_an_unreadable_image_is_named_and_the_one_before_is_used(policy, image):
    new, old = image(AT), image(AT - timedelta(minutes=10))
    content = png(blank())

    def read(record):
        return b"damaged" if record is new else content

    (field,) = rp.rain_fields([new, old], at=AT, policy=policy, read=read)
    assert field.raster is not None
    assert "not a readable PNG" in field.unresolved[0]


def test_if_no_image_can_be_read_the_field_says_not_known(policy, image):
    def read(_):
        raise SourceDown("archive: bytes are missing")

    (field,) = rp.rain_fields([image(AT)], at=AT, policy=policy, read=read)
    assert field.raster is None
    assert len(field.zones) == 0
    assert field.event.quality is Quality.DEGRADED
    assert field.unresolved == ("archive: bytes are missing",)


@pytest.mark.parametrize("stamp", ["0950", "1000"])
def test_recorded_images(samples, policy, stamp):
    path = samples / "bmkg" / "satellite" / f"H08_RP_Indonesia-2026-01-01T{stamp}Z.png"
    content = path.read_bytes()
    pixels = rp.read_pixels(content)
    assert rp.geometry_confirmed(pixels)
    exact = rp.pixel_classes(pixels)
    shares = [float((exact == number).mean()) for number in range(1, 5)]
    assert shares == sorted(shares, reverse=True), "the heavier, the rarer"
    assert 0.05 < shares[0] < 0.10
    assert 0.005 < shares[3] < 0.02
    raster = rp.rain_raster(content, policy.rain_image, quality=Quality.OK)
    java = raster.rain_class.sel(latitude=slice(-8.9, -5.8), longitude=slice(105, 115))
    assert float((java < 0).mean()) < 0.005, "the coast of Java is filled"
    assert float((raster.rain_class < 0).mean()) < 0.01
    assert set(np.unique(raster.hazard_level)) <= {-1, 0, 1, 2}


def test_recorded_coast_lies_where_land_is(samples):
    """Land drawn as sea is least without any shift of the picture."""
    import geopandas as gpd
    from rasterio.features import rasterize
    from rasterio.transform import Affine

    path = samples / "bmkg" / "satellite" / "H08_RP_Indonesia-2026-01-01T0950Z.png"
    pixels = rp.read_pixels(path.read_bytes())
    step = [1 / per_degree for per_degree in rp.PIXELS_PER_DEGREE]
    west = rp.ORIGIN_DEGREES[0] - (rp.ORIGIN_PIXEL[0] + 0.5) * step[0]
    north = rp.ORIGIN_DEGREES[1] + (rp.ORIGIN_PIXEL[1] + 0.5) * step[1]
    provinces = gpd.read_parquet(samples / "geo" / "adm1_provinces_38.parquet")
    land = rasterize(
        provinces.geometry,
        out_shape=(rp.HEIGHT, rp.WIDTH),
        transform=Affine(step[0], 0, west, 0, -step[1], north),
    ).astype(bool)
    sea = (pixels == 255).all(axis=2)
    inner = (slice(420, 850), slice(400, 1400))
    wrong = {
        (dy, dx): int((np.roll(land, (dy, dx), (0, 1)) & sea)[inner].sum())
        for dy in (-3, 0, 3)
        for dx in (-3, 0, 3)
    }
    assert min(wrong, key=wrong.__getitem__) == (0, 0)
