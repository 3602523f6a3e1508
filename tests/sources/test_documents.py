"""Documents through ingest: web pages, PDF files and OBELICS, good, odd and hostile."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron import steps
from cauldron.engine.local import LocalEngine
from tests.conftest import picture


def ingest(name: str, raw: Path, work: Path, **options: Any) -> dict[str, Any]:
    """Ingest with one worker and return the counts."""
    options.setdefault("max_reject_share", 1.0)
    with LocalEngine(options.pop("workers", 1)) as engine:
        entry = steps.ingest(engine, str(work), name, [str(raw)], **options)
    counts: dict[str, Any] = entry["counts"]
    assert counts["read"] == counts["written"] + counts["quarantined"] + counts["skipped"]
    return counts


def samples(work: Path, name: str) -> list[dict[str, Any]]:
    """Return all samples of a source."""
    folder = work / "samples" / name
    return pq.read_table(folder).to_pylist() if folder.is_dir() else []


def shown(sample: dict[str, Any]) -> list[str]:
    """Return texts and `img:NAME` of a document in order."""
    images = iter(sample["images"])
    return [
        part["text"] if part["type"] == "text" else f"img:{next(images)['path']}"
        for part in sample["messages"][0]["content"]
    ]


def page(folder: Path, body: str, name: str = "page.html") -> Path:
    """Write a page and return its folder."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(body, encoding="utf-8")
    return folder


def test_a_page_becomes_a_document_with_its_pictures(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "<p>One</p><img src='pics/my%20cat.png?v=1' alt=cat><p>Two</p>")
    (raw / "pics").mkdir()
    (raw / "pics/my cat.png").write_bytes(picture())
    ingest("html", raw, tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "html")
    assert sample["id"] == "html/train/page.html"
    assert sample["messages"][0]["role"] == "document"
    assert shown(sample) == ["One", "img:my cat.png", "Two"]
    assert sample["images"][0]["bytes"] == picture()
    assert orjson.loads(sample["extra"])["images"] == [
        {"address": "pics/my%20cat.png?v=1", "alt": "cat"}
    ]


def test_a_picture_of_another_site_is_found_where_mirrors_put_it(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "text<img src=https://img.org/a/b.png>", "site.org/x.html")
    page(raw, "text<img src=/c.png>", "site.org/deep/y.html")
    (raw / "img.org/a").mkdir(parents=True)
    (raw / "img.org/a/b.png").write_bytes(picture())
    (raw / "site.org/c.png").write_bytes(picture())
    ingest("html", raw, tmp_path / "work")
    names = [shown(sample)[1] for sample in samples(tmp_path / "work", "html")]
    assert sorted(names) == ["img:b.png", "img:c.png"]


def test_pictures_that_are_not_there_are_counted_and_the_text_goes_on(tmp_path: Path) -> None:
    body = "One<img src=https://h.org/a.png><img src=gone.png><img src=../../up.png>Two"
    raw = page(tmp_path / "raw", body)
    (tmp_path / "up.png").write_bytes(picture())
    counts = ingest("html", raw, tmp_path / "work")
    assert counts["notes"] == {"image_missing": 1, "image_outside_folder": 1, "image_remote": 1}
    assert shown(samples(tmp_path / "work", "html")[0]) == ["One\n\nTwo"]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "One<img src=link.png>")
    (tmp_path / "secret.png").write_bytes(picture())
    (raw / "link.png").symlink_to(tmp_path / "secret.png")
    assert ingest("html", raw, tmp_path / "work")["notes"] == {"image_missing": 1}


def test_a_damaged_picture_is_counted_and_left_out(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "One<img src=a.png>")
    (raw / "a.png").write_bytes(b"<html>not found</html>")
    assert ingest("html", raw, tmp_path / "work")["notes"] == {"image_not_identified": 1}


def test_a_real_pixel_is_left_out_whatever_the_page_says(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "One<img src=a.png>")
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG")
    (raw / "a.png").write_bytes(out.getvalue())
    assert ingest("html", raw, tmp_path / "work")["notes"] == {"image_pixel": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [("<p>only text", "no_image"), ("<img src=a.png>", "no_text"), ("<nav>x</nav>", "no_text")],
)
def test_a_page_without_content_is_skipped_with_a_reason(
    tmp_path: Path, body: str, reason: str
) -> None:
    counts = ingest("html", page(tmp_path / "raw", body), tmp_path / "work")
    assert counts["reasons"]["skipped"] == {reason: 1}


def test_what_is_no_page_is_quarantined(tmp_path: Path) -> None:
    raw = page(tmp_path / "raw", "%PDF-1.4", "a.html")
    page(raw, "", "b.html")
    counts = ingest("html", raw, tmp_path / "work")
    assert counts["reasons"]["quarantined"] == {"html_empty": 1, "not_html": 1}


def test_two_folders_with_pages_of_one_name_give_two_documents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        page(tmp_path / name, f"text {name}<img src=gone.png>")
    with LocalEngine(1) as engine:
        roots = [str(tmp_path / "a"), str(tmp_path / "b")]
        steps.ingest(engine, str(tmp_path / "work"), "html", roots)
    assert [s["id"] for s in samples(tmp_path / "work", "html")] == [
        "html/train/page.html",
        "html/train/page.html~2",
    ]


