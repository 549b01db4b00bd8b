from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from ingest.health import feed_health
from ingest.registry import SOURCES
from ingest.run import poll
from kentongan.errors import SourceBlocked, SourceChanged
from kentongan.types import FeedState, Outcome, Quality

EH, CLC = "/IMAGE/HIMA/H08_EH_Indonesia.png", "/IMAGE/HCAI/CLC/HCAI_CLC_Indonesia.png"
AT = datetime(2026, 11, 20, 7, 10, tzinfo=UTC)


def title(product, time=AT):
    return f"HIMAWARI-9 {product}  {time:%d/%m/%Y}  {time:%H:%M}UTC"


@pytest.fixture
def read(read_context):
    def run(payload, path=EH, source_id="himawari-images", **changes):
        return SOURCES[source_id].read(payload, read_context(source_id, path, **changes))

    return run


def png(picture):
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_all_products_are_asked_for():
    paths = [p for s in ("himawari-images", "himawari-clouds") for p in SOURCES[s].paths((), AT)]
    assert [path.rsplit("/", 1)[1][:8] for path in paths] == [
        *(f"H08_{p}_I" for p in ("EH", "WE", "NC", "RD")),
        *(f"HCAI_{p}" for p in ("CLC", "HTC", "CVC")),
    ]


def test_hourly_products_have_their_own_lateness():
    quick, slow = (SOURCES[s].info for s in ("himawari-images", "himawari-clouds"))
    assert (quick.cadence, slow.cadence) == (timedelta(minutes=10), timedelta(hours=1))
    assert quick.late_after < slow.cadence < slow.late_after
    assert quick.tier == slow.tier == "support"


@pytest.mark.parametrize(
    ("source_id", "path", "product"),
    [("himawari-images", EH, "EH"), ("himawari-clouds", CLC, "CLC")],
)
def test_a_picture_is_named_and_timed(draw_rp, read, source_id, path, product):
    (image,) = read(draw_rp(title(product)), path, source_id).records
    assert (image.kind, image.product, image.valid_time) == ("satellite_image", product, AT)
    assert (image.time_source, image.quality) == ("title", Quality.OK)


def test_no_picture_but_rp_makes_rain(draw_rp, read):
    from processing.rain_image import _is_rp

    assert not _is_rp(read(draw_rp(title("EH"))).records[0].product)


def test_an_unreadable_title_is_degraded_and_the_same_picture_stays_the_first(draw_rp, read, now):
    first = read(draw_rp("?"))
    with Image.open(io.BytesIO(draw_rp("?"))) as picture:
        again = read(png(picture), received_at=now + timedelta(hours=3), sha256="1" * 64)
    assert first.records[0].quality is Quality.DEGRADED
    assert first.records[0].valid_time == now
    assert "title not readable" in first.notes[0]
    assert again.records[0].key == first.records[0].key


def test_a_picture_of_another_size_is_kept_and_degraded(draw_rp, read):
    reading = read(draw_rp(title("EH"), size=(1700, 1118)))
    assert reading.records[0].quality is Quality.DEGRADED
    assert "1700x1118" in reading.notes[-1]
    clouds = read(draw_rp(title("CLC"), size=(1700, 1118)), CLC, "himawari-clouds")
    assert clouds.records[0].quality is Quality.OK


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        pytest.param(b"<!doctype html><html>", SourceBlocked, id="html"),
        pytest.param(b"GIF89a" + bytes(60), SourceChanged, id="gif"),
        pytest.param(png(Image.new("RGB", (1674, 1118))), SourceChanged, id="one-colour"),
        pytest.param(png(Image.effect_noise((40, 40), 9)), SourceChanged, id="tiny"),
        pytest.param(png(Image.new("1", (9000, 300))), SourceChanged, id="too-wide"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(12_000_001), SourceChanged, id="too-long"),
    ],
)
def test_what_is_no_picture_is_refused(read, payload, error):
    with pytest.raises(error):
        read(payload)


@pytest.mark.parametrize("share", [0.2, 0.9, 0.999])
def test_a_picture_cut_short_is_refused(draw_rp, read, share):
    payload = draw_rp(title("EH"))
    with pytest.raises(SourceChanged):
        read(payload[: int(len(payload) * share)])


def test_an_unknown_path_is_refused(draw_rp, read):
    with pytest.raises(SourceChanged, match="no picture of"):
        read(draw_rp(title("EH")), "/IMAGE/HIMA/H08_XX_Indonesia.png")


def test_one_frozen_product_is_seen_while_the_others_advance(draw_rp, serve, make_context):
    paths = SOURCES["himawari-images"].paths((), AT)
    served = {path: draw_rp(title("EH")) for path in paths}
    context = make_context(serve(served).url)
    for minutes in (10, 40, 70):
        at = AT + timedelta(minutes=minutes)
        for path in paths[1:]:
            served[path] = draw_rp(title("WE", at - timedelta(minutes=10)))
        report = poll("himawari-images", at=at, context=context)
    health = next(h for h in feed_health(context.engine, at) if h.source_id == "himawari-images")
    states = {part.name: part.state for part in health.parts}
    assert states[EH] is FeedState.FROZEN
    assert {states[path] for path in paths[1:]} == {FeedState.FRESH}
    assert "stands still" in health.detail
    assert report.outcome is Outcome.NEW


def test_a_missing_product_is_named_while_the_others_are_read(draw_rp, serve, make_context):
    context = make_context(serve({EH: draw_rp(title("EH"))}).url)
    report = poll("himawari-images", at=AT, context=context)
    assert report.new_records == 1
    assert "H08_WE_Indonesia" in report.detail


def test_real_pictures_read_as_another_product(samples, read):
    for name, hour, minute in (("0950Z", 9, 50), ("1000Z", 10, 0)):
        path = samples / "bmkg" / "satellite" / f"H08_RP_Indonesia-2026-01-01T{name}.png"
        (image,) = read(path.read_bytes()).records
        assert image.valid_time == datetime(2026, 1, 1, hour, minute, tzinfo=UTC)
