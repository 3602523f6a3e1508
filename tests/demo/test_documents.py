"""Documents of the demo: PDF files that a PDF library opens, tars that name their pictures."""

from __future__ import annotations

import io
import tarfile

import orjson
import pyarrow.parquet as pq
import pytest

from cauldron.demo.articles import article, pages_of
from cauldron.demo.pdf_file import Figure, Line, pdf
from cauldron.demo.tree import rng_of

from .conftest import Trees


@pytest.mark.parametrize("columns", [1, 2])
def test_a_written_pdf_opens_with_its_text_and_pictures(columns: int) -> None:
    pymupdf = pytest.importorskip("pymupdf")
    told = article(rng_of(0, "pdf"), 8, 2)
    opened = pymupdf.open(stream=pdf(pages_of(told, columns)), filetype="pdf")
    text = " ".join(" ".join(page.get_text().split()) for page in opened)
    assert told.title in text
    for paragraph in told.paragraphs:
        assert paragraph.split(". ")[0] in text
    assert sum(len(page.get_images()) for page in opened) == 2
    assert pymupdf.TOOLS.mupdf_warnings() == ""


def test_signs_of_pdf_syntax_are_escaped() -> None:
    pymupdf = pytest.importorskip("pymupdf")
    written = pdf([[Line(x=50, y=50, text=r"(a) \ caf\u00e9 \053".replace(r"\u00e9", "é"))]])
    page = pymupdf.open(stream=written, filetype="pdf")[0]
    assert page.get_text().strip() == r"(a) \ café \053"


def test_nothing_is_set_outside_the_page() -> None:
    pages = pages_of(article(rng_of(3, "pdf"), 12, 2), 2)
    assert len(pages) > 1
    for item in (item for page in pages for item in page):
        bottom = item.y + item.height if isinstance(item, Figure) else item.y
        assert 0 <= item.x < 612 and 0 < bottom < 792


def test_pictures_of_obelics_lie_in_the_store_under_their_addresses(trees: Trees) -> None:
    table = pq.read_table(trees.folder / "obelics/data/train-00000-of-00001.parquet")
    named = {url for urls in table["images"].to_pylist() for url in urls if url}
    stored = set()
    with tarfile.open(trees.folder / "obelics_pictures/00000.tar") as tar:
        for member in tar.getmembers():
            if member.name.endswith(".json"):
                payload = tar.extractfile(member)
                assert payload is not None
                stored.add(orjson.loads(payload.read())["url"])
    assert len(stored) > 10
    assert stored < named  # one address has no picture
    assert len(named - stored) == 1


def test_texts_and_pictures_of_obelics_never_share_a_place(trees: Trees) -> None:
    table = pq.read_table(trees.folder / "obelics/data/train-00000-of-00001.parquet")
    for row in table.to_pylist():
        pairs = zip(row["images"], row["texts"], strict=False)
        assert all((image is None) != (text is None) for image, text in pairs)


def test_web_pages_come_in_three_encodings(trees: Trees) -> None:
    pages = [path.read_bytes() for path in sorted(trees.folder.glob("html/site*/page*.html"))]
    assert any(page.startswith(b"\xef\xbb\xbf") for page in pages)
    assert any(b"caf\xe9 " in page for page in pages)
    assert any(b"caf\xc3\xa9 " in page and not page.startswith(b"\xef") for page in pages)
    assert io.BytesIO(pages[0]).readline().endswith(b"\r\n")