def test_hostile_pages_cost_no_run(tmp_path: Path, slices: Path) -> None:
    found = orjson.loads((slices / "bad_inputs/html/xss_payloads.json").read_bytes())
    for number, body in enumerate(found):
        page(tmp_path / "raw", body, f"{number}.html")
    assert ingest("html", tmp_path / "raw", tmp_path / "work")["read"] == len(found)


def test_real_pages_keep_all_their_pictures(tmp_path: Path, slices: Path) -> None:
    counts = ingest("html", slices / "html", tmp_path / "work")
    assert (counts["written"], counts["images"]) == (3, 37)
    assert counts["notes"] == {"image_repeated": 10, "navigation_line": 2}


def pdf_file(folder: Path, name: str, *texts: str) -> bytes:
    """Write a PDF with one page a text; an empty text gives a blank page."""
    pymupdf = pytest.importorskip("pymupdf")
    with pymupdf.open() as document:
        for text in texts:
            document.new_page().insert_text((50, 100), text)
        data: bytes = document.tobytes(no_new_id=True)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return data


pymupdf_warns = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")


@pymupdf_warns
def test_a_pdf_becomes_one_document_named_by_its_bytes(tmp_path: Path) -> None:
    data = pdf_file(tmp_path / "raw", "a/b.PDF", "First page.", "Second page.")
    ingest("pdf", tmp_path / "raw", tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "pdf")
    assert sample["id"] == f"pdf/train/{hashlib.sha256(data).hexdigest()[:16]}"
    assert sample["origin"]["file"] == "a/b.PDF"
    assert shown(sample) == ["First page.\n\nSecond page."]
    assert orjson.loads(sample["extra"])["page_kinds"] == {"digital": 2}


@pymupdf_warns
def test_pages_give_one_sample_each_picture_first(tmp_path: Path) -> None:
    data = pdf_file(tmp_path / "raw", "a.pdf", "First page.", "", "Third page.")
    counts = ingest("pdf", tmp_path / "raw", tmp_path / "work", form="pages")
    found = samples(tmp_path / "work", "pdf")
    key = hashlib.sha256(data).hexdigest()[:16]
    assert [sample["id"] for sample in found] == [f"pdf/train/{key}/1", f"pdf/train/{key}/3"]
    assert [shown(sample) for sample in found] == [
        ["img:page-1.png", "First page."],
        ["img:page-3.png", "Third page."],
    ]
    assert counts["reasons"]["skipped"] == {"page_blank": 1}


@pymupdf_warns
def test_a_copy_of_a_file_is_skipped(tmp_path: Path) -> None:
    data = pdf_file(tmp_path / "raw", "a.pdf", "Text.")
    (tmp_path / "raw/b.pdf").write_bytes(data)
    (tmp_path / "raw/c.pdf").write_bytes(data[:-1] + b"\r")
    counts = ingest("pdf", tmp_path / "raw", tmp_path / "work")
    assert (counts["written"], counts["reasons"]["skipped"]) == (2, {"duplicate_file": 1})


@pymupdf_warns
def test_files_that_cannot_be_read_are_quarantined_with_reasons(tmp_path: Path) -> None:
    pdf_file(tmp_path / "raw", "good.pdf", "Text.")
    (tmp_path / "raw/page.pdf").write_bytes(b"<html>not found</html>")
    counts = ingest("pdf", tmp_path / "raw", tmp_path / "work")
    assert counts["reasons"]["quarantined"] == {"damaged": 1}
    (line,) = (tmp_path / "work/quarantine/pdf/part-00000.jsonl").read_text().splitlines()
    assert orjson.loads(line)["origin"]["file"] == "page.pdf"


@pytest.mark.slow
@pymupdf_warns
@pytest.mark.parametrize("form", ["interleaved", "pages"])
def test_two_workers_write_the_bytes_of_one_for_pdf(tmp_path: Path, form: str) -> None:
    for number in range(120):
        pdf_file(tmp_path / "raw", f"{number}.pdf", f"Document number {number} speaks.")
    for workers in (1, 2):
        place = tmp_path / str(workers)
        counts = ingest("pdf", tmp_path / "raw", place, form=form, workers=workers)
        assert counts["written"] == 120
    one, two = (sorted((tmp_path / name / "samples/pdf").iterdir()) for name in "12")
    assert len(one) == 2
    assert [file.read_bytes() for file in one] == [file.read_bytes() for file in two]


@pymupdf_warns
@pytest.mark.parametrize("form", ["interleaved", "pages"])
def test_hostile_pdf_files_cost_no_run(tmp_path: Path, slices: Path, form: str) -> None:
    pytest.importorskip("pymupdf")
    for path in (slices / "bad_inputs/pdf").iterdir():
        (tmp_path / f"{path.stem}.pdf").write_bytes(path.read_bytes())
    counts = ingest("pdf", tmp_path, tmp_path / "work", form=form)
    assert counts["reasons"]["quarantined"]["encrypted"] == 1
    assert counts["written"] > 10
