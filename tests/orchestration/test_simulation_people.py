"""Made-up people: the same seed the same answer, shares as configured, and our texts understood."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.errors import SettingsError
from notify.replies import words
from notify.replies.grammar import Meaning, read_reply
from notify.tasks.ids import read_task_id
from orchestration.simulation import residents, tagana
from orchestration.simulation.behaviour import load_behaviour
from orchestration.simulation.chance import happens, lognormal, pick, share, weighted
from orchestration.simulation.heard import Heard, Read, Sense, read
from orchestration.simulation.residents import Village

AT = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
BEHAVIOUR = load_behaviour()
TASK, OTHER = "T264623", "T228844"


def heard(text, *, person="KO-1", role="coordinator", key="m1", purpose="task", about=""):
    return Heard(
        person, "+9993203", role, f"LATIHAN. {text}", AT, key, "32.03.01.2001", purpose, about
    )


def asks(person, task=TASK, key="m1"):
    text = f"TUGAS {task}: periksa & bantu korban gempa di Ds.A, 7.137 jiwa. Balas: YA {task}"
    return heard(text, person=person, key=key)


def crowd(tasks=1, number=2_000, **changes):
    behaviour = BEHAVIOUR.model_copy(update={"tagana": BEHAVIOUR.tagana.model_copy(update=changes)})
    return [tagana.react(1, behaviour, asks(f"KO-{n}")) for n in range(number)]


@given(st.integers(), st.text(max_size=20))
def test_a_draw_is_even_and_the_same_again(seed, about):
    one = share(seed, about)
    assert 0 <= one < 1 and one == share(seed, about)


def test_draws_come_as_often_as_they_are_said_to():
    assert sum(happens(0.23, 7, n) for n in range(20_000)) == pytest.approx(4_600, rel=0.05)
    assert Counter(pick("abcd", 7, n) for n in range(8_000))["a"] == pytest.approx(2_000, rel=0.1)
    found = Counter(weighted({"x": 3, "y": 1}, 7, n) for n in range(8_000))
    assert found["x"] == pytest.approx(6_000, rel=0.05)
    middle = sorted(lognormal(4, 2, 7, n) for n in range(2_001))[1_000]
    assert middle == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"TUGAS {TASK}: evakuasi dari Ds.A", Read(Sense.ASKED, (TASK,))),
        (f"BELUM DIJAWAB 5 mnt: TUGAS {TASK}, Ds.A", Read(Sense.REMINDED, (TASK,))),
        (f"2 TUGAS belum dijawab 5 mnt, Kab. X: {TASK} {OTHER} +3 lagi.",
         Read(Sense.REMINDED, (TASK, OTHER))),
        (f"2 TUGAS dialihkan kepada Anda, Kab. X: {TASK} {OTHER}.",
         Read(Sense.ASKED, (TASK, OTHER))),
        (f"TUGAS {TASK} belum diterima siapa pun (10 mnt)", Read(Sense.UNANSWERED, (TASK,))),
        (f"BATAL TUGAS {TASK}: zona tsunami.", Read(Sense.CALLED_BACK, (TASK,))),
        ("3 TUGAS untuk Anda. Daftar: https://k.invalid/t/JyeUzKofAgcTLlXL2oeEGLz1Dw",
         Read(Sense.LIST, link="JyeUzKofAgcTLlXL2oeEGLz1Dw")),
        ("SIAGA gempa di Ds.A", Read(Sense.TOLD)),
    ],
)  # fmt: skip
def test_our_texts_are_read_as_a_person_reads_them(text, expected):
    assert read(heard(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.THANKS_LATE.format(task=TASK), Sense.LOST),
        (words.DONE_HOW_MANY.format(task=TASK), Sense.HOW_MANY),
        (words.unknown("264624", [TASK]), Sense.AGAIN),
        (words.which("YA", [TASK, OTHER]), Sense.AGAIN),
        (words.YES_OR_NO.format(task=TASK), Sense.AGAIN),
        (words.DONE_WITH.format(task=TASK, people=118), Sense.TOLD),
    ],
)
def test_every_answer_of_ours_is_understood(text, expected):
    found = read(heard(text, purpose="answer", about=TASK))
    assert found == Read(expected, (TASK,))


def test_what_people_write_is_what_the_grammar_knows():
    for texts, meaning in (
        (tagana.YES, {Meaning.ACCEPT, Meaning.DEPART}), (tagana.NO, {Meaning.DECLINE}),
        (tagana.DEPART, {Meaning.DEPART}), (tagana.ARRIVE, {Meaning.ARRIVE}),
        (tagana.FINISH, {Meaning.FINISH}), (tagana.FAIL, {Meaning.FAIL}),
        (tagana.HELP, {Meaning.HELP}), (tagana.UNCLEAR, {Meaning.UNCLEAR, Meaning.NUMBER}),
    ):  # fmt: skip
        for text in texts:
            reply = read_reply(text.format(t=TASK, d=TASK[1:], n=118))
            assert reply.meaning in meaning, text
            if texts is tagana.FINISH:
                assert (reply.people, reply.task_ids) == (118, (TASK,)), text


def test_a_person_does_the_same_again_and_another_seed_does_not():
    assert crowd(number=50) == crowd(number=50)
    assert tagana.react(1, BEHAVIOUR, asks("KO-3")) != tagana.react(2, BEHAVIOUR, asks("KO-3"))


def test_shares_of_answers_are_those_of_the_file():
    found = crowd(off=0.0, by_link=0.0, misses_first=0.0, wrong_digit=0.0)
    silent = sum(not one.acts for one in found)
    refused = sum("/no/" in one.acts[0].key for one in found)
    assert silent == 0
    assert refused / len(found) == pytest.approx(BEHAVIOUR.tagana.refuses, abs=0.02)
    assert all(not one.acts for one in crowd(off=1.0, number=20))


def test_who_misses_the_first_sms_answers_a_reminder_once():
    changes = {"off": 0.0, "by_link": 0.0, "misses_first": 1.0, "late": 0.0, "refuses": 0.0}
    behaviour = BEHAVIOUR.model_copy(update={"tagana": BEHAVIOUR.tagana.model_copy(update=changes)})
    assert tagana.react(1, behaviour, asks("KO-1")).acts == ()
    text = f"BELUM DIJAWAB 5 mnt: TUGAS {TASK}, Ds.A"
    first, second = (tagana.react(1, behaviour, heard(text, key=key)).acts for key in ("m2", "m3"))
    assert first and [a.key for a in first] == [a.key for a in second]


def test_a_wrong_digit_is_one_that_the_check_digit_finds():
    found = crowd(wrong_digit=1.0, off=0.0, by_link=0.0, misses_first=0.0, refuses=0.0, number=200)
    for one in found:
        text = one.acts[0].text
        assert TASK[1:] not in text
        assert not read_reply(text).task_ids and read_reply(text).wrong_ids
    assert read_task_id(TASK)


def test_whoever_was_called_back_goes_no_further():
    found = tagana.react(1, BEHAVIOUR, heard(f"BATAL TUGAS {TASK}: zona tsunami.", person="KO-9"))
    assert [(s.task, s.at) for s in found.stops] == [(TASK, AT)]


# --- residents --------------------------------------------------------------------------


def reports_of(behaviour, number=12_000, seed=1):
    village = Village("Cisande", "Cicantayan")
    acts = []
    for n in range(number):
        one = heard("SIAGA gempa", person=f"r-{n}", role="resident", purpose="alert")
        acts += residents.react(seed, behaviour, one, village, "shaking").acts
    return acts


@pytest.mark.parametrize(("name", "share_of_pranks"), [(None, 0.23), ("semarang", 0.3858)])
def test_pranks_are_the_share_of_the_emergency_numbers(name, share_of_pranks):
    acts = reports_of(load_behaviour(Path(name) if name else None))
    pranks = sum("/prank/" in act.key for act in acts)
    assert pranks / len(acts) == pytest.approx(share_of_pranks, abs=0.035)


def test_residents_write_in_several_languages_about_their_village():
    texts = [act.text for act in reports_of(BEHAVIOUR)]
    assert any("tulung" in t for t in texts) and any(" jemput kami" in t for t in texts)
    assert sum("Cisande" in t for t in texts) > len(texts) / 3
    within = timedelta(minutes=2 * BEHAVIOUR.residents.within_min)
    assert all(AT < act.at <= AT + within for act in reports_of(BEHAVIOUR, number=2_000))


def test_every_category_of_report_is_written_in_every_language():
    known = {category for texts in residents.TEXTS.values() for category in texts}
    assert all(set(texts) == known for texts in residents.TEXTS.values())
    assert set(BEHAVIOUR.residents.languages) == set(residents.TEXTS)


@pytest.mark.parametrize(
    ("old", "new"),
    [("off = 0.10", "off = 1.10"), ("depart_min = [5, 25]", "depart_min = [25, 5]"),
     ("[posts]", "[posts]\nunknown = 1")],
)  # fmt: skip
def test_a_wrong_behaviour_is_refused_by_name(tmp_path, old, new):
    from orchestration.simulation.behaviour import folder

    text = (folder() / "behaviour.toml").read_text(encoding="utf-8")
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        load_behaviour(path)
    with pytest.raises(SettingsError, match="semarang"):
        load_behaviour(tmp_path / "none.toml")
