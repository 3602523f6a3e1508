"""PDF files: reading order, words, figures, page classes, and a library that may die."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image

from cauldron.media import pdf
from cauldron.media.limits import LIMITS, Limits
from cauldron.media.pdf import PdfAsked, PdfError, PdfFacts, PdfPage, read_pages
from cauldron.media.pdf_document import interleaved, transcript
from cauldron.media.pdf_layout import blocks_in_order
from cauldron.media.pdf_parts import Figure, TextLine
from cauldron.media.pdf_text import MAX_GARBLED, garbled_share
from tests.conftest import picture

pymupdf = pytest.importorskip("pymupdf")
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")

LINE = "These words fill a line of the column well enough."


def made(*draw: Callable[[pymupdf.Page], object], size: tuple[int, int] = (595, 842)) -> bytes:
    """Return a PDF with one page for each function that draws one."""
    with pymupdf.open() as document:
        for function in draw:
            function(document.new_page(width=size[0], height=size[1]))
        data: bytes = document.tobytes(deflate=True, no_new_id=True)
        return data


def write(
    page: pymupdf.Page, x: float, y: float, *lines: str, size: float = 11, **how: int
) -> None:
    """Write lines below each other."""
    page.insert_text((x, y), list(lines), fontsize=size, **how)


def photo(width: int = 300, height: int = 200, format_: str = "JPEG") -> bytes:
    """Return a picture with detail, so that it is no background."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x % 256, y % 256, (x + y) % 256], axis=2).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format_)
    return out.getvalue()


def pages_of(data: bytes, limits: Limits = LIMITS, **asked: Any) -> list[PdfPage]:
    return list(read_pages(data, PdfFacts(), PdfAsked(**asked), limits=limits))


def document(data: bytes) -> tuple[list[str], dict[str, int]]:
    """Return texts and `WIDTHxHEIGHT kind` of figures in order, and the notes."""
    parts, notes = interleaved(pages_of(data))
    return [_shown(part) for part in parts], notes


def _shown(part: str | Figure) -> str:
    return part if isinstance(part, str) else f"{part.width}x{part.height} {part.kind}"


def test_the_left_column_is_read_before_the_right_one() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 200, 80, "A title over both columns", size=16)
        for row in range(3):
            write(page, 50, 150 + 90 * row, f"left {row}", *[LINE] * 3, size=9)
            write(page, 320, 150 + 90 * row, f"right {row}", *[LINE] * 3, size=9)

    (text,), _ = document(made(draw))
    words = ["A title", "left 0", "left 1", "left 2", "right 0", "right 1", "right 2"]
    assert [text.index(word) for word in words] == sorted(text.index(word) for word in words)


def test_a_box_beside_wrapped_text_does_not_cut_it() -> None:
    def draw(page: pymupdf.Page) -> None:
        wide = "and below the box the line runs on over the whole width of the page as before"
        write(page, 50, 100, *["Running text beside a box, line by line,"] * 5, wide, size=10)
        write(page, 350, 95, *["A fact inside of the box"] * 2, "The end", size=10)

    (text,), _ = document(made(draw))
    assert "line by line, and below the box" in text
    assert text.endswith("The end")


def test_a_figure_stands_where_it_is_painted_and_keeps_its_jpeg_bytes() -> None:
    data = photo()

    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 100, "Before the picture.")
        page.insert_image(pymupdf.Rect(50, 150, 350, 350), stream=data)
        write(page, 50, 370, "Figure 1: A pattern.")
        write(page, 50, 400, "After the picture.")

    parts, _ = interleaved(pages_of(made(draw)))
    before, figure, after = parts
    assert before == "Before the picture."
    assert isinstance(figure, Figure)
    assert (figure.kind, figure.data) == ("original", data)
    assert after == "Figure 1: A pattern.\n\nAfter the picture."


def test_a_picture_whose_colours_are_inverted_in_painting_is_rendered() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 100, "Text.")
        xref = page.insert_image(pymupdf.Rect(50, 150, 350, 350), stream=photo())
        page.parent.xref_set_key(xref, "Decode", "[1 0 1 0 1 0]")

    assert document(made(draw))[0][1].endswith("rendered")


def test_a_picture_without_loss_keeps_its_pixels() -> None:
    source = photo(format_="PNG")

    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 100, "Text.")
        page.insert_image(pymupdf.Rect(50, 150, 350, 350), stream=source)

    _, figure = interleaved(pages_of(made(draw)))[0]
    assert isinstance(figure, Figure)
    assert figure.kind == "pixels"
    shown = np.asarray(Image.open(io.BytesIO(figure.data)))
    assert np.array_equal(shown, np.asarray(Image.open(io.BytesIO(source))))


