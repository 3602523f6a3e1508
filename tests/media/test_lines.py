"""Lines of text: fonts for every script, direction, breaking."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from PIL import Image, ImageDraw, features

from cauldron.media.bidi import right_to_left, visual_runs
from cauldron.media.fonts import covered_by, face, face_for, sized, system_fonts
from cauldron.media.images import ImageError
from cauldron.media.lines import Font, advance, clean, clusters, draw_line, typeset, wrapped

FONT = Font(family="FiraGO", size_px=18)
shaping = pytest.mark.skipif(not features.check("fribidi"), reason="FriBiDi is not installed")


def drawn(text: str, rtl: bool) -> np.ndarray:
    sheet = Image.new("L", (400, 60), 0)
    draw_line(ImageDraw.Draw(sheet), typeset(text, FONT, rtl), 10, 10, 255)
    return np.asarray(sheet)


@pytest.mark.parametrize(
    "text",
    "Revenue €₹ Ünï|Ελληνικά|Русский|中文（表）|日本語かな|한국어|العربية|עברית|विवरण|ไทย|ქართული"
    "|✓★→½№|∑∫≥".split("|"),
)
def test_a_text_of_this_script_is_drawn(text: str) -> None:
    line = typeset(text, FONT, right_to_left(text))
    sheet = Image.new("L", (round(line.width) + 20, line.height + 20), 0)
    draw_line(ImageDraw.Draw(sheet), line, 10, 10, 255)
    left, top, right, bottom = sheet.getbbox() or (0, 0, 0, 0)
    assert left > 0 and top > 0 and right < sheet.width and bottom < sheet.height


@pytest.mark.parametrize("char", ["A", "ж", "ع", "א", "अ", "ก", "中", "한"])
def test_a_bold_letter_of_a_script_has_a_face_that_covers_it(char: str) -> None:
    assert ord(char) in face_for(char, "Ubuntu", True).covered


def test_ideographs_are_not_drawn_as_one_empty_box() -> None:
    assert not np.array_equal(drawn("中", False), drawn("国", False))


def test_a_missing_glyph_is_named() -> None:
    with pytest.raises(ImageError) as caught:
        typeset("\U00012000\U0010fffe", FONT)
    assert caught.value.reason == "glyph_missing" and "U+" in caught.value.detail


def test_the_coverage_of_a_font_agrees_with_its_glyphs() -> None:
    found, empty = face("NotoSans_Regular"), sized("NotoSans_Regular", 30, False).getmask("\uffff")
    for code in range(0x21, 0x250):
        mask = sized("NotoSans_Regular", 30, False).getmask(chr(code))
        is_box = mask.size == empty.size and bytes(mask) == bytes(empty)
        assert (code in found.covered) != is_box or unicodedata.category(chr(code))[0] in "CZ"


@pytest.mark.parametrize("content", [b"", b"x" * 40, b"\0\1\0\0\xff\xff" + b"cmap" * 20])
def test_a_file_that_is_no_font_covers_nothing(content: bytes) -> None:
    assert covered_by(content) == frozenset()


def test_a_cut_font_covers_nothing_or_less() -> None:
    whole = face("NotoSans_Regular")
    for share in (0.1, 0.5, 0.9):
        assert covered_by(whole.content[: int(len(whole.content) * share)]) <= whole.covered


def test_fonts_of_the_system_come_in_one_order() -> None:
    assert list(system_fonts()) == list(dict.fromkeys(system_fonts()))


@pytest.mark.parametrize(
    ("text", "rtl", "order"),
    [
        ("abc אבג 123 def", False, ["abc ", "123", "אבג ", " def"]),
        ("אבג abc 123 דה", True, [" דה", "abc 123", "אבג "]),
        ("Revenue (إيرادات) 2020", False, ["Revenue (", "إيرادات", ") ", "2020"]),
        ("مبيعات 1,234.5 مليون", True, [" مليون", "1,234.5", "مبيعات "]),
        ("2020", True, ["2020"]),
        ("", True, []),
    ],
)
def test_runs_stand_in_visual_order(text: str, rtl: bool, order: list[str]) -> None:
    assert [piece for piece, _ in visual_runs(text, rtl)] == order


@shaping
@pytest.mark.parametrize(
    "text",
    [
        "אבג (abc) 12% דה",
        "إيرادات 2020: 1,234.5 مليون",
        "Revenue (إيرادات) 2020",
        "الربح [صافي] A-B",
        "abc אבג 123 def",
        "שלום, עולם!",
        "नमस्ते (hello) १२",
    ],
)
def test_a_line_looks_as_raqm_sets_it_whole(text: str) -> None:
    rtl = right_to_left(text)
    whole = Image.new("L", (400, 60), 0)
    font = sized("FiraGO_Regular", 18, True)
    line = typeset(text, FONT, rtl)
    direction = "rtl" if rtl else "ltr"
    place = (10, 10 + line.ascent)
    features_off = ["-kern"]
    ImageDraw.Draw(whole).text(
        place, text, 255, font, anchor="ls", direction=direction, features=features_off
    )
    ours = drawn(text, rtl).astype(float).sum(axis=0)
    theirs = np.asarray(whole).astype(float).sum(axis=0)
    assert np.abs(np.cumsum(ours) - np.cumsum(theirs)).max() < 0.12 * theirs.sum()
    assert abs(line.width - font.getlength(text, direction=direction)) < 0.05 * line.width + 2


@shaping
def test_arabic_letters_are_joined() -> None:
    apart = sum(typeset(letter, FONT, True).width for letter in "بيت")
    assert typeset("بيت", FONT, True).width < 0.8 * apart


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u00a0b\tc", "a b c"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("\ufeffa\u200b\u00adb\x00\u202ec", "abc"),
        ("e\u0301", "é"),
        ("क\u094d\u200dष", "क\u094d\u200dष"),
        ("☎\ufe0f", "☎"),
    ],
)
def test_what_is_invisible_is_not_drawn(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_marks_and_conjuncts_stay_with_their_letter() -> None:
    assert list(clusters("किक्षx\u0301y")) == ["कि", "क्ष", "x\u0301", "y"]


@pytest.mark.parametrize("width", [60, 100, 200])
@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox jumps over the lazy dog",
        "归属于上市公司股东的净利润，以及其他综合收益",
        "x" * 80,
        "कर्मचारियों को दिए गए लाभ और अन्य प्रशासनिक व्यय",
        "one\ntwo\n\nthree",
    ],
)
def test_lines_are_no_wider_than_asked(text: str, width: int) -> None:
    lines = wrapped(text, FONT, width)
    assert all(line.width <= width + 1 for line in lines)
    assert "".join("".join(line.text for line in lines).split()) == "".join(text.split())


def test_a_comma_does_not_begin_a_line() -> None:
    text = "净利润，净利润，净利润，净利润，净利润，"
    for width in range(40, 120, 7):
        assert not any(line.text.startswith("，") for line in wrapped(text, FONT, width))


def test_a_letter_wider_than_the_line_stands_alone() -> None:
    assert [line.text for line in wrapped("WW", FONT, 2)] == ["W", "W"]


def test_widths_add_up() -> None:
    assert advance("Total 12", FONT) == pytest.approx(typeset("Total 12", FONT).width)
