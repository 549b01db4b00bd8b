from __future__ import annotations

import io
import random
import struct
import zlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from ingest.read.glyphs import read_character, split_words
from ingest.read.image_title import title_time
from ingest.sources.himawari_rp import HimawariRp
from kentongan.errors import SourceBlocked, SourceChanged
from kentongan.types import Quality

PATH = "/IMAGE/HIMA/H08_RP_Indonesia.png"
TITLE = "HIMAWARI-9 RP  20/11/2026  07:10UTC"
AT = datetime(2026, 11, 20, 7, 10, tzinfo=UTC)


@pytest.fixture
def read(read_context):
    def run(payload, **changes):
        return HimawariRp().read(payload, read_context("himawari-rp", PATH, **changes))

    return run


def bar(text, *, size=36, weight=0, at=(16, 12)):
    picture = Image.new("RGB", (1674, 65), (76, 76, 76))
    font = ImageFont.load_default(size=size)
    pen = ImageDraw.Draw(picture)
    pen.text(at, text, fill=(255, 248, 198), font=font, stroke_width=weight)
    return np.asarray(picture)


def test_the_drawn_title_is_the_time(draw_rp, read):
    reading = read(draw_rp(TITLE))
    (image,) = reading.records
    assert image.valid_time == AT == image.document_time == reading.document_time
    assert (image.product, image.time_source, image.quality) == ("RP", "title", Quality.OK)
    assert reading.notes == ()


def test_an_unreadable_title_means_receive_clock_and_degraded(draw_rp, read, now):
    (image,) = read(draw_rp("HIMAWARI-9 RP")).records
    assert (image.valid_time, image.time_source) == (now, "receive-clock")
    assert image.quality is Quality.DEGRADED


def test_the_same_untimed_picture_in_other_bytes_stays_the_first(draw_rp, read, now):
    payload = draw_rp("HIMAWARI-9 RP")
    out = io.BytesIO()
    with Image.open(io.BytesIO(payload)) as picture:
        picture.save(out, "PNG", compress_level=1)
    later = read(out.getvalue(), received_at=now + timedelta(hours=3), sha256="1" * 64)
    assert out.getvalue() != payload
    assert later.records[0].key == read(payload).records[0].key


@pytest.mark.parametrize("title", [TITLE.replace("2026", "2025"), TITLE.replace("07:", "09:")])
def test_a_title_far_from_the_clock_keeps_its_time_and_is_named(draw_rp, read, title):
    reading = read(draw_rp(title))
    assert reading.records[0].time_source == "title"
    assert "title says" in reading.notes[0]


@pytest.mark.parametrize(
    "title",
    [
        pytest.param("HIMAWARI-9 RP  20/13/2026  07:10UTC", id="month-13"),
        pytest.param("HIMAWARI-9 RP  31/02/2026  07:10UTC", id="no-such-day"),
        pytest.param("HIMAWARI-9 RP  20/11/2026  25:10UTC", id="hour-25"),
        pytest.param("HIMAWARI-9 RP  20/11/2026  07:13UTC", id="no-scan-time"),
        pytest.param("HIMAWARI-9 RP  20/11/2026  07:10WIB", id="another-zone"),
        pytest.param("HIMAWARI-9 RP  20/11/1026  07:10UTC", id="before-himawari"),
        pytest.param("HIMAWARI-9 RP  20-11-2026  07:10UTC", id="other-marks"),
        pytest.param("", id="no-title"),
    ],
)
def test_titles_that_are_not_believed(title):
    assert title_time(bar(title)) is None


@pytest.mark.parametrize("size", [24, 30, 36, 42])
@pytest.mark.parametrize("digit", "0123456789")
def test_every_digit_is_read(digit, size):
    from ingest.read.image_title import _cream

    ((glyph,),) = split_words(_cream(bar(digit, size=size)))
    assert read_character(glyph) == digit


def test_readable_titles_are_read_right_and_unreadable_ones_never_wrong():
    pick = random.Random(7)  # noqa: S311
    unread = 0
    for _ in range(150):
        steps = pick.randrange(6 * 24 * 365 * 25)
        time = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(minutes=10 * steps)
        text = f"HIMAWARI-9 RP  {time:%d/%m/%Y}  {time:%H:%M}UTC"
        found = title_time(
            bar(text, size=pick.choice([24, 30, 36, 42]), weight=pick.choice([0, 1]))
        )
        assert found in (time, None)
        unread += found is None
    assert unread < 120


def test_a_smeared_title_is_not_guessed():
    pixels = np.array(bar(TITLE))
    noise = np.random.default_rng(3)
    for share in (0.02, 0.1, 0.3):
        dirty = pixels.copy()
        dirty[noise.random(dirty.shape[:2]) < share] = (255, 248, 198)
        assert title_time(dirty) in (AT, None)


def test_an_image_of_another_size_is_refused(draw_rp, read):
    with pytest.raises(SourceChanged, match="another size"):
        read(draw_rp(TITLE, size=(1600, 1118)))


@pytest.mark.parametrize(
    "colours",
    [
        pytest.param({"land": (250, 220, 160)}, id="land"),
        pytest.param({"heavy": (255, 200, 0)}, id="a-class"),
    ],
)
def test_an_image_of_another_palette_is_refused(draw_rp, read, colours):
    with pytest.raises(SourceChanged, match="another palette"):
        read(draw_rp(TITLE, **colours))


def test_html_truncated_and_foreign_files_are_refused(draw_rp, read):
    with pytest.raises(SourceBlocked):
        read(b"<!doctype html><html>")
    for payload in (draw_rp(TITLE)[:9000], b"GIF89a" + b"0" * 60, b"\x89PNG\r\n\x1a\n", b"x"):
        with pytest.raises(SourceChanged):
            read(payload)


def test_a_declared_giant_is_never_unpacked(read):
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(SourceChanged, match="another size"):
        read(bomb)
