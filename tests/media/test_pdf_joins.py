"""Where lines and blocks of a PDF meet: broken words, runs over columns, headings, lists."""

from __future__ import annotations

from collections.abc import Callable

import pymupdf
import pytest

from cauldron.media.pdf import PdfFacts, PdfPage, read_pages
from cauldron.media.pdf_document import interleaved
from cauldron.media.pdf_joins import continues, joined
from cauldron.media.pdf_parts import TextLine

LONG = "A sentence that is not finished at the end of the column because"


@pytest.mark.parametrize(
    ("first", "second", "known", "whole"),
    [
        ("an adip-", "iscing elit", set(), "an adipiscing elit"),
        ("a well-", "known fact", {"well-known"}, "a well-known fact"),
        ("a well-", "known fact", {"well-known", "wellknown"}, "a wellknown fact"),
        ("state-of-the-", "art work", set(), "state-of-the-art work"),
        ("soft\u00ad", "ware", {"soft-ware"}, "software"),
        ("INTER-", "NATIONAL", set(), "INTERNATIONAL"),
        ("pre-", "and post-war", set(), "pre- and post-war"),
        ("pages 10-", "20 here", set(), "pages 10-20 here"),
        ("the Anglo-", "Saxon king", set(), "the Anglo-Saxon king"),
        ("credit\u2014", "in the hope", set(), "credit\u2014in the hope"),
        ("see http://", "www.example.org/a", set(), "see http://www.example.org/a"),
        ("see www.example.org/", "and more", set(), "see www.example.org/ and more"),
        ("\u4e2d\u6587", "\u8bed\u8a00", set(), "\u4e2d\u6587\u8bed\u8a00"),
        ("\ud55c\uad6d\uc5b4", "\ubb38\uc7a5", set(), "\ud55c\uad6d\uc5b4 \ubb38\uc7a5"),
        ("two", "words", set(), "two words"),
    ],
)
def test_lines_are_joined(first: str, second: str, known: set[str], whole: str) -> None:
    assert joined(first, second, known) == whole


def test_a_heading_is_not_run_into_the_next_paragraph() -> None:
    assert not continues("Introduction", "the text begins")


@pytest.mark.parametrize(
    ("text", "following", "alike", "runs_on"),
    [
        (LONG, "it goes on", False, True),
        (LONG, "Anna goes on", True, True),
        (LONG, "Anna goes on", False, False),
        (LONG + " it rained.", "and more", True, False),
        (LONG + " (as was said)", "it rained", False, True),
        ("\u6587" * 70, "\u6587\u7ae0", False, True),
    ],
)
def test_a_paragraph_runs_on(text: str, following: str, alike: bool, runs_on: bool) -> None:
    assert continues(text, following, alike=alike) is runs_on


def column(
    block: int, x: float, y: float, *texts: str, size: float = 10, font: str = "Body"
) -> list[TextLine]:
    return [
        TextLine(
            block=block,
            box=(x, y + 12 * n, x + 5 * len(text), y + 12 * n + 10),
            size=size,
            text=text,
            font=font,
        )
        for n, text in enumerate(texts)
    ]


def text_of(*lines: TextLine) -> str:
    page = PdfPage(number=1, kind="digital", width=600, height=800, lines=lines)
    (text,), _ = interleaved([page])
    return str(text)


def test_a_paragraph_runs_on_over_a_footnote_and_the_gutter() -> None:
    left = column(
        0, 50, 100, "The first column holds a sentence", "of a town in the north where the"
    )
    left += column(
        0, 50, 124, "people speak of the old and of the", "new harbour, and its mayor is Mrs"
    )
    note = column(1, 50, 600, "1 As told by the paper of the town.", size=7)
    right = column(2, 320, 100, "Brown, who lives at the harbour herself,", "and likes it there.")
    text = text_of(*left, *note, *right)
    assert "its mayor is Mrs Brown, who lives" in " ".join(text.split())
    assert text.endswith("1 As told by the paper of the town.")


def test_a_heading_in_other_type_is_a_paragraph_of_its_own() -> None:
    head = column(0, 50, 100, "The context", font="Bold")
    body = column(0, 50, 112, "The term stands for much and", "means little in the end of it")
    assert text_of(*head, *body).startswith("The context\n\nThe term")


def test_each_item_of_a_list_is_a_paragraph() -> None:
    lines = column(0, 50, 100, "[1] A. Smith. On harbours and their")
    lines += column(0, 62, 112, "people. 1999.")
    lines += column(0, 50, 124, "[2] B. Jones. The sea and the ships")
    assert text_of(*lines) == (
        "[1] A. Smith. On harbours and their people. 1999.\n\n[2] B. Jones. The sea and the ships"
    )


def test_a_mark_without_letters_is_a_bullet() -> None:
    assert (
        text_of(*column(0, 50, 100, "\x02 Security of the town")) == "\u2022 Security of the town"
    )