def test_a_drawn_chart_is_rendered_whole_and_its_labels_leave_the_text() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 80, "The chart shows the yearly sums.")
        for number in range(8):
            top = 300 - 20 * number
            page.draw_rect((100 + 30 * number, top, 128 + 30 * number, 320), fill=(0, 0, 1))
        write(page, 150, 200, "peak", size=8)
        write(page, 50, 400, "Text below the chart.")

    parts, _ = document(made(draw))
    assert [parts[0], parts[2]] == ["The chart shows the yearly sums.", "Text below the chart."]
    width, height = map(int, parts[1].removesuffix(" rendered").split("x"))
    assert width > 450
    assert height > 300


def test_a_ruled_table_is_text_and_no_figure() -> None:
    def draw(page: pymupdf.Page) -> None:
        for row in range(6):
            page.draw_rect((50, 100 + 20 * row, 450, 120 + 20 * row), color=(0, 0, 0))
            for column in range(4):
                write(page, 60 + 100 * column, 114 + 20 * row, f"cell {row}.{column} here", size=12)

    parts, _ = document(made(draw))
    assert len(parts) == 1
    assert "cell 5.3" in parts[0]


def test_a_small_logo_and_a_picture_on_every_page_are_no_figures() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 300, f"Text of page {page.number}.")
        page.insert_image(pymupdf.Rect(50, 50, 80, 80), stream=picture())
        page.insert_image(pymupdf.Rect(300, 50, 450, 150), stream=photo())

    (text,), notes = document(made(draw, draw, draw))
    assert notes == {"furniture_figure": 3}
    assert text.count("Text of page") == 3


def test_heads_and_page_numbers_are_taken_out_and_repeated_text_stays() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 40, f"Yearly report, part {page.number + 1}")
        write(page, 50, 90, f"Chapter {'ABC'[page.number]}")
        write(page, 50, 120, "The same sentence stands here.")
        write(page, 290, 815, f"- {page.number + 1} -")

    (text,), notes = document(made(draw, draw, draw))
    assert notes == {"furniture_line": 6}
    assert text.count("The same sentence stands here.") == 3
    assert "Yearly" not in text


def test_a_page_of_nothing_but_repeated_lines_keeps_them() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 60, "Only this.")

    assert document(made(draw, draw))[0] == ["Only this.\n\nOnly this."]


def test_paragraphs_run_on_over_pages() -> None:
    first = "A long sentence that is not finished at the end of this first page because it"
    both = made(
        lambda page: write(page, 50, 400, first),
        lambda page: write(page, 50, 400, "goes on at the top of the second one."),
    )
    assert document(both)[0] == [f"{first} goes on at the top of the second one."]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_text_of_a_turned_page_comes_in_order(turn: int) -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 100, 200, "First line", "and second line.")
        write(page, 100, 400, "Third line.")
        page.set_rotation(turn)

    assert document(made(draw))[0] == ["First line and second line.\n\nThird line."]


def test_lines_across_the_text_are_counted_and_left_out() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 100, 200, "Upright text of the page.")
        write(page, 30, 600, "stamp", rotate=90)

    assert document(made(draw)) == (["Upright text of the page."], {"turned_line": 1})


def test_a_drop_cap_joins_its_word() -> None:
    lines = [
        TextLine(block=0, box=(50, 100, 70, 130), size=30, text="O"),
        TextLine(block=1, box=(72, 100, 300, 112), size=11, text="ver the past"),
        TextLine(block=1, box=(50, 134, 300, 146), size=11, text="years"),
    ]
    (block,) = blocks_in_order(lines, [], 595)
    assert block.lines[0].text == "Over the past"


def test_one_word_a_line_on_one_baseline_is_one_line() -> None:
    words = ["judged", "simply", "as", "a"]
    lines = [
        TextLine(block=0, box=(50 + 60 * n, 100, 90 + 60 * n, 112), size=11, text=word)
        for n, word in enumerate(words)
    ]
    (block,) = blocks_in_order(lines, [], 595)
    assert [line.text for line in block.lines] == ["judged simply as a"]


