"""Drawn tables: nothing cut, nothing left out, legible, the same bytes for the same input."""

from __future__ import annotations

import io
import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from cauldron.media.images import ImageError, inspect, open_rgb
from cauldron.media.lines import clean, draw_line
from cauldron.media.table_layout import FIT_PX, Layout, lay_out
from cauldron.media.table_style import MIN_TEXT_PX, PALETTES, Color, Palette, style_of
from cauldron.media.tables import Table, draw_table, table_of

LATIN = [["", "2020", "2019"], ["Revenue", "$5.0", "$4.0"], ["Costs, net of tax", "(1.2)", "—"]]
CHINESE = [
    ["项目", "2020年"],
    ["归属于上市公司股东的净利润以及其他综合收益总额，扣除非经常性损益后的净额", "￥1,234"],
]
ARABIC = [
    ["البند", "2020"],
    ["صافي الدخل العائد إلى مساهمي الشركة (بالملايين)", "١٢٫٥"],
]
HINDI = [["विवरण", "२०२०"], ["कर्मचारियों को दिए गए लाभ और अन्य प्रशासनिक व्यय", "₹९८७"]]
MIXED = [["ქართული", "አማርኛ", "বাংলা ক্ষ"], ["தமிழ் கொ", "ไทยน้ำ", "日本語 한국어 Ελλ Рус"]]
LONG = [["n", "name"], *([str(n), f"row {n}"] for n in range(300))]
WIDE = [[f"column {n}" for n in range(40)], [f"{n * 917:,}" for n in range(40)]]
WORDY = [["a", "b"], ["x", "https://example.org/" + "abc" * 150], ["word " * 300, "y"]]
MERGED = table_of(
    [
        ["", "Years ended December 31,", "", "Change"],
        ["", "2020", "2019", ""],
        ["x", "1", "2", "3"],
    ],
    header_rows=2,
    merges=[(0, 0, 2, 1), (0, 1, 1, 2), (0, 3, 2, 1)],
)
TABLES = {
    "latin": table_of(LATIN),
    "chinese": table_of(CHINESE),
    "arabic": table_of(ARABIC),
    "hindi": table_of(HINDI),
    "mixed": table_of(MIXED),
    "long": table_of(LONG),
    "wide": table_of(WIDE),
    "wordy": table_of(WORDY),
    "merged": MERGED,
}


def reason(rows: list[list[str]]) -> str:
    with pytest.raises(ImageError) as caught:
        draw_table(table_of(rows), 0)
    return caught.value.reason


def ink_outside(layout: Layout) -> list[str]:
    """Return the texts of cells with a pixel of ink outside the cell."""
    out = []
    for box in layout.boxes:
        sheet = Image.new("L", (layout.width + 200, layout.height + 200), 0)
        pen = ImageDraw.Draw(sheet)
        for placed in box.lines:
            draw_line(pen, placed.line, placed.x + 100, placed.y + 100, 255)
        inked = sheet.getbbox()
        cell = (box.left + 100, box.top + 100, box.right + 100, box.bottom + 100)
        if inked and any(
            (*(np.subtract(inked, cell)[:2] < 0), *(np.subtract(inked, cell)[2:] > 0))
        ):
            out.append(box.cell.text)
    return out


def letters(text: str) -> str:
    return "".join(clean(text).split())


@pytest.mark.parametrize("style", [0, 1, 2, 5])
@pytest.mark.parametrize("name", [n for n in TABLES if n not in ("long", "wide")])
def test_no_ink_leaves_its_cell(name: str, style: int) -> None:
    assert ink_outside(lay_out(TABLES[name], style)) == []


@pytest.mark.parametrize("name", ["long", "wide"])
def test_no_line_of_a_large_table_leaves_its_cell(name: str) -> None:
    for box in lay_out(TABLES[name], 3).boxes:
        for placed in box.lines:
            assert box.left < placed.x and placed.x + placed.line.width < box.right
            assert box.top < placed.y and placed.y + placed.line.height < box.bottom


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_in_the_picture_with_all_its_text(name: str) -> None:
    layout = lay_out(TABLES[name], 4)
    assert len(layout.boxes) == len(TABLES[name].cells)
    for box in layout.boxes:
        assert letters(box.cell.text) == letters("".join(p.line.text for p in box.lines))
        assert 0 <= box.left < box.right <= layout.width
        assert 0 <= box.top < box.bottom <= layout.height


@pytest.mark.parametrize("name", TABLES)
def test_cells_do_not_overlap(name: str) -> None:
    layout = lay_out(TABLES[name], 6)
    taken = np.zeros((layout.height, layout.width), np.uint8)
    for box in layout.boxes:
        taken[box.top : box.bottom, box.left : box.right] += 1
    assert taken.max() == 1


@pytest.mark.parametrize("style", range(24))
def test_an_ordinary_table_fits_and_stays_legible(style: int) -> None:
    rows = [["", "2020", "2019", "2018", "Change", "%"]]
    rows += [[f"Cost of sales and related party expenses {n}", *["1,234.5"] * 5] for n in range(19)]
    drawing = draw_table(table_of(rows), style)
    assert max(inspect(drawing.png).width, inspect(drawing.png).height) <= FIT_PX
    assert drawing.facts["fitted_text_px"] >= MIN_TEXT_PX


def test_a_long_table_keeps_its_text_size_and_says_how_small_it_gets() -> None:
    facts = draw_table(table_of(LONG), 0).facts
    assert facts["text_px"] == MIN_TEXT_PX and facts["height"] > FIT_PX
    assert facts["fitted_text_px"] == round(MIN_TEXT_PX * FIT_PX / facts["height"], 1)