def font_with(table: str, said: str = "diAcult to say, eAcient to do") -> Callable[[], bytes]:
    """Return a file whose font draws `f_f_i` for the letter A, and has this table of letters."""

    def make() -> bytes:
        with pymupdf.open() as document:
            page = document.new_page()
            page.insert_text((72, 72), said, fontname="helv")
            font = page.get_fonts()[0][0]
            named = "<</Type/Encoding/Differences[65 /f_f_i]>>"
            document.xref_set_key(font, "Encoding", named)
            place = document.get_new_xref()
            document.update_object(place, "<<>>")
            document.update_stream(place, table.encode())
            document.xref_set_key(font, "ToUnicode", f"{place} 0 R")
            return bytes(document.tobytes())

    return make


TABLE = (
    "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00><FF> "
    "endcodespacerange 2 beginbfrange <20><7e><0020> <41><41><0021> endbfrange endcmap end end"
)


@pytest.mark.parametrize("damage", ["", "endcmap"])
def test_ligatures_are_read_from_the_names_of_their_glyphs(damage: str) -> None:
    table = TABLE.replace(damage, "") if damage else TABLE
    (page,) = read_pages(font_with(table)(), PdfFacts())
    word = "di!cult" if damage else "difficult"
    assert page.lines[0].text.startswith(word)


def test_words_that_stand_close_are_parted() -> None:
    def draw(page: pymupdf.Page) -> None:
        words = ("Longnoncoding RNA (ncRNA), which consists of more and has little").split()
        x = 50.0
        for word in words:
            page.insert_text((x, 100), word, fontsize=10)
            x += pymupdf.get_text_length(word, fontsize=10) + 1.3

    with pymupdf.open() as document:
        draw(document.new_page())
        data = bytes(document.tobytes())
    (page,) = read_pages(data, PdfFacts())
    assert page.lines[0].text == "Longnoncoding RNA (ncRNA), which consists of more and has little"


def test_a_line_that_goes_on_in_another_block_is_one_line() -> None:
    first = column(0, 50, 100, "We can now set a sequence", "that begins with n'")
    index = [TextLine(block=1, box=(144, 112, 200, 122), size=10, text="1 and m in it")]
    rest = column(1, 50, 124, "and goes on to the end.")
    assert "begins with n' 1 and m in it and goes" in text_of(*first, *index, *rest)


def test_text_runs_around_a_figure_that_reaches_into_its_column() -> None:
    left = column(0, 50, 100, *["left words of the column that go"] * 4)
    left += column(1, 50, 160, *["left, narrow words"] * 3)
    right = column(2, 300, 100, *["right words of the column that go"] * 4)
    caption = column(3, 180, 190, "Figure 1: all of it stands here in the middle of it")
    text = text_of(*left, *right, *caption)
    assert text.rindex("left, narrow") < text.index("right words") < text.index("Figure 1")


def test_heads_of_a_single_page_leave_the_text() -> None:
    head = [
        TextLine(block=0, box=(50, 20, 150, 30), size=8, text="Advocacy in Action"),
        TextLine(block=0, box=(500, 20, 520, 30), size=8, text="447"),
    ]
    body = column(1, 50, 100, "The text of the page stands here.", ". . . . . . . . . . . .")
    assert text_of(*head, *body) == "The text of the page stands here."


def test_columns_of_a_scan_are_parted_where_few_lines_stand_in_a_block() -> None:
    def rows(block: int, first: int, last: int) -> list[TextLine]:
        out = []
        for n in range(first, last):
            out += column(block, 50, 100 + 12 * n, f"left words of line {n} of the column")
            out += column(block, 300, 100 + 12 * n, f"right words of line {n} of the column")
        return out

    text = " ".join(text_of(*rows(0, 0, 6), *rows(1, 6, 8)).split())
    assert "left words of line 5 of the column left words of line 6" in text
    assert text.index("left words of line 7") < text.index("right words of line 0")


def test_the_foot_of_a_journal_leaves_the_text_of_a_single_page() -> None:
    body = column(0, 50, 100, "The text of the page stands here.")
    parts = ("PLOS Diseases", "www.plos.example", "1", "Volume 8")
    foot = [
        TextLine(block=1, box=(50 + 130 * n, 770, 140 + 130 * n, 778), size=8, text=part)
        for n, part in enumerate(parts)
    ]
    assert text_of(*body, *foot) == "The text of the page stands here."


def test_a_glyph_of_lam_and_alef_is_told_in_the_order_of_its_letters() -> None:
    letters = "<41> <06440625> <42> <0627> <43> <0646>"
    table = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange "
        f"<00><FF> endcodespacerange 3 beginbfchar {letters} endbfchar endcmap end end"
    )
    (page,) = read_pages(font_with(table, "CAB")(), PdfFacts())
    assert page.lines[0].text == "\u0627\u0644\u0625\u0646"
