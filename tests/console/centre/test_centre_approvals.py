"""Decisions by the forms of the command centre: the same rows and the same audit as the command."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx
import pytest

from console.cli.app import app
from kentongan.db import recipients
from kentongan.decision import Action
from orchestration.airflow.environment import kentongan_variables
from tests.console.centre.staff import WARNING, Office, draft, rows

PAGE = f"/centre/approvals/{WARNING}"
SAID = ("actor", "kind", "at", "binding", "reason", "version", "content_hash")


def audited(office: Office) -> list[tuple[str, str, Any]]:
    """(actor, action, body) of everything that was done to warnings or refused."""
    return [
        (row["actor"], row["action"], json.loads(row["body"]))
        for row in rows(office.place.engine, "audit", "seq", "actor", "action", "body")
        if row["action"].startswith(("warning.", "account.refused", "dispatch."))
    ]


def state(office: Office) -> str:
    return str(rows(office.place.engine, "warning_states", "state")[-1]["state"])


def words(office: Office) -> list[tuple[str, str]]:
    return [(row["actor"], row["kind"]) for row in rows(office.place.engine, "approvals")]


def test_two_people_approve_and_the_second_must_be_somebody_else(office):
    page = office.get("ani", PAGE).text
    assert "<strong>2 orang</strong>" in page and "Masih kurang <strong>2</strong>" in page
    assert "20.000" in page and "LATIHAN" in page and "Rp" in page
    assert office.act("ani", "approve").headers["location"] == f"{PAGE}?tercatat=setuju"
    page = office.get("ani", PAGE).text
    assert "Masih kurang <strong>1</strong>" in page and "<strong>ani</strong> menyetujui" in page
    assert "Anda sudah; sekarang harus orang lain" in page and '/approve"' not in page
    office.place.clock.forward(minutes=2)
    digest = office.form("budi", "approve")["isi"]
    refused = office.post("ani", f"{PAGE}/approve", isi=digest, kode=office.code("ani"))
    assert words(office) == [("ani", "approve")] and refused.status_code == 303
    assert office.act("budi", "approve").status_code == 303
    assert (
        words(office) == [("ani", "approve"), ("budi", "approve")] and state(office) == "released"
    )
    page = office.get("budi", PAGE).text
    assert "(berlaku)" in page and "approved" in page
    (release,) = rows(office.place.engine, "releases")
    assert release["how"] == "approved" and release["binding"] == digest


def _by_command(office: Office, monkeypatch: Any, *arguments: str) -> None:
    """The same act as somebody calls it, at the same instant."""
    for name, value in kentongan_variables(office.place.settings).items():
        monkeypatch.setenv(name, value)
    for module in ("by_hand", "dispatch"):
        monkeypatch.setattr(f"console.cli.{module}.now", lambda: office.at)
    try:
        app(list(arguments), prog_name="kentongan")
    except SystemExit as end:
        assert not end.code, arguments


def test_the_forms_write_what_the_command_writes(opened, monkeypatch, capsys):
    web, cli = opened("web"), opened("cli")
    digest = web.form("ani", "approve")["isi"]

    def person(name, act, *more, **fields):
        code = web.code(name)
        assert cli.code(name) == code
        path = f"{PAGE}/{act}"
        assert web.post(name, path, kode=code, **fields).status_code == 303
        command = "cancel" if act.startswith("cancel") else act.replace("all-clear", "allclear")
        _by_command(
            cli, monkeypatch, "warning", command, WARNING, "--as", name, "--code", code, *more
        )
        for office in (web, cli):
            office.place.clock.forward(seconds=31)

    person("ani", "approve", "--content", digest, isi=digest)
    person("budi", "approve", "--content", digest, isi=digest)
    person("ani", "all-clear", "--reason", "reda", alasan="reda", versi="1")
    person(
        "citra", "cancel-at-once", "--reason", "salah", "--break-glass", alasan="salah", versi="2"
    )  # fmt: skip
    person("budi", "review", "--remark", "benar", alasan="benar")
    for table in ("approvals", "warning_states", "releases", "alerts", "warnings", "totp_used"):
        assert rows(web.place.engine, table) == rows(cli.place.engine, table), table
    assert audited(web) == audited(cli)
    assert [a[1] for a in audited(web)].count("warning.release") == 2
    columns = ("alert_version", "recipient_id", "channel", "state", "area_code")
    assert rows(web.place.engine, "outbox", *columns) == rows(cli.place.engine, "outbox", *columns)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("name", "fields", "status", "said"),
    [
        pytest.param("ani", {"kode": "000000"}, 409, "wrong code", id="wrong-code"),
        pytest.param("ani", {"kode": ""}, 409, "six digits", id="no-code"),
        pytest.param("ani", {"isi": "0" * 64}, 409, "read it again", id="other-digest"),
        pytest.param("ani", {"isi": ""}, 409, "read it again", id="no-digest"),
        pytest.param("jauh", {}, 409, "lie outside", id="other-area"),
        pytest.param("dewi", {}, 403, "Tidak boleh", id="viewer"),
        pytest.param("eko", {}, 403, "Tidak boleh", id="coordinator"),
        pytest.param("", {}, 403, "Perlu masuk", id="nobody"),
    ],
)
def test_who_may_not_changes_nothing_and_is_told_why(reading, name, fields, status, said):
    reading.place.clock.forward(seconds=31)
    before = len(audited(reading))
    digest = reading.form("ani", "approve")["isi"]
    sent = {"isi": digest, "kode": reading.code(name) if name else "123456", **fields}
    answer = reading.post(name, f"{PAGE}/approve", **sent)
    assert answer.status_code == status and said in answer.text
    assert words(reading) == [] and state(reading) == "draft"
    asked_the_door = said in ("wrong code", "six digits", "lie outside")
    new = [(row[0], row[1]) for row in audited(reading)[before:]]
    assert new == ([(name, "account.refused")] if asked_the_door else [])


def test_pages_say_beforehand_what_one_may_not(reading):
    assert "desa di luar wilayah Anda" in reading.get("jauh", PAGE).text
    assert "tidak boleh menyetujui" in reading.get("dewi", PAGE).text
    queue = reading.get("jauh", "/centre/approvals").text
    assert "20 dari 20 desa di luar wilayah Anda" in queue
    for path in ("/centre/approvals", "/centre"):
        assert "<strong>Menunggu Anda</strong>" in reading.get("budi", path).text
        assert "<strong>Menunggu Anda</strong>" not in reading.get("dewi", path).text


def test_a_code_works_once_and_five_wrong_ones_shut_the_door(office):
    for _ in range(5):
        answer = office.act("ani", "approve", kode="000000")
        assert "wrong code" in answer.text
    answer = office.act("ani", "approve")
    assert answer.status_code == 409 and "5 wrong codes" in answer.text
    assert words(office) == []


def test_what_changed_while_somebody_read_is_shown_and_nothing_is_approved(office):
    read = office.form("ani", "approve")
    assert "<p" not in office.get("ani", f"{PAGE}/still?isi={read['isi']}").text
    with office.place.engine.begin() as connection:
        changed = recipients.update().where(recipients.c.role == "coordinator")
        gone = connection.execute(changed.values(role="resident")).rowcount
    assert gone
    draft(office.place.settings, office.at, count=12, action=Action.UPDATE)
    still = f"{PAGE}/still?isi={read['isi']}"
    assert "Isinya berubah" in office.get("ani", still).text
    answer = office.post("ani", f"{PAGE}/approve", **read, kode=office.code("ani"))
    assert answer.status_code == 409 and words(office) == []
    assert "Sementara Anda membaca, ini berubah" in answer.text
    assert "Versi: v1 → <strong>v2</strong>" in answer.text
    assert "wilayah:" in answer.text and "Penerima:" in answer.text
    now = office.form("ani", "approve")
    assert now["isi"] != read["isi"] and now["isi"] in answer.text
    assert office.act("ani", "approve").status_code == 303


def test_a_draft_that_is_gone_says_so(office):
    read = office.form("ani", "approve")
    assert office.act("citra", "cancel", alasan="tidak benar").status_code == 303
    assert state(office) == "cancelled"
    answer = office.post("ani", f"{PAGE}/approve", **read, kode=office.code("ani"))
    assert answer.status_code == 409 and "bukan rancangan lagi" in answer.text
    assert '/approve"' not in answer.text


def test_a_draft_that_was_renewed_is_not_turned_down_by_an_old_page(office):
    read = office.form("ani", "cancel")
    draft(office.place.settings, office.at, count=12, action=Action.UPDATE)
    answer = office.post(
        "ani", f"{PAGE}/cancel", **read, alasan="salah", kode=office.code("ani")
    )  # fmt: skip
    assert answer.status_code == 409 and "rancangan menjadi v2" in answer.text
    assert state(office) == "draft"


def release(office, *names):
    for name in names:
        assert office.act(name, "approve").status_code == 303
        office.place.clock.forward(seconds=31)


def test_what_nobody_read_is_not_ended_by_an_old_page(office):
    release(office, "ani", "budi")
    read = {act: office.form("citra", act) for act in ("all-clear", "cancel", "cancel-at-once")}
    draft(office.place.settings, office.at, count=12, action=Action.UPDATE)
    said = {"alasan": "reda", "kode": office.code("citra")}
    answer = office.post("citra", f"{PAGE}/all-clear", **read["all-clear"], **said)
    assert answer.status_code == 409 and "menjadi v2: baca lagi" in answer.text
    release(office, "ani", "budi")
    before = audited(office)
    for act, fields in read.items():
        answer = office.post("citra", f"{PAGE}/{act}", **fields, **said)
        assert answer.status_code == 409 and "menjadi v2: baca lagi" in answer.text, act
    assert audited(office) == before and state(office) == "released"
    assert office.act("citra", "all-clear", alasan="reda").status_code == 303


def test_what_went_out_is_taken_back_beside_a_newer_draft(office):
    release(office, "ani", "budi")
    read = office.form("citra", "cancel-at-once")
    draft(office.place.settings, office.at, count=12, action=Action.UPDATE)
    said = {"alasan": "salah", "kode": office.code("citra")}
    assert office.post("citra", f"{PAGE}/cancel-at-once", **read, **said).status_code == 303


def test_a_press_made_twice_is_one(office):
    sent = {**office.form("ani", "approve"), "kode": office.code("ani")}
    answers: list[httpx.Response] = []

    def press() -> None:
        answers.append(office.post("ani", f"{PAGE}/approve", **sent))

    threads = [threading.Thread(target=press) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a.status_code for a in answers] == [303] * 3 and words(office) == [("ani", "approve")]
    for act, fields in (("break-glass", {"alasan": "dekat"}), ("cancel-at-once", {"alasan": "x"})):
        sent = {**office.form("budi", act), "kode": office.code("budi"), **fields}
        pair = [office.post("budi", f"{PAGE}/{act}", **sent).status_code for _ in range(2)]
        assert pair == [303, 303], act
    assert [row["how"] for row in rows(office.place.engine, "releases")] == ["break-glass"] * 2


def test_one_alone_releases_with_a_reason_and_another_reviews(office):
    answer = office.act("ani", "break-glass", alasan="  ")
    assert answer.status_code == 409 and "alasannya" in answer.text and state(office) == "draft"
    assert office.act("ani", "break-glass", alasan="gempa dekat").status_code == 303
    assert state(office) == "released"
    page = office.get("budi", PAGE).text
    assert "<strong>ani</strong> seorang diri (gempa dekat)" in page and "/review" in page
    assert "tidak boleh meninjau" in office.get("ani", PAGE).text
    assert "Tinjauan kedua" not in office.get("dewi", PAGE).text.split('id="putuskan"')[1]
    assert office.act("budi", "review", alasan="benar").status_code == 303
    assert words(office) == [("ani", "break-glass"), ("budi", "review")]
    assert "/review" not in office.get("citra", PAGE).text


def test_an_end_needs_another_person_and_goes_to_those_told(office):
    office.act("ani", "break-glass", alasan="gempa dekat")
    assert office.act("ani", "cancel", alasan="keliru").status_code == 303
    page = office.get("ani", PAGE).text
    assert "pembatalan" in page and "Masih kurang <strong>1</strong>" in page
    assert "Anda sudah; sekarang harus orang lain" in page
    assert office.act("budi", "cancel", alasan="setuju keliru").status_code == 303
    assert [r["version"] for r in rows(office.place.engine, "releases")] == [1, 2]
    assert "dibatalkan" in office.get("ani", PAGE).text


def test_hostile_words_stay_words(opened):
    office = opened("hostile")
    title = "<script>alert(1)</script>{{ 7*7 }} \u202egnik" + "Z" * 300
    draft(office.place.settings, office.at, title=title, action=Action.UPDATE)
    for path in ("/centre", "/centre/approvals", PAGE, "/centre/dispatch", "/centre/events"):
        text = office.get("ani", path).text
        assert "<script>alert" not in text and "{{ 7" not in text.replace("{{ 7*7 }}", ""), path
    answer = office.act("ani", "cancel", alasan='"><script>x</script>', kode="1")
    assert answer.status_code == 409 and "<script>x" not in answer.text


def test_only_a_page_of_ours_posts(office):
    sent = {**office.form("ani", "approve"), "kode": office.code("ani")}
    cookie = {"cookie": f"kentongan={office.people['ani'].cookie}"}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}):
        url = f"{office.place.url}{PAGE}/approve"
        answer = httpx.post(url, data=sent, headers={**cookie, **headers})
        assert answer.status_code == 403
    assert words(office) == [] and office.get("ani", f"{PAGE}/approve").status_code == 405


def test_no_such_warning(office):
    assert office.get("ani", "/centre/approvals/w-none").status_code == 404
    answer = office.post("ani", "/centre/approvals/w-none/approve", isi="0" * 64, kode="123456")
    assert answer.status_code == 404
