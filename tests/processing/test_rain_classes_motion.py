"""Motion of BMKG's classes: of drawn ones, and of the two images on record."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from processing.rain.advect import displacements
from processing.rain.class_motion import (
    ClassFrame,
    _carried,
    class_forecast,
    class_frame,
    main,
    picture,
    shares,
)

ROWS, COLUMNS = 200, 320
LATITUDE = -9 + np.arange(ROWS) / 27.8
LONGITUDE = 105 + np.arange(COLUMNS) / 27.825


def drawn(east=0, north=0):
    """Three storms, each of four classes inside one another."""
    y, x = np.mgrid[:ROWS, :COLUMNS]
    classes = np.zeros((ROWS, COLUMNS), dtype=np.int8)
    for row, column in ((60, 80), (130, 200), (80, 260)):
        away = np.hypot(y - row - north, x - column - east)
        for number, radius in enumerate((28, 21, 13, 6), start=1):
            classes[away <= radius] = number
    return ClassFrame(classes, LATITUDE, LONGITUDE)


def test_a_drawn_motion_is_found_and_carried_on():
    found = class_forecast(drawn(), drawn(3, -2))
    seen = found.motion.seen > 0.05
    assert np.median(found.motion.east[seen]) == pytest.approx(3, abs=0.15)
    assert np.median(found.motion.north[seen]) == pytest.approx(-2, abs=0.15)
    ahead, truth = found.ahead, drawn(3 * 7, -2 * 7).classes
    known = ahead >= 0
    heavy, came = (ahead >= 3) & known, (truth >= 3) & known
    assert (heavy & came).sum() > 0.85 * came.sum()


def test_a_pixel_each_way_is_so_many_metres_a_second():
    found = class_forecast(drawn(), drawn(1, 0))
    # 111,195 m / 27.825 in 600 s at 5.4 degrees south.
    speed = np.median(found.speed_m_s()[found.motion.seen > 0.05])
    assert speed == pytest.approx(111195 / 27.825 / 600 * np.cos(np.radians(5.4)), rel=0.1)


def test_what_comes_in_over_the_rim_is_not_known():
    found = class_forecast(drawn(), drawn(3, 0))
    assert (found.ahead[:, :10] == -1).all()
    assert (found.ahead[:, 40:] != -1).all()


def test_classes_that_are_not_known_stay_so_and_are_carried():
    later = drawn()
    later.classes[100:110, 100:120] = -1
    found = class_forecast(drawn(), later)
    assert 0.5 * 200 < (found.ahead == -1).sum() < 2 * 200


def test_no_class_is_mixed_from_two():
    frame = drawn()
    frame.classes[frame.classes > 0] = 4
    found = class_forecast(frame, frame)
    assert set(np.unique(found.ahead)) <= {-1, 0, 4}


def test_without_rain_nothing_moves():
    dry = ClassFrame(np.zeros((ROWS, COLUMNS), dtype=np.int8), LATITUDE, LONGITUDE)
    found = class_forecast(dry, dry)
    assert np.isfinite(found.speed_m_s()).all()
    assert (found.ahead == 0).all()


@pytest.mark.parametrize("lead", [0.0, 5.0, 65.0])
def test_a_lead_between_steps_is_refused(lead):
    with pytest.raises(ValueError, match="multiple"):
        class_forecast(drawn(), drawn(), lead_minutes=lead)


@pytest.fixture(scope="module")
def images(samples):
    folder = samples / "bmkg" / "satellite"
    return [folder / f"H08_RP_Indonesia-2026-01-01T{clock}Z.png" for clock in ("0950", "1000")]


@pytest.fixture(scope="module")
def real(images):
    return [class_frame(path.read_bytes()) for path in images]


def test_the_motion_of_two_real_images_is_that_of_air(real):
    speed = class_forecast(*real).speed_m_s()
    assert np.isfinite(speed).all()
    assert speed.max() < 30


def test_the_forecast_keeps_the_shares_of_the_classes(real):
    found = class_forecast(*real)
    now, ahead = shares(found.now.classes), shares(found.ahead)
    for name, share in now.items():
        assert ahead[name] == pytest.approx(share, rel=0.15), name


def test_the_carried_image_is_nearer_to_the_next_one_than_the_image_itself(real):
    earlier, later = real
    found = class_forecast(earlier, later, lead_minutes=10).motion
    carried = _carried(earlier.classes, displacements(found, 1)[0])
    wrong, persisting = (
        int(((c >= 3) != (later.classes >= 3)).sum()) for c in (carried, earlier.classes)
    )
    assert wrong < 0.9 * persisting


def test_the_command_draws_them(images, tmp_path, capsys):
    out = tmp_path / "motion.png"
    main([*map(str, images), str(out)])
    with Image.open(out) as image:
        assert image.width > 1000
    assert out.stat().st_size < 150_000
    printed = capsys.readouterr().out
    assert "m/s" in printed and "very_heavy" in printed


def test_the_picture_of_drawn_classes_names_source_and_forecaster():
    content = picture(class_forecast(drawn(), drawn(3, -2)), "Sumber: BMKG; perkiraan: Kentongan")
    with Image.open(io.BytesIO(content)) as image:
        assert image.format == "PNG"
        assert image.height > 1000