def test_equal_input_gives_equal_bytes() -> None:
    assert draw_table(MERGED, 7).png == draw_table(MERGED, 7).png


def test_styles_differ() -> None:
    assert len({draw_table(TABLES["latin"], style).png for style in range(20)}) >= 18


def luminance(color: Color) -> float:
    """Return relative luminance. From: WCAG 2.2."""
    linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Color, other: Color) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", PALETTES)
def test_text_has_a_contrast_of_seven_to_one(palette: Palette) -> None:
    p = palette
    pairs = [(p.text, p.paper), (p.text, p.stripe), (p.header_text, p.header)]
    assert min(itertools.starmap(contrast, pairs)) >= 7


def test_the_picture_shows_text_colour_on_the_header_fill() -> None:
    style = next(n for n in range(50) if style_of(n).palette is PALETTES[2])
    drawing = draw_table(TABLES["latin"], style)
    pixels = np.asarray(open_rgb(drawing.png)).reshape(-1, 3)
    colours = set(map(tuple, pixels.tolist()))
    assert {PALETTES[2].header, PALETTES[2].text, PALETTES[2].paper} <= colours


def test_numbers_stand_at_the_right_of_their_column() -> None:
    layout = lay_out(TABLES["latin"], 0)
    column = [box for box in layout.boxes if box.cell.column == 1 and box.cell.row > 0]
    ends = {box.right - (p.x + -(-p.line.width // 1)) for box in column for p in box.lines}
    assert ends == {layout.style.pad_x}


def test_a_table_in_arabic_begins_at_the_right() -> None:
    first, second = lay_out(TABLES["arabic"], 0).boxes[:2]
    assert first.left > second.left


def test_a_merged_header_covers_its_columns() -> None:
    boxes = {(b.cell.row, b.cell.column): b for b in lay_out(MERGED, 0).boxes}
    merged, left, right = boxes[0, 1], boxes[1, 1], boxes[1, 2]
    assert (merged.left, merged.right) == (left.left, right.right)
    assert merged.bottom <= left.top and boxes[0, 0].bottom == left.bottom


@pytest.mark.parametrize(
    "merge", [(0, 0, 1, 2), (0, 0, 9, 1), (-1, 0, 2, 1), (0, 0, 0, 0), (0, 0, 10**9, 10**9)]
)
def test_a_merge_that_hides_a_text_or_leaves_the_grid_is_not_made(merge: tuple[int, ...]) -> None:
    rows = [["a", "b"], ["c", "d"]]
    assert table_of(rows, merges=[merge]) == table_of(rows)  # type: ignore[list-item]


def test_of_two_overlapping_merges_the_first_is_made() -> None:
    table = table_of([["a", "", ""], ["", "", ""]], merges=[(0, 0, 1, 2), (0, 1, 2, 2)])
    assert [(c.rows, c.columns) for c in table.cells if (c.rows, c.columns) != (1, 1)] == [(1, 2)]


def test_short_rows_are_filled_up() -> None:
    assert len(table_of([["a", "b", "c"], ["d"]]).cells) == 6


@pytest.mark.parametrize("rows", [[], [[]], [["", " "], ["\n", "\t"]]])
def test_a_table_without_text_is_empty(rows: list[list[str]]) -> None:
    assert reason(rows) == "table_empty"


@pytest.mark.parametrize(
    "rows",
    [[["x"]] * 1001, [["x"] * 101], [["x"] * 60] * 200, [["x" * 100_001]]],
    ids=["rows", "columns", "cells", "characters"],
)
def test_a_table_past_the_limits_is_too_large(rows: list[list[str]]) -> None:
    assert reason(rows) == "table_too_large"


def test_a_picture_past_the_limit_is_too_large() -> None:
    assert reason([["x\n" * 3_000]]) == "table_too_large"


def test_a_character_that_no_font_has_is_an_error() -> None:
    assert reason([["a", "\U0010fffd"]]) == "glyph_missing"


def test_a_cell_that_is_not_text_is_refused() -> None:
    with pytest.raises(TypeError, match="found int"):
        table_of([["a", 1]])  # type: ignore[list-item]


CELL = st.text(st.characters(codec="latin-1"), max_size=40)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=5), min_size=1, max_size=6),
    style=st.integers(),
)
def test_any_latin_table_is_drawn_whole_or_is_empty(rows: list[list[str]], style: int) -> None:
    try:
        table: Table = table_of(rows)
        layout = lay_out(table, style)
    except ImageError as error:
        assert error.reason == "table_empty"
        return
    assert ink_outside(layout) == []
    for box in layout.boxes:
        assert letters(box.cell.text) == letters("".join(p.line.text for p in box.lines))


def test_a_table_of_ordinary_size_is_drawn_fast() -> None:
    rows = [[f"Line item {r}", *(f"{r * c * 7919:,}" for c in range(1, 6))] for r in range(20)]
    draw_table(table_of(rows), 0)
    spent = []
    for _ in range(5):
        start = time.process_time()
        draw_table(table_of(rows), 0)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.05  # about 0.01 s on one core of 2024; the rest is for slow machines


def test_the_png_opens_as_it_was_laid_out() -> None:
    drawing = draw_table(TABLES["mixed"], 2)
    with Image.open(io.BytesIO(drawing.png)) as image:
        image.load()
        assert image.size == (drawing.layout.width, drawing.layout.height)
