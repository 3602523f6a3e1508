"""PDF pages of magazines and manuals: figures beside columns, captions beside each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cauldron.media.images import inspect
from cauldron.media.pdf import PdfAsked, PdfFacts, PdfPage, read_pages
from cauldron.media.pdf_document import interleaved
from cauldron.media.pdf_parts import Figure, TextLine
from cauldron.media.pdf_text import readable
from tests.conftest import picture

pymupdf = pytest.importorskip("pymupdf")
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")

LEFT = [f"Line {n} of the left column runs on without any end" for n in range(12)]
RIGHT = [f"and line {n} of the right column goes on from there" for n in range(4)]


def document(*draw: Callable[[pymupdf.Page], object]) -> list[str | Figure]:
    """Return the parts of a PDF with one page for each function that draws one."""
    with pymupdf.open() as made:
        for function in draw:
            function(made.new_page(width=595, height=842))
        data: bytes = made.tobytes(deflate=True, no_new_id=True)
    return interleaved(list(read_pages(data, PdfFacts(), PdfAsked())))[0]


def write(page: pymupdf.Page, x: float, y: float, *lines: str, size: float = 9) -> None:
    page.insert_text((x, y), list(lines), fontsize=size)


def framed(page: pymupdf.Page, frame: tuple[int, int, int, int], label: str) -> None:
    """Draw a frame with bars and a label in it; shadows of the bars reach out of the frame."""
    page.draw_rect(frame, color=(0, 0, 0))
    for number in range(7):
        x = frame[0] + 20 + 30 * number
        page.draw_rect((x, frame[1] + 30, x + 22, frame[3] - 20), fill=(0, 0.3, 0.8), color=None)
    page.draw_rect((frame[2] - 9, frame[3] - 30, frame[2] + 9, frame[3] - 12), fill=(0.9, 0.9, 0.9))
    write(page, frame[0] + 20, frame[1] + 20, label, size=8)


def manual(page: pymupdf.Page) -> None:
    """Draw two columns, each with a framed figure at its foot, of different heights."""
    write(page, 50, 300, *LEFT)
    write(page, 310, 300, *RIGHT)
    framed(page, (50, 480, 297, 600), "bolt")
    framed(page, (303, 380, 550, 600), "nut")
    write(page, 50, 615, "Figure 7-26. Bolts.", size=8)
    write(page, 303, 615, "Figure 7-27. Nuts.", size=8)


def test_figures_beside_each_other_do_not_swallow_the_text_between_them() -> None:
    parts = document(manual)
    text = " ".join(part for part in parts if isinstance(part, str))
    assert all(line in " ".join(text.split()) for line in (LEFT[0], LEFT[-1], RIGHT[-1]))
    assert sum(isinstance(part, Figure) for part in parts) == 2
    assert "bolt" not in text.split()


def test_a_paragraph_runs_on_past_a_figure_and_its_caption() -> None:
    parts = document(manual)
    text = " ".join(part for part in parts if isinstance(part, str))
    assert f"{LEFT[-1]} {RIGHT[0]}" in " ".join(text.split())


def test_captions_beside_each_other_are_two() -> None:
    text = " ".join(part for part in document(manual) if isinstance(part, str))
    assert "Bolts. |" not in text
    assert "Figure 7-26. Bolts." in text and "Figure 7-27. Nuts." in text


def test_a_caption_inside_a_drawing_stays_text() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 80, "Before.")
        framed(page, (50, 100, 400, 300), "peak")
        write(page, 60, 295, "Figure 3: A chart of sums.", size=8)
        write(page, 50, 340, "After.")

    text = " ".join(part for part in document(draw) if isinstance(part, str))
    assert "Figure 3: A chart of sums." in text


def line(text: str) -> TextLine:
    return TextLine(block=0, box=(0, 0, 100, 10), size=10, text=text)


def test_lines_of_unknown_letters_do_not_cost_the_page() -> None:
    good, bad = line("Words that can be read by all."), line("\ufffd\ufffd\ufffd x")
    assert readable([good, bad]) == [good]


def test_a_page_of_unknown_letters_stays_garbled() -> None:
    lines = [line("\ufffd" * 30), line("two words")]
    assert readable(lines) == lines


def test_left_out_lines_are_counted() -> None:
    page = PdfPage(number=1, kind="digital", width=100, height=100, unreadable=2)
    assert interleaved([page])[1] == {"garbled_line": 2}


def test_a_damaged_picture_does_not_cost_the_document() -> None:
    def draw(page: pymupdf.Page) -> None:
        write(page, 50, 80, "Text beside a damaged picture.")
        box = pymupdf.Rect(50, 100, 350, 300)
        xref = page.insert_image(box, stream=picture((9, 90, 200), "JPEG"))
        stored = page.parent.xref_stream_raw(xref)
        page.parent.update_stream(xref, stored[: len(stored) // 2], compress=False)
        page.parent.xref_set_key(xref, "Filter", "/DCTDecode")

    parts = document(draw)
    assert parts[0] == "Text beside a damaged picture."
    assert all(inspect(part.data) for part in parts if isinstance(part, Figure))


def airy(page: pymupdf.Page) -> None:
    """Draw two columns whose lines stand far apart; the file goes from line to line."""
    for number in range(8):
        begins = "Second, left," if number == 4 else "left column,"
        x = 62 if number == 4 else 50
        write(page, x, 100 + 19 * number, f"{begins} in a line that has number {number}")
        write(page, 310, 106 + 19 * number, f"right column, and a line that has number {number}")


def test_columns_with_white_between_their_lines_are_not_mixed() -> None:
    (text,) = document(airy)
    assert isinstance(text, str)
    words = [f"in a line that has number {n}" for n in range(8)]
    words += [f"and a line that has number {n}" for n in range(8)]
    places = [text.find(word) for word in words]
    assert places == sorted(places)
    assert places[0] >= 0


def test_lines_of_one_paragraph_are_joined_however_far_they_stand_apart() -> None:
    def draw(page: pymupdf.Page) -> None:
        for number in range(6):
            begins = "Second, left," if number == 4 else "left column,"
            x = 62 if number == 4 else 50
            y = 100 + (24 if number < 4 else 21) * number
            page.insert_text((x, y), f"{begins} in a line that has number {number}", fontsize=12)

    (text,) = document(draw)
    assert isinstance(text, str)
    first, second = text.split("\n\n")
    assert (first.count("left column"), second.count("left column")) == (4, 1)


def test_cells_that_stand_below_each_other_are_no_columns() -> None:
    def draw(page: pymupdf.Page) -> None:
        for number, name in enumerate(("Apples", "Pears from the north", "Plums", "Figs")):
            write(page, 50, 100 + 22 * number, name)
            write(page, 310, 100 + 22 * number, f"{number} boxes")

    (text,) = document(draw)
    assert isinstance(text, str)
    assert text.find("0 boxes") < text.find("Pears") < text.find("1 boxes")


@pytest.mark.parametrize("tone", [250, 120], ids=["light", "dark"])
def test_text_on_a_picture_that_is_its_ground_stays_text(tone: int) -> None:
    lines = [f"Line {n} of a summary in a box with a coloured ground" for n in range(5)]

    def draw(page: pymupdf.Page) -> None:
        height = 75 if tone < 200 else 240
        page.insert_image((40, 80, 330, 80 + height), stream=picture((tone, tone, tone)))
        write(page, 50, 100, *lines, size=11)

    parts = document(draw)
    assert [part for part in parts if isinstance(part, Figure)] == []
    assert all(line in str(parts[0]) for line in lines)


def test_a_dark_picture_with_a_few_lines_on_it_stays_a_figure() -> None:
    def draw(page: pymupdf.Page) -> None:
        page.insert_image((40, 80, 330, 400), stream=picture((60, 90, 30)))
        write(page, 50, 100, *(f"A line of words on a photograph, {n}" for n in range(3)), size=9)

    assert any(isinstance(part, Figure) for part in document(draw))
