"""Tokens of captions against what the official tokeniser gives for the same texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cauldron.evaluate.captions.ptb import tokenize, tokenize_all

# Made with Stanford's tokeniser 3.4.1 as pycocoevalcap 1.2 calls it.
CASES = [
    ("A man isn't riding a skateboard, y'all!", "a man is n't riding a skateboard y' all"),
    ("cannot 'twas gonna GIMME", "can not 't was gon na gim me"),
    (
        "The U.S. flag (red & white) at 5:30 p.m.",
        "the u.s. flag -lrb- red & white -rrb- at 5:30 p.m.",
    ),
    ("He left the U.S. The dog stayed.", "he left the u.s. the dog stayed"),
    ("I like pie etc. The end", "i like pie etc. the end"),
    ("St. Louis, Mo. Rev. Smith Ph.D.", "st. louis mo. rev. smith ph.d."),
    ("50% off, $3.50 or \xa35 / 5\xa2 / \u20ac7", "50 % off $ 3.50 or # 5 / 5 cents / $ 7"),
    ("1/2 cup, 1 1/2 cups, \xbd and 3\u20444", "1/2 cup 1\xa01/2 cups 1/2 and 3\u20444"),
    ("call (555) 555-1234 or +1 415-555-1234", "call -lrb-555-rrb-\xa0555-1234 or +1 415-555-1234"),
    ("rock 'n' roll in the '90s and 1990's", "rock 'n' roll in the '90s and 1990 's"),
    (
        '\u201cquoted\u201d \u2018words\u2019 and \xabthese\xbb "those"',
        "quoted words and these those",
    ),
    ("wait ... what .. no\u2026", "wait what no"),
    ("a--b --- c \u2013 d \u2014 e ----- f", "a b c d e ----- f"),
    (
        '[box] {brace} (paren) <b> <i class="x">',
        '-lsb- box -rsb- -lcb- brace -rcb- -lrb- paren -rrb- <b> <i\xa0class="x">',
    ),
    (
        "see http://a.b/c?d=e, www.foo.com/bar. mail x@y.com",
        "see http://a.b/c?d=e www.foo.com/bar mail x@y.com",
    ),
    ("w/ and/or he/she w/o 24/7 3-4/5", "w / and/or he/she w/o 24/7 3-4/5"),
    ("AT&T R&D AT&amp;T caf&eacute; &nbsp; &lt;&gt;", "at&t r&d at&t caf&eacute; < >"),
    ("no.5 No. 5 fig. 3 pp. 12", "no. 5 no. 5 fig. 3 pp. 12"),
    ("12/25/2014 1-2-99 1,000,000.50 -5 +5 .5", "12/25/2014 1-2-99 1,000,000.50 -5 +5 .5"),
    ("#tag #1 @user c++ C# f#", "#tag # 1 @user c++ c# f#"),
    (":-) ;D =P (^_^) -_- >:(", ":--rrb- ;d =p -lrb-^_^-rrb- -_- > -lrb-"),
    (
        "co-op two-year-old black-and-white X-ray U.S.-U.K.",
        "co-op two-year-old black-and-white x-ray u.s.-u.k.",
    ),
    (
        "na\xefve \xdcbergr\xf6\xdfe \u65e5\u672c\u8a9e\u3002 \uff21\uff11 \u30ab\u30fb\u30e1",
        "na\xefve \xfcbergr\xf6\xdfe \u65e5\u672c\u8a9e \u3002 \uff41\uff11 \u30ab \u30fb \u30e1",
    ),
    ("emoji \U0001f436\U0001f3fd gone \U0001f600 end", "emoji gone end"),
    ("soft\xadhyphen zero\u200bwidth nb\xa0sp", "softhyphen zero width nb sp"),
    ("file.txt photo.JPG, a.b.c", "file.txt photo.jpg a.b.c"),
    ("O'Neil's o'clock ma'am l'avion d'Artagnan", "o'neil 's o'clock ma'am l'avion d'artagnan"),
    ("who're they'd've shouldn't've it'll", "who 're they 'd 've should n't 've it ll"),
    ("Mr. and Mrs. O'Brien vs. Dr. No.", "mr. and mrs. o'brien vs. dr. no"),
    ("!!! ?! ; : , . * ** / \\\\ ", "!!! ?! * ** / \\ \\"),
    (" ~ _ __ = +", "~ _ __ = +"),
    ("\u0130stanbul \u0391\u03a3 STRASSE", "i\u0307stanbul \u03b1\u03c2 strasse"),
    ("the dog's toys' box s' 's", "the dog 's toys box s 's"),
    ("10kg 5'10\" 6ft 4x4 2nd 100\xb0C m\xb2", "10kg 5 10 6ft 4x4 2nd 100 \xb0 c m \xb2"),
    ("", ""),
]


@pytest.mark.parametrize(("caption", "tokens"), CASES)
def test_tokens_are_those_of_the_official_tokeniser(caption: str, tokens: str) -> None:
    assert tokenize(caption) == tokens


def test_all_golden_captions_have_their_tokens(slices: Path) -> None:
    records = json.loads((slices / "metrics" / "caption_tokens.json").read_text())
    assert len(records) > 300
    assert not [r for r in records if tokenize(r["prediction"]) != r["tokenized"]]


def test_a_final_sigma_is_that_of_java() -> None:
    assert tokenize("\u0391\u03a3 \u0391\u03a3-Mass maj-\u03a3 \u03a3") == (
        "\u03b1\u03c2 \u03b1\u03c3-mass maj-\u03c2 \u03c3"
    )


def test_an_abbreviation_at_the_end_of_a_line_looks_at_the_next_as_the_program_does() -> None:
    assert tokenize_all(["at 5 p.m.", "The dog"]) == ["at 5 p.m.", "the dog"]
    assert tokenize_all(["red, blue etc.", "A dog", ""]) == ["red blue etc.", "a dog", ""]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4))
def test_any_captions_give_as_many_lines_of_lower_case(captions: list[str]) -> None:
    lines = tokenize_all(captions)
    assert len(lines) == len(captions)
    assert all("\n" not in line for line in lines)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="aB .,'\"-/&;:()<>$1", max_size=20))
def test_no_text_is_lost_but_blanks_and_marks(caption: str) -> None:
    letters = [c for c in caption.lower() if c.isalnum()]
    kept = tokenize(caption).replace("-lrb-", "").replace("-rrb-", "")
    assert [c for c in kept if c.isalnum()] == letters
