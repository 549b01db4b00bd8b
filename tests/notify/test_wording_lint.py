"""The linter proves every text; and what it forbids it finds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kentongan.errors import RuleViolation, SettingsError
from kentongan.reach import Help, VillageReach
from kentongan.settings import data_dir
from kentongan.types import HazardId
from notify.warning import AreaGroup, WarningBody
from notify.wording import lint as linter
from notify.wording import texts, verdict
from notify.wording.gsm7 import fits_one_part
from notify.wording.language import CODES, language, parse_language, spoken_languages
from notify.wording.lint import Names, lint, names_of
from notify.wording.ways import basic, first_fit, way

AT = datetime(2026, 9, 24, 15, 30, tzinfo=UTC)
SMALL = Names({"Kab. Boalemo": ("Mananggu",)}, ("Gorontalo",), ("Tohupo",))


@cache
def real_names() -> Names:
    path = data_dir() / "layers" / "embedded" / "villages.parquet"
    if not path.is_file():
        pytest.skip("no embedded layers in this checkout")
    columns = ["name", "adm3_name", "adm2_name", "adm1_name"]
    return names_of(pd.read_parquet(path, columns=columns))


def raw(code: str = "id") -> dict:
    return language(code).model_dump(mode="json")


def changed(monkeypatch, **hazards):
    """The Indonesian words with other ways for some levels: `flood_3=[...]`."""
    own = language("id")
    words = dict(own.hazards)
    for key, update in hazards.items():
        name, level = key.rsplit("_", 1)
        hazard = words[HazardId(name)]
        at = hazard.at(int(level)).model_copy(update=update)
        words[HazardId(name)] = hazard.model_copy(
            update={"levels": {**hazard.levels, int(level): at}}
        )
    other = own.model_copy(update={"hazards": words})
    monkeypatch.setattr(linter, "language", lambda code: other)
    return [str(f) for f in lint(SMALL, ("id",))]


def test_every_text_of_every_language_fits_every_area():
    assert lint(real_names()) == []


@pytest.mark.parametrize(
    ("update", "says"),
    [
        pytest.param({"ways": ("{word} BANJIR {where}! Naik.{help} {When}. {source}",)},
                     "no command", id="no-command"),
        pytest.param({"ways": ("{word} BANJIR {where}! {When}. Naik ke tempat tinggi SEKARANG."
                               "{help} {source}",)}, "does not come first", id="time-first"),
        pytest.param({"ways": ("{word} BANJIR {where}! Naik ke tempat tinggi SEKARANG. {When}. "
                               "{source}",)}, "says nothing of help", id="no-help"),
        pytest.param({"ways": ("{word} {where}! Naik ke tempat tinggi SEKARANG.{help} {When}. "
                               "{source}",)}, "names none of", id="no-hazard"),
        pytest.param({"ways": ("{word} BANJIR! Naik ke tempat tinggi SEKARANG.{help} {When}. "
                               "{source}",)}, "does not say where", id="no-place"),
        pytest.param({"ways": ("{word} BANJIR {where}! Naik ke tempat tinggi SEKARANG.{help} "
                               "{source}",)}, "does not say when", id="no-end"),
        pytest.param({"ways": ("{word} BANJIR {where}! Naik ke tempat tinggi SEKARANG.{help} "
                               "{When}.",)}, "names no source", id="no-source"),
        pytest.param({"ways": ("{word} BANJIR {where}! Naik ke tempat tinggi SEKARANG.{help} "
                               "{When}. {source}" + " Hati-hati" * 8,)}, "needs", id="too-long"),
        pytest.param({"ways": ("{word} BANJIR – {where}! Naik ke tempat tinggi SEKARANG.{help} "
                               "{When}. {source}",)}, "not plain GSM-7", id="dash"),
        pytest.param({"what": "Probabilitas genangan tinggi."}, "forbidden word", id="jargon"),
        pytest.param({"brief": ("{word} BANJIR! Naik ke tempat tinggi SEKARANG. {source}" * 2,)},
                     "of 90", id="brief-too-long"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(monkeypatch, update, says):
    assert any(says in line for line in changed(monkeypatch, flood_3=update))


def test_a_promise_of_help_in_a_tsunami_zone_is_found(monkeypatch):
    own = language("id")
    tsunami = own.hazards[HazardId.TSUNAMI].model_copy(update={"help": None})
    other = own.model_copy(update={"hazards": {**own.hazards, HazardId.TSUNAMI: tsunami}})
    monkeypatch.setattr(linter, "language", lambda code: other)
    assert any("promises help" in str(f) for f in lint(SMALL, ("id",)))


def test_a_name_that_cannot_be_written_is_found():
    bad = Names({"Kab. Boalemo": ("海",)}, ("Gorontalo",), ("Tohupo",))
    assert any("cannot be written" in str(f) for f in lint(bad, ("id",)))


def test_a_longer_name_than_any_known_would_be_found():
    long = Names({"Kab. " + "Panjang " * 9: ("X",)}, ("Gorontalo",), ("Tohupo",))
    assert any("for the longest names" in str(f) for f in lint(long, ("id",)))


def test_a_release_is_refused_where_the_words_are_not_proved(monkeypatch):
    finding = linter.Finding("id", "flood.3", "needs 170 of 160")
    bad = verdict.Verdict(words="0" * 64, layers="x", findings=(finding,))
    monkeypatch.setattr(verdict, "judge", lambda layers="": bad)
    with pytest.raises(RuleViolation, match=r"flood\.3: needs 170"):
        verdict.require_linted()


def test_the_verdict_is_bound_to_the_bytes_of_the_words(monkeypatch, tmp_path):
    one = verdict.words_digest()
    for path in verdict.FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(verdict, "FOLDER", tmp_path)
    assert verdict.words_digest() == one
    (tmp_path / "id.toml").write_bytes((tmp_path / "id.toml").read_bytes() + b"\n")
    assert verdict.words_digest() != one


def test_languages_that_nobody_reviewed_never_go_out():
    assert spoken_languages() == ("id", "en")
    assert {code for code in CODES if not language(code).reviewed} == {"jv", "su"}


def test_an_unknown_key_and_a_missing_hazard_are_refused():
    whole = raw()
    hazards = whole.pop("hazards")
    with pytest.raises(SettingsError, match="extra"):
        parse_language({**whole, "extra": 1}, "x.toml")
    with pytest.raises(SettingsError, match="nothing for"):
        parse_language(whole, "x.toml")
    assert set(hazards) == set(HazardId)


# --- the writer, for which the linter speaks ----------------------------------------------

PLAIN = st.text("abcdefghijklmnopqrstuvwxyz ABC.,-", max_size=40).map(basic)


@given(
    parts=st.lists(PLAIN, min_size=1, max_size=3),
    wheres=st.lists(PLAIN, min_size=1, max_size=4),
    whens=st.lists(PLAIN, min_size=1, max_size=2),
    limit=st.integers(60, 200),
)
def test_the_length_of_a_way_is_the_sum_of_its_parts(parts, wheres, whens, limit):
    templates = [part + "{where}x{when}." for part in parts]
    options = {"where": wheres, "when": whens}
    text = first_fit(templates, options, limit)
    sums = [
        way(t).length({"where": where, "when": when})
        for t in templates for where in wheres for when in whens
    ]  # fmt: skip
    assert len(text) <= limit
    assert min(sums) > limit or len(text) in sums


def body(hazard: HazardId, **changes) -> WarningBody:
    values = {
        "event_id": "e", "hazard_id": hazard, "title": "t", "action": "update", "reason": "",
        "status": "Exercise", "official": True, "level": 2, "levels": {}, "told": (),
        "ever_warned": (), "groups": (), "valid_from": AT, "onset": AT + timedelta(minutes=40),
        "expires": AT + timedelta(days=3), "method": "m", "quality": "ok", "evidence": {},
        "observations": (), "exposed_people": 0, "uncovered_people": 0,
    }  # fmt: skip
    return WarningBody(**{**values, **changes})


def group(name: str, districts: tuple[str, ...], **changes) -> AreaGroup:
    values = {
        "adm2_code": "75.02", "adm2_name": name, "adm1_name": "Gorontalo", "level": 3,
        "codes": ("75.02.07.2001",), "told": ("75.02.07.2001",), "districts": districts,
        "whole_regency": False, "utc_offset": 8, "exposed_people": 1,
        "uncovered_people": 123_456, "again": True, "arrival": AT + timedelta(minutes=20),
    }  # fmt: skip
    return AreaGroup(**{**values, **changes})


REACHES = st.builds(
    VillageReach, help=st.sampled_from(Help), point=st.sampled_from(["", "SDN 1", "Balai " * 12])
)


@settings(max_examples=100)
@given(
    pick=st.tuples(*[st.integers(0, 1000)] * 3), hazard=st.sampled_from(HazardId),
    code=st.sampled_from(("id", "en")), level=st.sampled_from((0, 2, 3, 4)),
    status=st.sampled_from(("Actual", "Exercise", "Test")), reach=REACHES,
    action=st.sampled_from(("alert", "update", "renew", "all-clear", "cancel")),
)  # fmt: skip
def test_what_the_proof_says_holds_for_real_names(pick, hazard, code, level, status, action, reach):
    names = real_names()
    regency = sorted(names.regencies)[pick[0] % len(names.regencies)]
    districts = names.regencies[regency]
    start = pick[1] % len(districts)
    ends = action in ("all-clear", "cancel")
    one = group(regency, districts[start : start + 1 + pick[2] % 6], level=0 if ends else level)
    whole = body(hazard, action=action, status=status)
    speaker = texts.speaker(whole, one, at=AT, code=code)
    made = (texts.readiness, *((texts.gap, texts.bpbd) if one.level else ()))
    staff = [make(whole, one, at=AT, code=code) for make in made]
    for text in (speaker.text(reach=reach), *staff):
        assert fits_one_part(text), text
        assert "BMKG" in text and "?" not in text and "{" not in text and "  " not in text
    assert len(speaker.text(texts.PUSH_BODY, reach)) <= texts.PUSH_BODY
    assert len(speaker.text(texts.CB_LONG, reach)) <= texts.CB_LONG
    assert len(speaker.brief()) <= texts.CB_SHORT
    assert len(speaker.title()) <= texts.PUSH_TITLE
    assert not any(ch.isdigit() for ch in speaker.speech())
    if one.level:
        commands = speaker.hazard.at(one.level).command
        assert any(command in speaker.text(reach=reach) for command in commands)