def test_right_to_left_columns_are_read_from_the_right() -> None:
    def column(block: int, x: float, word: str) -> list[TextLine]:
        return [
            TextLine(block=block, box=(x, 100 + 14 * n, x + 200, 112 + 14 * n), size=11, text=word)
            for n in range(4)
        ]

    blocks = blocks_in_order(column(0, 50, "יסרת") + column(1, 300, "ימין"), [], 595)
    assert [block.lines[0].text for block in blocks] == ["ימין", "יסרת"]


def test_ligatures_are_spelt_out_and_unknown_letters_leave_a_gap() -> None:
    line = TextLine(block=0, box=(0, 0, 9, 9), size=9, text="ef\ufb01cient\ufffd\ufffdo\ufb03ce")
    page = PdfPage(number=1, kind="digital", width=100, height=100, lines=(line,))
    assert transcript(page) == "efficient office"


def test_words_without_blanks_are_parted_by_their_gaps() -> None:
    def draw(page: pymupdf.Page) -> None:
        x = 50.0
        for word in ("Composition", "of", "the", "pretraining", "data"):
            write(page, x, 100, word, size=10)
            x += pymupdf.get_text_length(word, fontsize=10) + 1.3

    assert document(made(draw))[0] == ["Composition of the pretraining data"]


ENGLISH = "the letters of this page stand for what they are and that is as it should be " * 6


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        (ENGLISH, False),
        ("\ue012\ue013\ue014 " * 60, True),
        ("úrrnbhZshnm qzXvKkLp bnZZhnM " * 30, True),
        ("x y z q w " * 30, True),
        ("Lorem ipsum dolor sit amet ut labore et dolore " * 8, False),
        ("表の中の文字は読める文字である。" * 10, False),
        ("a \ufffd", False),
    ],
)
def test_garbled_text_is_told_from_text(text: str, garbled: bool) -> None:
    assert (MAX_GARBLED < garbled_share(text) <= 1) == garbled


def scan(page: pymupdf.Page) -> None:
    page.insert_image(page.rect, stream=photo(400, 566))


def scan_with_text(page: pymupdf.Page) -> None:
    scan(page)
    write(page, 50, 100, "Words that were recognised on the scan.", render_mode=3)


@pytest.mark.parametrize(
    ("draw", "kind"),
    [
        (lambda page: write(page, 50, 100, "Text."), "digital"),
        (scan, "scanned"),
        (scan_with_text, "scanned_with_ocr"),
        (lambda page: None, "blank"),
        (lambda page: write(page, 50, 100, *["úrrnbhZshnm qzXvKkLp bnZZhnM"] * 30), "garbled"),
    ],
)
def test_a_page_has_a_class(draw: Callable[[pymupdf.Page], object], kind: str) -> None:
    assert [page.kind for page in pages_of(made(draw))] == [kind]


def test_pages_without_text_are_counted() -> None:
    data = made(scan, lambda page: None, lambda page: write(page, 50, 100, "Text."))
    assert document(data) == (["Text."], {"page_blank": 1, "page_without_text": 1})


def test_a_page_is_rendered_at_the_scale_of_its_picture_within_the_limit() -> None:
    small = made(
        lambda page: page.insert_image(page.rect, stream=photo(900, 1500)), size=(180, 300)
    )
    (page,) = pages_of(small, pictures=True)
    assert Image.open(io.BytesIO(page.picture or b"")).size == (900, 1500)
    (page,) = pages_of(made(lambda page: None, size=(14_400, 14_400)), pictures=True)
    assert max(Image.open(io.BytesIO(page.picture or b"")).size) <= 2_048


