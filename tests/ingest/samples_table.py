"""What our readers make of each recorded payload: `python -m tests.ingest.samples_table`.

Each file is served under the address of BMKG's where it was found, or would be, and its source is
polled shortly after the document's own time. `samples.csv` says where, when and what must come.
"""

from __future__ import annotations

import csv
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import select

from ingest.known import known
from ingest.play.feedserver import FeedServer, Payload
from ingest.run import IngestContext, poll
from kentongan.db import feed_log, make_engine
from kentongan.migrate import migrate
from kentongan.settings import Settings
from kentongan.store import Store
from kentongan.times import parse_instant
from tests.fuzz.corpus import samples

TABLE = Path(__file__).with_name("samples.csv")
KINDS = (
    *("quake", "bulletin", "nowcast_item", "nowcast", "forecast", "satellite_image", "detection"),
    *("catalogue_quake", "shake_grid", "satellite_grid", "radar_scan"),
)
_INDEX = """<rss version="2.0"><channel><language>{language}</language>
<lastBuildDate>{built}</lastBuildDate><item><title>x</title>
<link>https://www.bmkg.go.id{path}</link><description>x</description>
<guid>2.49.0.1.360.0.2026.09.24.07.75.002</guid><pubDate>{built}</pubDate></item></channel></rss>"""


@dataclass(frozen=True)
class Expected:
    """A row of `samples.csv`."""

    file: str
    source: str
    path: str
    status: int
    """HTTP status under which it is served."""
    at: datetime
    outcome: str
    records: str
    """Kinds and how many, e.g. `quake 15`."""
    why: str
    """Part of the reason why something was not read."""


@dataclass(frozen=True)
class Result:
    outcome: str
    records: str
    rejected: int
    why: str


def expectations() -> list[Expected]:
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [_expected(row) for row in csv.DictReader(lines)]


def _expected(row: Mapping[str, str]) -> Expected:
    return Expected(
        row["file"],
        row["source"],
        row["path"],
        int(row["status"] or 200),
        parse_instant(row["at"]),
        row["outcome"],
        row["records"],
        row["why"],
    )


def result_of(expected: Expected, payload: bytes) -> Result:
    """One poll of one source against a server that has nothing but this document."""
    served = {expected.path: Payload(payload, status=expected.status), **_index_of(expected)}
    with tempfile.TemporaryDirectory() as folder, FeedServer(served.get) as server:
        settings = Settings(
            home=Path(folder), bmkg_radar_key=SecretStr("k"), _env_file=None
        ).with_feed_server(server.url, shakemap_url=server.url)
        engine = make_engine(settings.resolved_database_url)
        migrate(engine)
        context = IngestContext(settings, engine, Store(f"{folder}/archive"))
        village = expected.path.partition("adm4=")[2]
        poll(expected.source, at=expected.at, context=context, wanted=[village] * bool(village))
        found = _result(context, expected, server.url + expected.path)
        engine.dispose()
    return found


def _index_of(expected: Expected) -> dict[str, Payload]:
    """For a CAP document the list that leads to it."""
    if not expected.path.endswith("_alert.xml"):
        return {}
    folder = expected.path.rpartition("/")[0]
    built = f"{expected.at:%a, %d %b %Y %H:%M:%S} +0000"
    text = _INDEX.format(path=expected.path, built=built, language=folder[-2:])
    return {folder: Payload(text.encode())}


def _result(context: IngestContext, expected: Expected, url: str) -> Result:
    with context.engine.connect() as connection:
        row = connection.execute(select(feed_log).where(feed_log.c.url == url)).one()
    every = known(context.engine, expected.at, kinds=KINDS, include_history=True)
    kinds = Counter(record.kind for record in every if record.sha256 == row.sha256)
    records = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return Result(row.outcome, records, row.quarantined, row.detail)


def rows(folder: Path) -> Iterator[tuple[Expected, Result]]:
    for expected in expectations():
        yield expected, result_of(expected, (folder / expected.file).read_bytes())


def main() -> int:
    folder = samples()
    if folder is None:
        sys.stderr.write("no samples here; set KENTONGAN_SAMPLES\n")
        return 2
    for expected, result in rows(folder):
        sys.stdout.write(f"{line(expected, result)}\n")
    return 0


def line(expected: Expected, result: Result) -> str:
    """`file | source | outcome | records | rejected; why`."""
    read = result.records or "nothing"
    why = f"; {result.why}" if result.why else ""
    who = f"{expected.file} | {expected.source} | {result.outcome}"
    return f"{who} | {read} | {result.rejected} rejected{why}"


if __name__ == "__main__":
    sys.exit(main())
