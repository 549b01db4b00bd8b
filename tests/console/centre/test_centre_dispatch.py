"""Sending and drills on pages: numbers of the tables, the switch as the command throws it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from kentongan.accounts.roles import Role
from kentongan.db import outbox
from kentongan.migrate import migrate
from kentongan.types import OutboxState
from tests.console.centre.staff import WARNING, Office, draft, hire, rows
from tests.faces.scenes import EMPTY, scene, serve

PAGE = "/centre/dispatch"


def switches(office):
    columns = ("name", "is_open", "actor", "reason", "at")
    return rows(office.place.engine, "switches", *columns)


def acts(office):
    found = rows(office.place.engine, "audit", "seq", "action", "actor", "body")
    return [
        (r["action"], r["actor"], json.loads(r["body"]))
        for r in found
        if r["action"].startswith("dispatch.")
    ]


def throw(office, name, word, **fields):
    sent = {"rute": "semua", "alasan": "pesan salah", "kode": office.code(name), **fields}
    return office.post(name, f"{PAGE}/{word}", **sent)


def test_the_switch_stops_everything_and_another_role_opens_it(office):
    assert throw(office, "ani", "stop").headers["location"] == f"{PAGE}?tercatat=henti"
    (row,) = switches(office)
    assert (row["name"], row["is_open"], row["actor"]) == ("dispatch", False, "ani")
    for path in (PAGE, "/centre"):
        text = office.get("dewi", path).text
        assert "DIHENTIKAN" in text and "pesan salah" in text
    page = office.get("ani", PAGE).text
    assert "tidak boleh membuka" in page and f'"{PAGE}/resume"' not in page
    assert throw(office, "ani", "resume").status_code == 403
    office.place.clock.forward(seconds=31)
    assert throw(office, "budi", "resume", alasan="sudah benar").status_code == 303
    body = {"switch": "dispatch", "reason": "pesan salah"}
    assert acts(office) == [
        ("dispatch.stop", "ani", body),
        ("dispatch.go", "budi", {**body, "reason": "sudah benar"}),
    ]
    assert "DIHENTIKAN" not in office.get("dewi", PAGE).text


def test_one_route_alone_and_a_second_press(office):
    for _ in range(2):
        assert throw(office, "fajar", "stop", rute="sms").status_code == 303
    assert [(row["name"], row["is_open"]) for row in switches(office)] == [("dispatch:sms", False)]
    assert "DIHENTIKAN: sms" in office.get("budi", PAGE).text


@pytest.mark.parametrize(
    ("name", "fields", "status", "said"),
    [
        pytest.param("dewi", {}, 403, "Tidak boleh", id="viewer"),
        pytest.param("ani", {"kode": "000000"}, 409, "wrong code", id="wrong-code"),
        pytest.param("ani", {"alasan": " "}, 409, "alasannya", id="no-reason"),
        pytest.param("ani", {"rute": "smss"}, 409, "expected one of", id="no-such-route"),
    ],
)
def test_a_switch_that_is_not_thrown_is_said(reading, name, fields, status, said):
    reading.place.clock.forward(seconds=31)
    answer = throw(reading, name, "stop", **fields)
    assert answer.status_code == status and said in answer.text and switches(reading) == []


def test_progress_is_what_the_rows_say(office):
    assert office.act("ani", "break-glass", alasan="dekat").status_code == 303
    found = Counter(row["state"] for row in rows(office.place.engine, "outbox", "state"))
    recorded = found[OutboxState.ACCEPTED]
    assert recorded == sum(found.values()) > 20
    ids = [row["id"] for row in rows(office.place.engine, "outbox")]
    with office.place.engine.begin() as connection:
        for state, some in ((OutboxState.UNKNOWN, ids[:3]), (OutboxState.FAILED, ids[3:5])):
            connection.execute(update(outbox).where(outbox.c.id.in_(some)).values(state=state))
    text = office.get("dewi", PAGE).text
    whole = sum(found.values())
    assert f"{whole} dari {whole} selesai diurus" in text
    assert f"<strong>{recorded - 5}</strong> dicatat" in text
    assert "<strong>3</strong> tidak diketahui" in text and "<strong>2</strong> gagal" in text
    assert WARNING in text and "Tidak ada rute nyata" in text


def test_what_waits_and_cannot_leave_is_an_alarm(office):
    throw(office, "ani", "stop")
    office.place.clock.forward(seconds=31)
    office.act("ani", "break-glass", alasan="dekat")
    for path in (PAGE, "/centre"):
        text = office.get("dewi", path).text
        assert "TIDAK SEMPAT" in text or "tidak ada yang keluar" in text


def test_a_dry_run_shows_cost_and_that_no_route_exists(reading):
    text = reading.get("dewi", PAGE).text.split("rancangan yang menunggu")[1]
    assert f"{WARNING} v1" in text and "tidak ada rute" in text


def test_the_drill_check_says_what_the_command_says(reading, capsys):
    from console.drill_check import read_file, verdicts
    from kentongan.settings import data_dir

    *layers, control = verdicts(read_file(data_dir() / "drills" / "2021-05-27.json"))
    before = datetime.now(UTC)
    answer = reading.post("dewi", "/centre/drills/check")
    assert answer.headers["location"] == "/centre/drills#hasil"
    text = reading.get("dewi", "/centre/drills").text
    assert f"{len(layers)} dari {len(layers)} lapisan menahannya sendirian" in text
    assert not control.stopped and "membuktikan sesuatu" in text and "MELEWATKAN" not in text
    assert text.count('<td data-name="Hasil">menahan</td>') == len(layers)
    reading.post("dewi", "/centre/drills/check")
    assert (datetime.now(UTC) - before).total_seconds() < 60
    assert "dewi" in text and '/approve"' not in text
    capsys.readouterr()


def test_homes_that_were_played_are_listed_and_broken_ones_harm_nothing(office, tmp_path):
    home = office.place.home
    night = home / "simulations" / "flood-1"
    night.mkdir(parents=True)
    (night / "night.csv").write_text("hour,<b>done</b>\n1,=2+2\n", encoding="utf-8")
    broken = home / "scenarios" / "<script>x"
    broken.mkdir(parents=True)
    (broken / "kentongan.sqlite").write_bytes(b"no database")
    (home / "scenarios" / "away").symlink_to(tmp_path)
    text = office.get("dewi", "/centre/drills?malam=flood-1").text
    assert "flood-1" in text and "&lt;b&gt;done" in text and "<script>x" not in text
    assert "tidak terbaca" in text and "away" not in text
    assert "Tabelnya" not in office.get("dewi", "/centre/drills?malam=../../etc").text


def test_every_page_and_a_decision_on_postgresql(tmp_path, postgres, waiting_home):
    policy = waiting_home[2]
    url = postgres.url(postgres._create())
    empty = scene(tmp_path, EMPTY)
    with serve(empty, tmp_path / "home", policy=policy, database_url=url) as place:
        migrate(place.engine)
        draft(place.settings, place.clock.at)
        hired = {
            name: hire(place.settings, place.engine, name, role, place.clock.at)
            for name, role in (("ani", Role.DUTY_OFFICER), ("budi", Role.APPROVER))
        }
        office = Office(place, hired)
        assert [office.act(name, "approve").status_code for name in hired] == [303, 303]
        for path in ("", "/events?keadaan=semua", "/approvals", f"/approvals/{WARNING}",
                     "/dispatch", "/drills"):  # fmt: skip
            answer = office.get("ani", f"/centre{path}")
            assert answer.status_code == 200, path
        assert "20.000" in office.get("ani", "/centre").text
        for path in ("events/a%00b", "approvals/a%00b"):
            assert office.get("ani", f"/centre/{path}").status_code in (400, 404)
        place.clock.forward(seconds=31)
        assert throw(office, "budi", "stop", alasan="a\x00b").status_code == 303
        assert "DIHENTIKAN" in office.get("ani", PAGE).text