def encrypted() -> bytes:
    with pymupdf.open() as document:
        document.new_page()
        data: bytes = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, user_pw="secret")
        return data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encrypted(), "encrypted"),
        (b"", "damaged"),
        (b"<html>", "damaged"),
        (b"%PDF-1.4", "damaged"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(PdfError) as caught:
        pages_of(data)
    assert caught.value.reason == reason


def test_a_file_over_the_limit_is_refused() -> None:
    with pytest.raises(PdfError, match="too_large"):
        pages_of(b"%PDF" + bytes(100), limits=Limits(max_pdf_bytes=50))


def test_a_file_locked_with_the_empty_password_is_read() -> None:
    with pymupdf.open() as document:
        write(document.new_page(), 50, 100, "Open to all.")
        data = document.tobytes(encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="x", user_pw="")
    assert pages_of(data)[0].lines[0].text == "Open to all."


def endless() -> bytes:
    """Return a PDF whose page draws ten times what draws ten times ..., twelve deep."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]
    objects.append(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R"
        b"/Resources<</XObject<</X 5 0 R>>>>>>"
    )
    objects.append(b"<</Length 5>>stream\n/X Do\nendstream")
    for number in range(5, 17):
        inner = b"/X Do " * 10 if number < 16 else b"0 0 1 1 re f"
        objects.append(
            b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length %d"
            b"/Resources<</XObject<</X %d 0 R>>>>>>stream\n%s\nendstream"
            % (len(inner), number + 1, inner)
        )
    out = b"%PDF-1.4\n"
    for number, body in enumerate(objects, start=1):
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    return out + b"trailer<</Root 1 0 R>>\n"


def test_a_page_without_end_costs_one_file_and_the_next_is_read() -> None:
    with pytest.raises(PdfError) as caught:
        pages_of(endless(), limits=Limits(max_pdf_page_s=0.5))
    assert caught.value.reason == "timeout"
    assert document(made(lambda page: write(page, 50, 100, "Next.")))[0] == ["Next."]


def test_a_crash_of_the_library_costs_one_file_and_the_next_is_read() -> None:
    data = made(*[lambda page: write(page, 50, 100, "Text.")] * 50)
    reading = read_pages(data, PdfFacts(), PdfAsked(pictures=True))
    next(reading)
    os.kill(pdf._Child.current()._process.pid, signal.SIGSEGV)
    with pytest.raises(PdfError, match="damaged"):
        list(reading)
    assert len(pages_of(data)) == 50


def test_a_file_left_half_read_does_not_disturb_the_next() -> None:
    data = made(*[lambda page: write(page, 50, 100, "Text.")] * 3)
    reading = read_pages(data, PdfFacts())
    next(reading)
    reading.close()
    assert len(pages_of(data)) == 3


def test_a_file_without_pages_does_not_cost_the_process() -> None:
    """A new process takes half a second: a source of many such files would take hours."""
    data = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    data += b"2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\ntrailer<</Root 1 0 R>>\n"
    process = pdf._Child.current()
    with pytest.raises(PdfError, match="no_pages"):
        pages_of(data)
    assert pdf._Child.current() is process


def test_pages_past_the_limit_are_left_out() -> None:
    data = made(*[lambda page: write(page, 50, 100, "Text.")] * 3)
    facts = PdfFacts()
    assert len(list(read_pages(data, facts, limits=Limits(max_pdf_pages=2)))) == 2
    assert facts.pages == 3


def test_equal_bytes_give_equal_results() -> None:
    data = made(scan_with_text, lambda page: write(page, 50, 100, "Text."))
    assert pages_of(data, pictures=True) == pages_of(data, pictures=True)


def test_no_hostile_file_breaks_the_reader(slices: Path) -> None:
    reasons = []
    for path in sorted((slices / "bad_inputs/pdf").iterdir()):
        try:
            interleaved(pages_of(path.read_bytes()))
        except PdfError as error:
            reasons.append(error.reason)
    assert (reasons.count("damaged"), reasons.count("encrypted"), len(reasons)) == (9, 1, 10)


def expected(slices: Path) -> dict[str, dict]:
    wanted: dict[str, dict] = orjson.loads((slices / "pdf/expected.json").read_bytes())["files"]
    return wanted


def test_real_files_read_as_a_person_would(slices: Path) -> None:
    for name, wanted in expected(slices).items():
        data = (slices / "pdf" / name).read_bytes()
        if wanted.get("refused"):
            with pytest.raises(PdfError, match=wanted["reason"]):
                pages_of(data)
            continue
        pages = pages_of(data)
        assert len(pages) == wanted["pages"], name
        parts, _ = interleaved(pages)
        shown = " ".join(" ".join(_shown(part).split()) for part in parts)
        at = 0
        for phrase in wanted.get("sequence", []):
            phrase = phrase if isinstance(phrase, str) else "{}x{}".format(*phrase["img"])
            at = shown.find(phrase, at)
            assert at >= 0, (name, phrase)
            at += len(phrase)
        assert [p for p in wanted.get("also_present", []) if p not in shown] == []
        assert [p for p in wanted.get("absent_hard", []) if p in shown] == []
        silent = [page.number for page in pages if not page.has_text]
        assert silent == wanted.get("pages_without_text", []), name
        if "figures" in wanted and not silent:
            assert sum(isinstance(part, Figure) for part in parts) == wanted["figures"], name
