"""Feeds: bytes to records, pictures and grids to fields, and a poll in which nothing changed.

Documents are made by `feeds_made` in the size of BMKG's largest on record.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.feeds_made import AT, BULLETINS, DOCUMENTS, POLYGONS, RSS
from benchmarks.harness import (
    PAIRS,
    Bench,
    Result,
    alternate,
    not_measured,
    run_process,
    seconds,
    times_faster,
    within,
)

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.run import IngestContext
    from ingest.source import Reading

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "tests" / "fixtures" / "feeds"
MEMORY_MB = 1_500.0
VILLAGE = "33.01.01.2001"
_SERVE = (
    "import sys, time; from pathlib import Path; from ingest.play.feedserver import FeedServer; "
    "server = FeedServer(Path(sys.argv[1])); server.start(); print(server.url, flush=True); "
    "sys.stdin.read()"
)
_OPEN_FRAME = (
    "import sys; from pathlib import Path; from ingest.frames import open_frame; "
    "from ingest.frames import worker; "
    "print(open_frame([Path(p) for p in sys.argv[2:]], sys.argv[1]).sizes); worker._drop()"
)


def _read(source_id: str, payload: bytes, path: str) -> Reading:
    from ingest.registry import SOURCES
    from ingest.source import ReadContext
    from kentongan.store import sha256_hex

    context = ReadContext(source_id, path, sha256_hex(payload), AT, re_creation=False)
    return SOURCES[source_id].read(payload, context)


def _median(work: Callable[[], Any], times: int = PAIRS) -> tuple[float, Any]:
    """Median seconds after one unmeasured call, and the answer."""
    answer = work()
    return statistics.median(seconds(work)[0] for _ in range(times)), answer


def cap() -> Iterator[Result]:
    """11 warnings of 150 polygons and 3,000 points each, to records with checked rings.

    Peers: capvalidator (schema and dates, no geometry); lxml and `float` alone, which is the floor.
    """
    import capvalidator

    from benchmarks.feeds_made import nowcast

    documents = {path: body for path, body in nowcast().items() if path != RSS}

    def ours() -> list[tuple[Any, int]]:
        found = [_read("bmkg-nowcast", body, path).records[0] for path, body in documents.items()]
        return [(one.expires, len(one.polygons)) for one in found]  # type: ignore[union-attr]

    def schema() -> list[tuple[bool, Any]]:
        return [
            (capvalidator.check_schema(body).passed, capvalidator.get_dates(body).expiry)
            for body in documents.values()
        ]

    def same(left: list[tuple[Any, int]], right: list[tuple[bool, Any]]) -> None:
        assert [expires for expires, _ in left] == [_utc(expiry) for _, expiry in right]
        assert all(passed for passed, _ in right)
        assert {count for _, count in left} == {POLYGONS}

    ours_s, peer_s = alternate(ours, schema, same)
    yield within("feeds.cap", ours_s, "s", at_most=1.0, seconds=ours_s, note=f"{DOCUMENTS} files")
    name = f"capvalidator {capvalidator.__version__}"
    yield times_faster("feeds.cap_against_schema", ours_s, name, peer_s, at_least=None)
    ours_s, floor_s = alternate(ours, lambda: _floor(documents), lambda _, found: _points(found))
    note = "a floor: no ring is checked there"
    yield times_faster(
        "feeds.cap_floor", ours_s, "lxml and float", floor_s, at_least=None, note=note
    )


def _utc(value: Any) -> datetime:
    from datetime import UTC, datetime

    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.astimezone(UTC)


def _floor(documents: dict[str, bytes]) -> int:
    from lxml import etree

    points = 0
    for body in documents.values():
        for element in etree.fromstring(body).iter("{*}polygon"):
            pairs = [pair.split(",") for pair in element.text.split()]
            points += len([(float(a), float(b)) for a, b in pairs])
    return points


def _points(found: int) -> None:
    assert found > DOCUMENTS * POLYGONS * 10


def bulletins() -> Iterator[Result]:
    """The history of 30 InaTEWS bulletins with 22 zones and 10 gauges each."""
    from benchmarks.feeds_made import bulletins as made

    body = made()
    taken, reading = _median(lambda: _read("bmkg-inatews", body, "/last30tsunamievent.xml"))
    assert len(reading.records) == BULLETINS
    assert not reading.rejected
    yield within("feeds.inatews_30", taken, "s", at_most=0.2, seconds=taken)


def quake() -> Iterator[Result]:
    """A list of 15 quakes from its bytes to records, then over HTTP into archive and table."""
    from benchmarks.feeds_made import quake_list

    body, path = quake_list(), "/DataMKG/TEWS/gempaterkini.json"
    taken, reading = _median(lambda: _read("bmkg-quakes", body, path), 50)
    assert len(reading.records) == 15
    yield within("feeds.quake_read", taken * 1000, "ms", at_most=100, seconds=taken)
    with tempfile.TemporaryDirectory() as folder:
        polls = list(_new_quakes(Path(folder)))
    middle = statistics.median(polls)
    note = "three addresses asked, one with a new quake: archived and in the table"
    yield within("feeds.quake_poll", middle, "s", at_most=0.1, seconds=middle, note=note)


def _new_quakes(folder: Path) -> Iterator[float]:
    """Seconds of polls that each find one quake more."""
    from datetime import timedelta

    from benchmarks.feeds_made import quake_list
    from ingest.run import poll

    names = ("autogempa", "gempadirasakan", "gempaterkini")
    table = "".join(f"/DataMKG/TEWS/{name}.json,{name}\n" for name in names)
    (folder / "paths.csv").write_text(f"bmkg_path,file\n{table}")
    for name in names:
        (folder / name).write_bytes(quake_list())
    with _served(folder) as url, _context(url) as context:
        for minute in range(PAIRS + 1):
            at = AT + timedelta(minutes=minute)
            (folder / "gempaterkini").write_bytes(quake_list(at - timedelta(minutes=2)))
            taken, report = seconds(lambda at=at: poll("bmkg-quakes", at=at, context=context))
            assert report.new_records
            if minute:
                yield taken


def rain_image() -> Iterator[Result]:
    """The rainfall-potential picture: judged at reception, then decoded to the class grid."""
    from benchmarks.feeds_made import rain_image as drawn
    from ingest.registry import SOURCES
    from kentongan.policy import LevelPolicy, load_policy
    from kentongan.settings import data_dir
    from kentongan.types import Quality
    from processing.rain_image import rain_raster

    body = drawn()
    path = SOURCES["himawari-rp"].paths([], AT)[0]
    taken, reading = _median(lambda: _read("himawari-rp", body, path))
    note = f"{len(body) / 1e6:.1f} MB"
    yield within("feeds.rp_read", taken, "s", at_most=0.5, seconds=taken, note=note)
    assert reading.records[0].time_source == "title"
    rules = load_policy(data_dir() / "policy" / "levels.toml", LevelPolicy).rain_image
    decoded, grid = _median(lambda: rain_raster(body, rules, quality=Quality.OK))
    assert set(range(5)) <= set(grid["rain_class"].values.ravel().tolist())
    yield within("feeds.rp_to_grid", decoded, "s", at_most=0.5, seconds=decoded)


def b13() -> Iterator[Result]:
    """A 2 km frame of band 13 as NetCDF, cut to Indonesia and judged."""
    from ingest.frames import open_frame
    from tests.fixtures.make_frames import TIME, bmkg_netcdf

    with tempfile.TemporaryDirectory() as folder:
        file = bmkg_netcdf(Path(folder) / "H08_B13_Indonesia_202611200710.nc", step=0.02)
        body = file.read_bytes()
        taken, frame = _median(lambda: open_frame(body, "himawari-b13", valid_time=TIME))
        note = f"{frame.sizes['latitude']} x {frame.sizes['longitude']} cells"
        yield within("feeds.b13_netcdf", taken, "s", at_most=1.0, seconds=taken, note=note)
        yield _memory("feeds.b13_memory", "himawari-b13", [file])


def _memory(bench: str, product: str, files: list[Path]) -> Result:
    command = [sys.executable, "-c", _OPEN_FRAME, product, *map(str, files)]
    done = run_process(command, {"PYTHONPATH": str(ROOT)})
    assert done.status == 0
    note = "largest process, imports included"
    return within(bench, done.peak_mb, "MB", at_most=MEMORY_MB, seconds=done.seconds, note=note)


def hsd() -> Iterator[Result]:
    """Three segments of Himawari standard data to Indonesia, without unpacking and import."""
    if importlib.util.find_spec("satpy") is None:
        yield not_measured("feeds.hsd", "satpy is not installed (extra `satpy`)")
        return
    import numpy as np

    from ingest.frames import open_frame
    from tests.fixtures.make_frames import counts, hsd_name, hsd_segment

    noise = np.random.default_rng(5)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / hsd_name(number) for number in (5, 6, 7)]
        for number, file in zip((5, 6, 7), files, strict=True):
            kelvin = 290 + 2 * noise.standard_normal((550, 5500))
            file.write_bytes(hsd_segment(counts(kelvin), number))
        bodies = [file.read_bytes() for file in files]
        taken, _ = _median(lambda: open_frame(bodies, "himawari-hsd"), 3)
        yield within("feeds.hsd", taken, "s", at_most=5.0, seconds=taken)
        yield _memory("feeds.hsd_memory", "himawari-hsd", files)


def unchanged() -> Iterator[Result]:
    """Processor time of a poll in which nothing changed, for each source; the server is another
    process. The nowcast has 11 documents of 3,000 points behind it."""
    from ingest.registry import SOURCES

    with tempfile.TemporaryDirectory() as folder:
        _busy_day(Path(folder))
        with _served(Path(folder)) as url, _context(url) as context:
            for source_id in SOURCES:
                if source_id == "himawari-hsd" and importlib.util.find_spec("satpy") is None:
                    yield not_measured("feeds.unchanged_himawari_hsd", "satpy is not installed")
                else:
                    yield _unchanged(source_id, context)


def _unchanged(source_id: str, context: IngestContext) -> Result:
    from datetime import timedelta

    from ingest.registry import SOURCES
    from ingest.run import poll

    wanted = [VILLAGE] if source_id == "bmkg-forecast" else []
    # The scan of the grids among the fixtures is due a little later.
    begin = AT + timedelta(minutes=6 if SOURCES[source_id].info.needs.startswith("himawari") else 0)
    first = poll(source_id, at=begin, context=context, wanted=wanted)
    bench = f"feeds.unchanged_{source_id.replace('-', '_')}"
    if not first.new_records:
        return not_measured(bench, f"nothing came at first: {first.detail[:120]}")
    taken: list[float] = []
    for minute in range(1, PAIRS + 1):
        start = time.process_time()
        at = begin + timedelta(seconds=30 * minute)
        report = poll(source_id, at=at, context=context, wanted=wanted)
        taken.append(time.process_time() - start)
        assert report.new_records == 0
    middle = statistics.median(taken)
    note = f"{first.new_records} records at first"
    return within(bench, middle * 1000, "ms", at_most=50, seconds=middle, note=note)


def _busy_day(folder: Path) -> None:
    """Our fixtures, with the nowcast and the picture of a busy day."""
    import csv

    from benchmarks.feeds_made import nowcast
    from benchmarks.feeds_made import rain_image as drawn

    with (FIXTURES / "paths.csv").open(encoding="utf-8", newline="") as lines:
        rows = {row["bmkg_path"]: str(FIXTURES / row["file"]) for row in csv.DictReader(lines)}
    made = {**nowcast(), "/IMAGE/HIMA/H08_RP_Indonesia.png": drawn()}
    for number, (path, body) in enumerate(made.items()):
        (folder / f"{number}").write_bytes(body)
        rows[path] = f"{number}"
    with (folder / "paths.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerows([("bmkg_path", "file"), *rows.items()])


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Address of a feed server in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        url = process.stdout.readline().strip()
        assert url, "the feed server did not start"
        yield url
    finally:
        process.stdin.close()
        process.wait(timeout=10)
        process.stdout.close()


@contextmanager
def _context(url: str) -> Iterator[IngestContext]:
    """A fresh home whose feeds lead to one address."""
    from ingest.run import IngestContext
    from kentongan.db import make_engine
    from kentongan.migrate import migrate
    from kentongan.settings import Settings
    from kentongan.store import Store

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), _env_file=None)  # type: ignore[call-arg]
        names = ("shakemap_url", "himawari_b13_url", "himawari_ptree_url", "himawari_hsd_url")
        settings = settings.with_feed_server(url, **dict.fromkeys(names, url))
        engine = make_engine(settings.resolved_database_url)
        migrate(engine)
        try:
            yield IngestContext(settings, engine, Store(f"{folder}/archive"))
        finally:
            engine.dispose()


BENCHES: dict[str, Bench] = {
    "feeds.cap": cap,
    "feeds.inatews": bulletins,
    "feeds.quake": quake,
    "feeds.rp": rain_image,
    "feeds.b13": b13,
    "feeds.hsd": hsd,
    "feeds.unchanged": unchanged,
}
