"""Reports: texts read a second, and how fast 10,000 messages become cases without a loss.

python -m benchmarks.reports [--messages 10000] [--database URL]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from kentongan.db import cases, inbound, make_engine, metadata, reports
from kentongan.sealing import Keys
from kentongan.settings import Settings
from notify.channels.channel import InboundMessage
from notify.inbox.handling import work
from notify.inbox.store import keep
from notify.reports.classify import classify
from notify.reports.desk import Desk
from notify.reports.handler import Reports
from notify.reports.place import Gazette
from risk.layers.layerset import load_layers

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
KEYS = Keys((b"k" * 32,))
WHAT = (
    "banjir selutut di", "longsor nutup jalan", "rumah retak kena gempa di", "butuh tenda di",
    "tolong anak saya terjebak di rumah", "jembatan putus di", "bansos belum cair",
    "air masuk rumah", "wkwkwk", "pohon tumbang di", "kobongan ning", "caah di",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--database", default="", help="default: a new SQLite file")
    chosen = parser.parse_args()
    layers = load_layers(Settings(_env_file=None).layers)
    gazette = Gazette.of(layers.villages)
    texts = made(gazette, chosen.messages)
    say(f"read: {speed(texts):,.0f} texts a second (kind, urgency, language, reasons)")
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{Path(folder) / 'k.sqlite'}"
        whole(url, gazette, texts)
    return 0


def made(gazette: Gazette, count: int) -> list[str]:
    """Texts of a night: 60 villages hit, one name of five misspelled."""
    chance = random.Random(1)  # noqa: S311 no secret
    hit = chance.sample(gazette.places.rows, 60)
    texts = []
    for _ in range(count):
        place = chance.choice(hit)
        name = place.name
        if chance.random() < 0.2 and len(name) > 5:
            cut = chance.randrange(1, len(name) - 1)
            name = name[:cut] + name[cut + 1 :]
        texts.append(f"{chance.choice(WHAT)} desa {name} kec {place.district}")
    return texts


def speed(texts: list[str]) -> float:
    start = time.perf_counter()
    for text in texts:
        classify(text)
    return len(texts) / (time.perf_counter() - start)


def whole(url: str, gazette: Gazette, texts: list[str]) -> None:
    engine = make_engine(url)
    metadata.create_all(engine)
    start = time.perf_counter()
    for i, text in enumerate(texts):
        at = AT + timedelta(seconds=i / 160)
        keep(engine, KEYS, InboundMessage("bench", f"m{i}", f"+9998{i % 4000:05}", text, at))
    kept = time.perf_counter() - start
    handlers = [Reports(KEYS, Desk.of(lambda: gazette))]
    gazette.locate("di mana")  # its index is made with the first report of a process
    start, cpu = time.perf_counter(), time.process_time()
    became: Counter[str] = Counter()
    while found := work(engine, KEYS, handlers, at=AT + timedelta(minutes=2), limit=2_000):
        became += found
    handled, cpu = time.perf_counter() - start, time.process_time() - cpu
    with engine.connect() as connection:
        left = connection.execute(
            select(func.count()).select_from(inbound).where(inbound.c.state != "done")
        ).scalar_one()
        rows = connection.execute(select(func.count()).select_from(reports)).scalar_one()
        opened = connection.execute(select(func.count()).select_from(cases)).scalar_one()
        placed = connection.execute(
            select(func.count()).where(reports.c.adm4_code.is_not(None))
        ).scalar_one()
    engine.dispose()
    say(f"kept {len(texts)} in {kept:.1f} s ({len(texts) / kept:,.0f}/s)")
    rate, of_cpu = len(texts) / handled, len(texts) / cpu
    say(
        f"handled in {handled:.1f} s ({rate:,.0f}/s; {of_cpu:,.0f} a second of CPU): {dict(became)}"
    )
    say(f"{rows} reports, {opened} cases, {placed} with a village; not handled: {left}")


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
