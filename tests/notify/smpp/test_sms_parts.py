"""Long texts fall into parts that fit, that can be read alone, and that are the text again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smpplib import gsm as yardstick

from notify.wording import gsm7
from notify.wording.gsm7 import BASIC, EXTENSION
from notify.wording.parts import Alphabet, alphabet_of, count_parts, header, split

GSM = st.text(st.sampled_from(sorted(BASIC | EXTENSION)), max_size=900)
ANY = st.text(
    st.sampled_from("ab –é海😀👍🏽🇮🇩\u0301\u200d👩\ufe0f")
    | st.characters(exclude_categories=["Cs"]),
    max_size=400,
)


def units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


@pytest.mark.parametrize(
    ("text", "alphabet", "sizes"),
    [
        ("", "gsm7", [0]),
        ("a" * 160, "gsm7", [160]),
        ("a" * 161, "gsm7", [153, 8]),
        ("a" * 306, "gsm7", [153, 153]),
        ("€" * 80, "gsm7", [160]),
        ("€" * 81, "gsm7", [152, 10]),
        ("a" + "€" * 80, "gsm7", [153, 8]),
        ("–" * 70, "ucs2", [70]),
        ("–" * 71, "ucs2", [67, 4]),
        ("😀" * 35, "ucs2", [70]),
        ("😀" * 36, "ucs2", [66, 6]),
    ],
)
def test_sizes(text, alphabet, sizes):
    made = split(text)
    assert made.alphabet == alphabet
    size = gsm7.septets if made.alphabet is Alphabet.GSM7 else units
    assert [size(part) for part in made.parts] == sizes


@pytest.mark.parametrize("character", ["e\u0301", "👍🏽", "👩\u200d👩\u200d👧", "🇮🇩", "☂\ufe0f"])
@pytest.mark.parametrize("before", range(0, 68, 9))
def test_a_character_with_its_marks_is_never_cut(character, before):
    text = "–" * (before + 60) + character * 12
    for part in split(text).parts[1:]:
        assert part[0] in "–" + character[0]
    assert split("–" * 66 + character + "–" * 9).parts[1].startswith(character)


@given(GSM)
def test_gsm_parts(text):
    made = split(text)
    assert "".join(made.parts) == text
    assert made.alphabet is Alphabet.GSM7
    limit = 160 if len(made.parts) == 1 else 153
    for part in made.parts:
        octets = gsm7.encode(part)
        assert len(octets) == gsm7.septets(part) <= limit
        assert not octets.endswith(b"\x1b")
        assert gsm7.decode(octets) == part


@given(ANY)
def test_any_parts(text):
    made = split(text)
    assert "".join(made.parts) == text
    whole, beside_header = (160, 153) if made.alphabet is Alphabet.GSM7 else (70, 67)
    size = gsm7.septets if made.alphabet is Alphabet.GSM7 else units
    assert all(size(part) <= (whole if len(made.parts) == 1 else beside_header)
               for part in made.parts)  # fmt: skip
    assert all(part.encode("utf-16-be").decode("utf-16-be") == part for part in made.parts)
    assert len(made.parts) == count_parts(text)
    assert split(text, Alphabet.UCS2).alphabet is Alphabet.UCS2


@given(GSM)
def test_octets_are_those_of_smpplib(text):
    text = text.replace("\f", "").replace("§", "")  # its table lacks both
    assert gsm7.encode(text) == yardstick.gsm_encode(text)


@given(st.text(st.sampled_from(sorted(BASIC - {"§"})), min_size=161, max_size=900))
def test_parts_are_those_of_smpplib_where_it_cuts_no_pair(text):
    theirs, _, esm_class = yardstick.make_parts(text)
    mine = split(text).parts
    assert esm_class == 0x40
    assert [part[6:] for part in theirs] == [gsm7.encode(part) for part in mine]
    ref = theirs[0][3]
    heads = [header(ref, len(mine), n) for n in range(1, len(mine) + 1)]
    assert [part[:6] for part in theirs] == heads


@given(st.binary(max_size=300))
def test_octets_from_outside_always_read_as_text(octets):
    text = gsm7.decode(octets)
    assert "\x00" not in text and "\x1b" not in text
    assert gsm7.decode(gsm7.encode(text)) == text


def test_what_cannot_be_sent_is_named():
    with pytest.raises(ValueError, match="UCS-2"):
        split("海", Alphabet.GSM7)
    with pytest.raises(ValueError, match="surrogate"):
        split("\ud83d")
    with pytest.raises(ValueError, match="at most 255"):
        split("a" * (255 * 153 + 1))
    with pytest.raises(ValueError, match="to_basic"):
        gsm7.encode("海")


def test_header_and_alphabet():
    assert header(0x1FE, 3, 2) == bytes((5, 0, 3, 0xFE, 3, 2))
    assert alphabet_of("Awas [x] €") is Alphabet.GSM7
    assert alphabet_of("“") is Alphabet.UCS2
