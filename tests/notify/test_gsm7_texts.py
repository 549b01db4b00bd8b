"""Every text is one GSM-7 part, with its mark, for every name of the country."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kentongan.plan import PlannedTask
from kentongan.settings import data_dir
from kentongan.types import HazardId, TaskKind
from notify.area.villages import short_regency
from notify.tasks.texts import TaskPlace, task_sms
from notify.warning import AreaGroup, WarningBody
from notify.wording import texts
from notify.wording.gsm7 import BASIC, EXTENSION, fits_one_part, septets, to_basic
from notify.wording.phrases import LEVEL_WORDS, phrases

AT = datetime(2026, 9, 24, 15, 30, tzinfo=UTC)  # 22.30 WIB, so that an end is tomorrow


def group(**changes) -> AreaGroup:
    values = {
        "adm2_code": "75.02", "adm2_name": "Kab. Boalemo", "level": 2,
        "codes": ("75.02.07.2001",), "told": ("75.02.07.2001",), "districts": ("Mananggu",),
        "whole_regency": False, "utc_offset": 8, "exposed_people": 1, "uncovered_people": 0,
    }  # fmt: skip
    return AreaGroup(**{**values, **changes})


def body(hazard: HazardId = HazardId.THUNDERSTORM, **changes) -> WarningBody:
    values = {
        "event_id": "e", "hazard_id": hazard, "title": "t", "action": "alert", "reason": "",
        "status": "Exercise", "official": True, "level": 2, "levels": {}, "told": (),
        "ever_warned": (), "groups": (), "valid_from": AT, "onset": AT - timedelta(minutes=1),
        "expires": AT + timedelta(hours=6), "method": "m", "quality": "ok", "evidence": {},
        "observations": (), "exposed_people": 0, "uncovered_people": 0,
    }  # fmt: skip
    return WarningBody(**{**values, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“Awas” – jauhi…", '"Awas" - jauhi...'),
        ("30°", "30 derajat"),
        ("Café Ngũ’s", "Cafe Ngu's"),
        ("[a] {b} ~ €5 \\ x", "(a) (b) - EUR5 / x"),
        ("baris\nbaru\t\tdan\u200b nol", "baris baru dan nol"),
        ("海", "?"),
    ],
)
def test_transliteration(text, expected):
    assert to_basic(text) == expected


@given(st.text(max_size=200))
def test_whatever_goes_in_basic_ascii_comes_out(text):
    out = to_basic(text)
    assert all(c in BASIC and c.isascii() for c in out)
    assert to_basic(out) == out and septets(out) == len(out)


def test_the_alphabet_has_128_places_and_its_extension_counts_double():
    assert len(BASIC) == 127  # and the escape
    assert septets("€" * 80) == 160 and not fits_one_part("€") and not BASIC & EXTENSION
    with pytest.raises(ValueError, match="to_basic"):
        septets("“")


def embedded() -> pd.DataFrame:
    path = data_dir() / "layers" / "embedded" / "villages.parquet"
    if not path.is_file():
        pytest.skip("no embedded layers in this checkout")
    return pd.read_parquet(path)


@pytest.fixture(scope="module")
def regencies() -> list[tuple[str, list[str]]]:
    table = embedded()
    pairs = table[["adm2_name", "adm3_name"]].drop_duplicates()
    return [
        (short_regency(name), sorted(rows["adm3_name"], key=len, reverse=True))
        for name, rows in pairs.groupby("adm2_name")
    ]


@pytest.mark.parametrize("hazard", HazardId)
@pytest.mark.parametrize("action", ["alert", "update", "all-clear", "cancel"])
def test_every_regency_and_district_fits_one_part(regencies, hazard, action):
    ends = action in ("all-clear", "cancel")
    longest = sorted(regencies, key=lambda pair: -len(pair[0]))[:12]
    for level in (0,) if ends else (2, 3, 4):
        for name, districts in longest:
            for some in (districts[:1], districts[:4], districts):
                one = group(
                    adm2_name=name, districts=tuple(some), level=level, again=True,
                    arrival=AT + timedelta(minutes=20),
                )  # fmt: skip
                whole = body(hazard, action=action, onset=AT + timedelta(minutes=40))
                for text in (
                    texts.sms(whole, one, at=AT),
                    texts.readiness(whole, one, at=AT),
                ):
                    assert fits_one_part(text) and text.startswith("LATIHAN. ")
                    assert not text.endswith("..."), f"cut: {text}"
                    assert "BMKG" in text and "?" not in text


def test_every_district_alone_is_named(regencies):
    for name, districts in regencies:
        for district in districts:
            one = group(adm2_name=name, districts=(district,))
            assert to_basic(district) in texts.sms(body(), one, at=AT)


@given(
    regency=st.text(max_size=120), district=st.text(max_size=120),
    hazard=st.sampled_from(HazardId), level=st.sampled_from([0, 2, 3, 4]),
    status=st.sampled_from(["Actual", "Exercise", "Test"]),
)  # fmt: skip
def test_hostile_names_never_break_the_one_part(regency, district, hazard, level, status):
    one = group(adm2_name=regency, districts=(district,), level=level)
    text = texts.sms(body(hazard, status=status), one, at=AT)
    assert fits_one_part(text)
    assert text.startswith({"Exercise": "LATIHAN", "Test": "TES"}.get(status, ""))


@pytest.mark.parametrize("hazard", HazardId)
@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_text_says_level_place_end_and_source(hazard, level):
    text = texts.sms(body(hazard), group(level=level, utc_offset=8), at=AT)
    assert LEVEL_WORDS[level] in text and "Mananggu" in text and "BMKG" in text
    if hazard is not HazardId.TSUNAMI:  # which ends by BMKG's word, never by the clock
        assert "sampai besok 05.30 WITA" in text.lower().replace("wita", "WITA")


def test_local_clock_and_onset_of_a_nowcast():
    at = datetime(2026, 9, 24, 7, 10, tzinfo=UTC)
    whole = body(onset=at + timedelta(minutes=17), expires=at + timedelta(hours=2, minutes=17))
    text = texts.sms(whole, group(), at=at)
    assert "Kec. Mananggu, Kab. Boalemo" in text and "mulai 15.27 sampai 17.27 WITA" in text


@pytest.mark.parametrize("level", [2, 3, 4])
def test_a_tsunami_text_commands_first_does_not_wait_and_promises_nothing(level):
    text = texts.sms(body(HazardId.TSUNAMI, status="Actual"), group(level=level), at=AT)
    assert text.startswith(f"{LEVEL_WORDS[level]} TSUNAMI")
    assert "SEKARANG" in text and ("jangan tunggu" in text or "jangan menunggu" in text)
    assert not any(word in text.lower() for word in ("bantuan", "aman", "tim ", "tenang"))


def test_an_arrival_that_has_passed_is_not_printed():
    ahead = group(level=4, arrival=AT + timedelta(minutes=5))
    missed = group(level=4, arrival=AT)
    seven = ahead.model_copy(update={"utc_offset": 7})
    assert "22.35 WIB" in texts.sms(body(HazardId.TSUNAMI), seven, at=AT)
    assert "22.30" not in texts.sms(body(HazardId.TSUNAMI), missed, at=AT)
    assert "Perkiraan" not in texts.sms(body(HazardId.TSUNAMI), missed, at=AT)


def test_an_all_clear_names_bmkg_and_still_warns_of_buildings_and_boats():
    text = texts.sms(body(HazardId.TSUNAMI, action="all-clear"), group(level=0), at=AT)
    assert "BMKG" in text and "mengakhiri" in text and "bangunan" in text and "perahu" in text


def test_an_update_says_so_to_those_who_were_warned():
    assert "PEMBARUAN" in texts.sms(body(action="update"), group(again=True), at=AT)
    assert "PEMBARUAN" not in texts.sms(body(action="update"), group(), at=AT)


def test_our_estimate_is_not_passed_off_as_bmkgs_word():
    text = texts.sms(body(HazardId.SHAKING, official=False), group(level=3), at=AT)
    assert text.endswith("Data BMKG") and "Sumber" not in text


@pytest.mark.parametrize("villages", [1, 80, 400, 3000])
def test_a_push_payload_stays_small_by_coarser_codes(villages):
    codes = tuple(
        f"33.{1 + i // 900:02d}.{1 + i // 30 % 90:02d}.{2001 + i}" for i in range(villages)
    )
    one = group(codes=codes, told=codes)
    one = one.model_copy(update={"push_title": "t" * 60, "push_body": "b" * 160})
    payload = texts.push_payload(body(), one, warning_id="w-1", version=2, url="https://x.invalid")
    from kentongan.audit import canonical

    assert len(canonical(payload).encode()) <= 3000
    assert payload["tag"] == "w-1" and payload["version"] == 2
    assert all(any(code.startswith(c) for c in payload["area_codes"]) for code in codes)


@pytest.mark.parametrize("kind", TaskKind)
@pytest.mark.parametrize("hazard", HazardId)
def test_every_village_of_the_country_fits_a_task_sms(kind, hazard):
    table = embedded()
    longest = table.loc[(table["name"].str.len() + table["adm3_name"].str.len()).nlargest(60).index]
    task = PlannedTask(
        kind=kind, adm4_code="x", level=4, people=128_456, unmet_people=0, team_id="t",
        coordinator_id="c", shelter_id="s", eta_min=12, mobilisation_min=30, after="PD-4",
    )  # fmt: skip
    for row in longest.itertuples():
        place = TaskPlace(row.name, row.kind, row.adm3_name, short_regency(row.adm2_name))
        text = task_sms(
            "T1234567", task, place, hazard=hazard, shelter="SDN " + "Pantai Panjang " * 4,
            status="Exercise",
        )  # fmt: skip
        assert fits_one_part(text) and text.startswith("LATIHAN. TUGAS T1234567")
        assert text.endswith("Balas: YA T1234567 / TIDAK T1234567")
        assert "128.456 jiwa" in text
        assert kind is not TaskKind.RECEIVE or "Jangan masuk zona tsunami" in text


def test_phrases_cover_every_hazard_from_level_two():
    assert set(phrases()) == set(HazardId)
    assert all(2 in words.by_level for words in phrases().values())


def test_a_renewed_warning_does_not_read_as_a_second_alarm():
    tsunami = body(HazardId.TSUNAMI, action="renew", level=3)
    assert texts.push_title(tsunami, group(level=3)) == "LATIHAN. Masih berlaku: SIAGA tsunami"
    assert texts.push_title(tsunami, group(level=3), code="en").startswith(
        "LATIHAN (EXERCISE). Still in force: "
    )
    first = body(HazardId.TSUNAMI, level=3)
    assert "Masih" not in texts.push_title(first, group(level=3))
