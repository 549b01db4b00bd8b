"""Checklists: read strictly, asked for by what happened, ticked once, overdue by the minute."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.db import audit, sop_ticks
from kentongan.decision import Action
from kentongan.errors import RuleViolation, SettingsError
from kentongan.settings import data_dir
from kentongan.sop import PUBLIC_LEVELS, HandOver, Phase, load_sop
from kentongan.types import HazardId
from notify.sop import checklist, overdue, tick

FOLDER = data_dir() / "sop"
SOP = load_sop(FOLDER)
MINUTE = timedelta(minutes=1)
STORM, WAVE = "w-thunderstorm-1", "w-tsunami-1"


# --- the files ----------------------------------------------------------------------------


@pytest.mark.parametrize("hazard", HazardId)
@pytest.mark.parametrize("level", PUBLIC_LEVELS)
def test_every_hazard_and_level_has_steps_for_every_phase(hazard, level):
    for phase in Phase:
        steps = SOP.steps(hazard, level, phase)
        assert steps and [s.within_minutes for s in steps] == sorted(
            s.within_minutes for s in steps
        )
    alert = SOP.steps(hazard, level, Phase.ALERT)
    assert any(HandOver.EMERGENCY in step.hand_over for step in alert)
    assert SOP.unconfirmed(hazard), "nobody has signed them yet, and the file must say so"


@pytest.mark.parametrize("level", PUBLIC_LEVELS)
def test_nobody_enters_a_tsunami_zone_before_pd_4(level):
    alert = SOP.steps(HazardId.TSUNAMI, level, Phase.ALERT)
    (step,) = [s for s in alert if s.id == "tsunami-larang-masuk"]
    assert "PD-4" in step.text and step.within_minutes <= 3
    assert any("surut" in s.text for s in alert), "natural signs are watched"


@pytest.mark.parametrize("level", [3, 4])
@pytest.mark.parametrize("hazard", HazardId)
def test_from_siaga_up_coordinators_are_called_shelters_opened_and_gaps_handed_over(hazard, level):
    steps = {s.id: s for s in SOP.steps(hazard, level, Phase.ALERT)}
    assert {"telepon-koordinator", "buka-pengungsian", "celah-jangkauan", "periksa-pengiriman"} <= (
        set(steps)
    )
    assert HandOver.BPBD in steps["celah-jangkauan"].hand_over
    assert level == 3 or HandOver.BNPB in steps["minta-bantuan-nasional"].hand_over


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("within_minutes = 2\n", "within = 2\n", "within"),
        ("within_minutes = 2\n", "within_minutes = 0\n", "within_minutes"),
        ('role = "koordinator-tagana"', 'role = "siapa-saja"', "role"),
        ("levels = [3, 4]", "levels = [3, 5]", "levels"),
        ("levels = [3, 4]", "levels = [3, 3]", "twice"),
        ('id = "tsunami-tanda-alam"', 'id = "tsunami-larang-masuk"', "twice"),
        ('id = "tsunami-tanda-alam"', 'id = "bahaya-jiwa"', "twice"),
        ('hazard = "tsunami"', 'hazard = "flood"', "expected hazard"),
        ('author = "Kentongan founders"', 'author = ""', "author"),
        ("date = 2026-11-22", "", "date"),
        ('hand_over = ["BMKG"]\n', "", "hand_over"),
        ('hand_over = ["BMKG"]', 'hand_over = ["911"]', "hand_over"),
        ('phase = "alert"\nlevels = [2]', 'phase = "end"\nlevels = [2]', None),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, old, new, found):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "sop"))
    path = folder / "tsunami.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    if found is None:
        assert load_sop(folder)
        return
    with pytest.raises(SettingsError, match=found) as error:
        load_sop(folder)
    assert "tsunami.toml" in str(error.value)


def test_a_level_without_steps_or_a_missing_file_is_refused(tmp_path):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "sop"))
    path = folder / "rain.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('phase = "alert"', 'phase = "update"'), encoding="utf-8")
    with pytest.raises(SettingsError, match=r"rain\.toml: level 2 has no step of phase alert"):
        load_sop(folder)
    path.unlink()
    with pytest.raises(SettingsError, match=r"rain\.toml"):
        load_sop(folder)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_hostile_bytes_are_refused_in_words(payload):
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        for path in FOLDER.iterdir():
            shutil.copy(path, name)
        Path(name, "flood.toml").write_bytes(payload)
        with pytest.raises(SettingsError, match=r"flood\.toml"):
            load_sop(Path(name))


# --- a warning's list ---------------------------------------------------------------------


def ids(world, warning_id: str, minutes: float = 0) -> list[str]:
    return [
        one.key for one in checklist(world.engine, SOP, warning_id, world.at + minutes * MINUTE)
    ]


def late(world, minutes: float) -> list[str]:
    return [one.key for one in overdue(world.engine, SOP, world.at + minutes * MINUTE)]


def test_a_level_2_warning_asks_for_its_steps_from_the_release_on(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    asked = ids(world, STORM)
    assert set(asked) == {s.id for s in SOP.steps(HazardId.THUNDERSTORM, 2, Phase.ALERT)}
    assert "buka-pengungsian" not in asked
    assert late(world, 2) == [] and late(world, 2.1) == ["baca-peringatan"]
    assert set(late(world, 60)) == set(asked)


def test_a_raised_level_asks_for_more_and_counts_from_then(world):
    world.publish(Action.ALERT, world.levels("53", 2), hazard=HazardId.TSUNAMI)
    world.publish(
        Action.UPDATE, world.levels("53", 4), hazard=HazardId.TSUNAMI, at=world.at + 10 * MINUTE
    )
    by_key = {one.key: one for one in checklist(world.engine, SOP, WAVE, world.at + 10 * MINUTE)}
    run = by_key["tsunami-naik-segera"]
    assert run.due == world.at + 12 * MINUTE
    assert by_key["tsunami-larang-masuk"].due == world.at + 3 * MINUTE
    assert "tsunami-zona-berubah@v2" in by_key and "baca-pembaruan@v2" in by_key
    assert "tsunami-naik-segera" not in ids(world, WAVE), "not yet known at the first release"


def test_only_the_newest_update_is_asked_for(world):
    world.publish(Action.ALERT, world.levels("53", 3), hazard=HazardId.TSUNAMI)
    for number in (1, 2):
        levels = {**world.levels("53", 3), world.codes("75")[number]: 2}
        at = world.at + number * MINUTE
        world.publish(Action.UPDATE, levels, hazard=HazardId.TSUNAMI, at=at)
    updates = [key for key in ids(world, WAVE, 5) if "@" in key]
    assert updates and all(key.endswith("@v3") for key in updates)


def test_the_end_asks_for_its_own_and_lets_the_rest_lapse(world):
    world.publish(Action.ALERT, world.levels("53", 3), hazard=HazardId.TSUNAMI)
    tick(world.engine, SOP, WAVE, "baca-peringatan", at=world.at + MINUTE, actor="Ani")
    world.publish(Action.ALL_CLEAR, hazard=HazardId.TSUNAMI, at=world.at + 30 * MINUTE)
    asked = checklist(world.engine, SOP, WAVE, world.at + 31 * MINUTE)
    assert {o.key for o in asked if o.tick} == {"baca-peringatan"}
    assert {o.key for o in asked if not o.lapsed and not o.tick} == {
        s.id for s in SOP.steps(HazardId.TSUNAMI, 3, Phase.END)
    }
    assert late(world, 41) == ["pastikan-kabar-akhir"]
    assert late(world, 60 * 25) == [], "a day later it is nobody's any more"


def test_an_expiry_is_an_end_too(world):
    world.publish(Action.ALERT, world.levels("75", 3))
    world.publish(Action.EXPIRE, at=world.at + 180 * MINUTE)
    assert "laporan-penutup" in ids(world, STORM, 181)


def test_a_draft_asks_for_nothing(world, actual):
    world.policy = actual
    world.publish(Action.ALERT, world.levels("75", 3), hazard=HazardId.SHAKING)
    with pytest.raises(RuleViolation, match="not released"):
        ids(world, "w-shaking-1")
    with pytest.raises(RuleViolation, match="not released"):
        tick(world.engine, SOP, "w-none", "baca-peringatan", at=world.at, actor="Ani")
    assert late(world, 600) == []


def test_a_tick_stands_once_with_name_time_and_note_in_the_audit(world):
    world.publish(Action.ALERT, world.levels("75", 2))
    done = tick(
        world.engine, SOP, STORM, "baca-peringatan", at=world.at + MINUTE, actor=" Ani ",
        note="dua\nbaris",
    )  # fmt: skip
    assert done.tick and (done.tick.actor, done.tick.note) == ("Ani", "dua baris")
    with pytest.raises(RuleViolation, match="done already by Ani"):
        tick(world.engine, SOP, STORM, "baca-peringatan", at=world.at + 2 * MINUTE, actor="Budi")
    (row,) = world.rows(sop_ticks)
    assert (row["actor"], row["step_id"]) == ("Ani", "baca-peringatan")
    (line,) = [r for r in world.rows(audit) if r["action"] == "sop.tick"]
    assert line["actor"] == "Ani" and json.loads(line["body"])["note"] == "dua baris"
    assert "baca-peringatan" not in late(world, 60)


@pytest.mark.parametrize(
    ("key", "actor", "note", "found"),
    [
        ("nix", "Ani", "", "open steps: baca-peringatan"),
        ("laporan-penutup", "Ani", "", "no step"),
        ("baca-peringatan", "  ", "", "name"),
        ("baca-peringatan", "A" * 81, "", "name"),
        ("baca-peringatan", "Ani", "x" * 501, "note"),
    ],
)
def test_what_cannot_be_ticked_is_refused_in_words(world, key, actor, note, found):
    world.publish(Action.ALERT, world.levels("75", 2))
    with pytest.raises(RuleViolation, match=found):
        tick(world.engine, SOP, STORM, key, at=world.at + MINUTE, actor=actor, note=note)
    assert world.rows(sop_ticks) == []
