"""No rescuer is led into a tsunami zone: not before it is drawn, and not after."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from ingest.play.feedserver import FeedServer, Payload
from kentongan.db import audit, messages, outbox, recipients, tasks
from kentongan.settings import Settings
from orchestration.context import open_context
from orchestration.cycle import run_cycle
from orchestration.releasing import COAST_HOLD

ORIGIN = datetime(2026, 8, 14, 21, 58, 23, tzinfo=UTC)
QUAKE = ORIGIN + timedelta(minutes=3)
WIB = timedelta(hours=7)
NGADA = ("NTT", "NGADA BAGIAN UTARA", "SIAGA")
TIMUR = ("NTT", "MANGGARAI TIMUR BAGIAN UTARA", "SIAGA")
SILENT = "Gempa ini dirasakan untuk diteruskan pada masyarakat"
POSSIBLE = "Berpotensi tsunami untuk diteruskan pada masyarakat"


def gempa(potential: str) -> str:
    there = ORIGIN + WIB
    row = {
        "Tanggal": f"{there:%d} Agu {there:%Y}", "Jam": f"{there:%H:%M:%S} WIB",
        "DateTime": ORIGIN.isoformat(), "Coordinates": "-8.33,121.32", "Lintang": "8.33 LS",
        "Bujur": "121.32 BT", "Magnitude": "7.4", "Kedalaman": "10 km",
        "Wilayah": "38 km TimurLaut MBAY-NAGEKEO-NTT", "Potensi": potential, "Dirasakan": "-",
    }  # fmt: skip
    return json.dumps({"Infogempa": {"gempa": row}})


def bulletin(stage: str, sent: datetime, zones) -> str:
    there, origin = sent + WIB, ORIGIN + WIB
    info = {
        "event": "Gempabumi", "date": f"{origin:%d-%m-%y}", "time": f"{origin:%H:%M:%S} WIB",
        "point": {"coordinates": "121.32,-8.33"}, "latitude": "8.33 LS", "longitude": "121.32 BT",
        "magnitude": "7.4", "depth": "10 Km", "area": "38 km TimurLaut MBAY-NAGEKEO-NTT",
        "eventid": "20260815045823", "potential": "Potensi TSUNAMI",
        "subject": f"Warning Tsunami {stage}", "headline": "Peringatan dini tsunami untuk NTT",
        "description": "", "instruction": "", "shakemap": "",
        "wzarea": [
            {"province": p, "district": d, "level": level, "date": f"{there:%d-%m-%Y}",
             "time": f"{there + timedelta(minutes=5):%H:%M:%S} WIB"}
            for p, d, level in zones
        ],
        "timesent": f"{there:%d/%m/%Y %H:%M:%S}WIB",
    }  # fmt: skip
    alert = {
        "identifier": "by-hand", "sender": "nobody", "sent": f"{there:%Y-%m-%dT%H:%M:%S}WIB",
        "status": "Actual", "msgType": "Alert", "scope": "Public", "code": "p", "info": info,
    }  # fmt: skip
    return json.dumps(alert)


class Sea:
    """A home whose feeds say what a test puts there."""

    def __init__(self, context, pages: dict[str, str]) -> None:
        self.context, self.pages = context, pages
        villages = context.layers.villages
        self.coast = set(villages.loc[villages["coast_share"] > 0, "adm4_code"])

    def quake(self, potential: str, minutes: float = 0):
        self.pages["/DataMKG/TEWS/autogempa.json"] = gempa(potential)
        return self.cycle(minutes)

    def bulletin(self, stage: str, minutes: float, *zones):
        sent = QUAKE + timedelta(minutes=minutes - 1)
        self.pages["/datagempa.json"] = bulletin(stage, sent, zones)
        return self.cycle(minutes)

    def cycle(self, minutes: float):
        at = QUAKE + timedelta(minutes=minutes)
        return run_cycle(self.context, at, sources=["bmkg-inatews", "bmkg-quakes"])

    def rows(self, query) -> list:
        with self.context.engine.connect() as connection:
            return list(connection.execute(query).mappings())

    def texts(self, word: str) -> list[str]:
        return [m["text"] for m in self.rows(select(messages)) if word in m["text"]]


@pytest.fixture
def sea(tmp_path):
    pages: dict[str, str] = {}

    def answer(path: str) -> Payload | None:
        page = pages.get(path) or pages.get(path.partition("?")[0])
        return Payload(page.encode(), "application/json") if page else None

    with FeedServer(answer) as server:
        settings = Settings(_env_file=None).with_feed_server(server.url, home=tmp_path / "home")
        with open_context(settings, live=False) as context:
            yield Sea(context, pages)


def sent_out(document, kind: str = "assess") -> set[str]:
    return {t["adm4_code"] for t in document["tasks"] if t["team_id"] and t["kind"] == kind}


def zone(document) -> set[str]:
    (tsunami,) = [w for w in document["warnings"] if w["hazard_id"] == "tsunami"]
    return set(tsunami["adm4_codes"])


def test_a_quake_before_its_bulletins(sea):
    first = sea.quake(SILENT)
    assert sent_out(first)
    before = sent_out(first)
    drawn = sea.bulletin("PD-1", 2, NGADA)
    inside = before & zone(drawn)
    assert inside and not sent_out(drawn) & zone(drawn)
    assert len(sea.texts("BATAL TUGAS")) == len(inside)

    same = sea.bulletin("PD-2", 6, NGADA)
    assert sent_out(same) and not sent_out(same) & zone(same)
    grown = sea.bulletin("PD-3", 12, NGADA, TIMUR)
    assert zone(grown) > zone(same) and not sent_out(grown) & zone(grown)
    sea.cycle(13)
    recalled = [t for t in sea.rows(select(tasks)) if t["body"].get("recalled_at")]
    assert len(sea.texts("BATAL TUGAS")) == len(recalled) == len(before & zone(grown))
    told = sea.rows(select(audit).where(audit.c.action == "task.recall"))
    assert sum(len(json.loads(row["body"])["tasks"]) for row in told) == len(recalled)

    over = sea.bulletin("PD-4", 45)
    assert sent_out(over) & zone(grown)
    again = {t["adm4_code"] for t in recalled} & sent_out(over)
    asked = sea.rows(select(messages.c.area_code).where(messages.c.message_id.like("%/T%/1")))
    assert again and again <= {row["area_code"] for row in asked}


def test_pd_4_reaches_every_coordinator_whom_the_tsunami_reached(sea):
    sea.quake(SILENT)
    sea.bulletin("PD-1", 2, NGADA)
    sea.bulletin("PD-2", 6, NGADA, TIMUR)
    sea.bulletin("PD-4", 45)
    query = (
        select(outbox.c.recipient_id, messages.c.purpose, messages.c.warning_id)
        .join(messages, messages.c.message_id == outbox.c.message_id)
        .join(recipients, recipients.c.recipient_id == outbox.c.recipient_id)
        .where(recipients.c.role == "coordinator", messages.c.warning_id.like("w-tsunami-%"))
    )
    rows = sea.rows(query)
    told = {r["recipient_id"] for r in rows if r["purpose"] != "all-clear"}
    ended = [r["recipient_id"] for r in rows if r["purpose"] == "all-clear"]
    assert told and sorted(ended) == sorted(told)


def test_the_coast_waits_while_a_tsunami_is_possible(sea):
    first = sea.quake(POSSIBLE)
    assert sent_out(first) and not sent_out(first) & sea.coast
    held = [t for t in sea.rows(select(tasks)) if "potensi tsunami" in t["body"]["note"]]
    assert held and {t["adm4_code"] for t in held} <= sea.coast
    drawn = sea.bulletin("PD-1", 2, NGADA)
    assert not sent_out(drawn) & sea.coast
    later = sea.bulletin("PD-2", 6, NGADA)
    assert sent_out(later) & sea.coast and not sent_out(later) & zone(later)
    assert sea.texts("BATAL TUGAS") == []


def test_without_a_bulletin_the_coast_waits_an_hour(sea):
    sea.quake(POSSIBLE)
    minutes = (ORIGIN + COAST_HOLD - QUAKE).total_seconds() / 60
    assert not sent_out(sea.cycle(minutes - 1)) & sea.coast
    late = sea.cycle(minutes)
    assert sent_out(late) & sea.coast
    assert not [t for t in sea.rows(select(tasks)) if "potensi tsunami" in t["body"]["note"]]


def test_no_potential_holds_nothing(sea):
    assert sent_out(sea.quake("Tidak berpotensi tsunami")) & sea.coast


def test_a_plan_that_fails_keeps_no_other_from_its_teams(sea, monkeypatch):
    from orchestration import releasing

    plan = releasing._plan

    def broken(context, version, held, at):
        if version.body.hazard_id == "tsunami":
            raise OSError("impact.parquet: gone")
        return plan(context, version, held, at)

    monkeypatch.setattr(releasing, "_plan", broken)
    sea.quake(SILENT)
    drawn = sea.bulletin("PD-2", 2, NGADA)
    assert sea.texts("BATAL TUGAS") and not sent_out(drawn) & zone(drawn)
    assert sent_out(drawn) and not sent_out(drawn, "receive")
    with pytest.raises(ExceptionGroup, match=r"tasks of w-tsunami.*impact\.parquet"):
        releasing.plan_in_force(sea.context, QUAKE + timedelta(minutes=3))
