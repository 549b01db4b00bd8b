"""What pages are made of: differences, filters, sums, spans. Pure."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from console.web.centre import saying, villages
from console.web.centre.agreement import compared
from console.web.centre.differences import Seen, moved, read_seen
from console.web.centre.event_list import LAST_PAGE, Wanted, page_number
from console.web.centre.sending import _is_of
from console.web.centre.villages import VillageLine, as_csv, ordered, regency_sums

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
CODES = st.sampled_from([f"75.0{r}.01.20{v:02}" for r in range(3) for v in range(6)])
LEVELS = st.dictionaries(CODES, st.integers(2, 4))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 detik"), (119, "119 detik"), (120, "2 menit"), (7_199, "119 menit"),
     (7_200, "2 jam"), (11_100, "3 jam 5 menit"), (172_800, "2 hari")],
)  # fmt: skip
def test_how_long_in_words(seconds: int, said: str) -> None:
    assert saying.span(timedelta(seconds=seconds)) == said
    assert saying.left(AT + timedelta(seconds=seconds + 0.5), AT) == f"sisa {said}"
    assert saying.left(AT - timedelta(seconds=seconds), AT) == f"lewat {said}"


@given(here=LEVELS, there=LEVELS)
def test_agreement_counts_each_village_once(here: dict[str, int], there: dict[str, int]) -> None:
    both, here_alone, there_alone, higher_here, higher_there = compared(here, there)
    assert both == len(here.keys() & there.keys()) >= higher_here + higher_there
    assert here_alone <= len(here) - both and there_alone <= len(there) - both
    assert compared(there, here) == (both, there_alone, here_alone, higher_there, higher_here)
    assert compared(here, here) == (len(here), 0, 0, 0, 0)


@given(text=st.text(max_size=200))
def test_the_address_asks_for_something_that_exists(text: str) -> None:
    names = ("keadaan", "bahaya", "dari", "sampai", "halaman")
    wanted = Wanted.of(QueryParams(dict.fromkeys(names, text)))
    assert wanted.state in ("terbuka", "tertutup", "semua") and 1 <= wanted.number <= LAST_PAGE
    again = Wanted.of(QueryParams(wanted.link(wanted.number)))
    assert again == wanted


@pytest.mark.parametrize(
    ("text", "number"),
    [("", 1), ("0", 1), ("-3", 1), ("7", 7), ("٣", 1), ("9" * 30, 1), ("999999", LAST_PAGE)],
)
def test_pages_are_numbers(text: str, number: int) -> None:
    assert page_number(text) == number


PARTS = {"content": "a" * 12, "cap": "b" * 12, "texts": "c" * 12, "areas": "d" * 12}


def test_what_was_read_comes_back_and_only_what_moved_is_named() -> None:
    seen = Seen(1, PARTS, 20, {"sms": 18, "push": 2})
    assert read_seen(seen.as_field()) == seen and moved(seen, seen) == []
    now = Seen(2, {**PARTS, "texts": "e" * 12}, 21, {"sms": 19})
    assert [one.what for one in moved(seen, now)] == [
        "Versi", "teks pesan", "Penerima", "Pesan push", "Pesan sms",
    ]  # fmt: skip


@given(text=st.text(max_size=300) | st.recursive(st.integers(), st.lists).map(str))
def test_what_no_page_of_ours_wrote_explains_nothing(text: str) -> None:
    found = read_seen(text)
    assert found is None or isinstance(found, Seen)


def line(**changes: object) -> VillageLine:
    values: dict[str, object] = {
        "adm4_code": "75.02.01.2001", "name": "Desa", "district": "Mananggu",
        "regency": "Kabupaten Boalemo", "level": 3, "hazard_level": 3, "people": 900,
        "exposed": 800, "unknown": 0, "uncovered": 10, "team_minutes": 12.0, "value": 6.1,
        "probability": None, "decided_by": "matrix", "known_share": 1.0,
    }  # fmt: skip
    return VillageLine(**{**values, **changes})  # type: ignore[arg-type]


def test_what_is_not_known_is_in_the_sums_and_never_counted_as_none() -> None:
    lines = [
        line(), line(adm4_code="75.02.01.2002", level=0, exposed=0, unknown=900, hazard_level=-1),
        line(adm4_code="75.02.01.2003", level=0, exposed=0), line(adm4_code="75.03.01.2001"),
    ]  # fmt: skip
    first, second = sorted(regency_sums(lines), key=lambda one: one.code)
    assert (first.code, first.villages, first.unknown) == ("75.02", {3: 1, 0: 1}, 900)
    assert (second.exposed, second.uncovered, second.values) == (800, 10, "6.10 sampai 6.10")


@pytest.mark.parametrize("by", villages.SORTS)
def test_each_order_keeps_all(by: str) -> None:
    lines = [line(adm4_code=f"75.02.01.20{i:02}", exposed=i, uncovered=9 - i) for i in range(10)]
    assert sorted(ordered(lines, by), key=lambda v: v.adm4_code) == lines


def test_a_name_is_no_formula_in_a_spreadsheet() -> None:
    (_, row) = csv.reader(io.StringIO(as_csv([line(name='=HYPERLINK("x")', value=None)])))
    assert row[1] == '\'=HYPERLINK("x")' and "None" not in row


@pytest.mark.parametrize(
    ("version", "mine"),
    [("kentongan-w-a-v3", True), ("kentongan-w-a-v3/gap", True), ("kentongan-w-a-v-x", False),
     ("kentongan-w-ab-v3", False), ("kentongan-w-a-v2-v3", False)],
)  # fmt: skip
def test_messages_are_counted_with_their_warning(version: str, mine: bool) -> None:
    assert _is_of(version, "w-a") is mine
