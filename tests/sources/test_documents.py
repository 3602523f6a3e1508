"""Documents through ingest: web pages, PDF files and OBELICS, good, odd and hostile."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from tests.conftest import picture


def ingest(name: str, raw: Path, work: Path, **options: Any) -> dict[str, Any]:
    """Ingest with one worker and return the counts."""
    options.setdefault("max_reject_share", 1.0)
    with LocalEngine(options.pop("workers", 0)) as engine:
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
    with LocalEngine(0) as engine:
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


def test_a_missing_library_is_told_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4")
    monkeypatch.setitem(sys.modules, "pymupdf", None)  # as Python itself marks what is not there
    with pytest.raises(SourceError, match=r"pip install cauldron\[pdf\]"):
        ingest("pdf", tmp_path, tmp_path / "work")


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


WEB = "https://host.org/a%20b/cat.png?x=1"


def obelics_schema(image: pa.DataType) -> pa.Schema:
    """Return the published columns, with pictures of a type."""
    lists = {"images": pa.list_(image), "texts": pa.list_(pa.string())}
    return pa.schema({**lists, "metadata": pa.string(), "general_metadata": pa.string()})


def obelics_file(folder: Path, rows: list[dict[str, Any]], schema: pa.Schema | None = None) -> Path:
    """Write documents as published: parallel lists, metadata as JSON text."""
    folder.mkdir(parents=True, exist_ok=True)
    full = []
    for row in rows:
        about = [None if image is None else {"src": image} for image in row["images"] or []]
        page = {"url": "https://host.org/page"}
        defaults = {
            "metadata": json.dumps(about, default=str),
            "general_metadata": json.dumps(page),
        }
        full.append({**defaults, **row})
    pq.write_table(pa.Table.from_pylist(full, schema=schema), folder / "train-00000.parquet")
    return folder


def stored_tar(path: Path, address: str, status: str = "success") -> None:
    """Write an img2dataset tar with one picture."""
    sidecar = json.dumps({"url": address, "status": status, "key": "000000000"}).encode()
    with tarfile.open(path, "w") as tar:
        for name, data in (("000000000.jpg", picture()), ("000000000.json", sidecar)):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def test_obelics_takes_pictures_from_an_img2dataset_tar(tmp_path: Path) -> None:
    raw = obelics_file(tmp_path / "raw", [{"images": [None, WEB, None], "texts": ["a", None, "b"]}])
    stored_tar(raw / "00000.tar", WEB)
    ingest("obelics", raw, tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "obelics")
    assert sample["id"] == "obelics/train/train-00000/0"
    assert sample["license"] == "CC-BY-4.0"
    assert shown(sample) == ["a", "img:cat.png", "b"]
    extra = orjson.loads(sample["extra"])
    assert (extra["images"], extra["page"]) == ([{"src": WEB}], {"url": "https://host.org/page"})


def test_obelics_takes_pictures_from_a_folder_and_from_a_mirror(tmp_path: Path) -> None:
    other = "http://x.org/i/dog.jpg"
    rows = [{"images": [WEB, None, other], "texts": [None, "between", None]}]
    raw = obelics_file(tmp_path / "raw", rows)
    (raw / "host.org/a b").mkdir(parents=True)
    (raw / "host.org/a b/cat.png").write_bytes(picture())
    (raw / "0.jpg").write_bytes(picture((1, 2, 3)))
    (raw / "0.json").write_text(json.dumps({"url": other, "status": "success"}))
    ingest("obelics", raw, tmp_path / "work")
    (sample,) = samples(tmp_path / "work", "obelics")
    assert shown(sample) == ["img:cat.png", "between", "img:dog.jpg"]
    assert sample["images"][1]["bytes"] == picture((1, 2, 3))


def test_obelics_takes_pictures_that_stand_in_the_column(tmp_path: Path) -> None:
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    stored = {"bytes": picture(), "path": "cat.png"}
    rows = [{"images": [stored, None], "texts": [None, "text"], "metadata": "[{}, null]"}]
    ingest(
        "obelics", obelics_file(tmp_path / "raw", rows, obelics_schema(image)), tmp_path / "work"
    )
    assert shown(samples(tmp_path / "work", "obelics")[0]) == ["img:cat.png", "text"]


def test_obelics_counts_pictures_that_are_gone_and_joins_the_text(tmp_path: Path) -> None:
    rows = [
        {"images": [None, "http://h.org/gone.png", None, WEB], "texts": ["a", None, "b", None]},
        {"images": [None, "http://h.org/gone.png"], "texts": ["alone", None]},
        {"images": [None], "texts": ["no picture at all"]},
        {"images": [WEB], "texts": [None]},
    ]
    raw = obelics_file(tmp_path / "raw", rows)
    stored_tar(raw / "00000.tar", WEB)
    counts = ingest("obelics", raw, tmp_path / "work")
    assert shown(samples(tmp_path / "work", "obelics")[0]) == ["a\n\nb", "img:cat.png"]
    assert counts["notes"] == {"image_unresolved": 1}
    assert counts["reasons"]["skipped"] == {"no_image": 1, "no_image_resolved": 1, "no_text": 1}


def test_a_failed_download_is_no_picture(tmp_path: Path) -> None:
    raw = obelics_file(tmp_path / "raw", [{"images": [None, WEB], "texts": ["a", None]}])
    stored_tar(raw / "00000.tar", WEB, status="failed_to_download")
    counts = ingest("obelics", raw, tmp_path / "work")
    assert counts["reasons"]["skipped"] == {"no_image_resolved": 1}


def test_the_mark_between_articles_parts_them_and_never_reaches_a_text(tmp_path: Path) -> None:
    mark = "END_OF_DOCUMENT_TOKEN_TO_BE_REPLACED"
    rows = [{"images": [WEB, None, WEB], "texts": [None, f"one\n\n{mark}\n\ntwo", None]}]
    raw = obelics_file(tmp_path / "raw", rows)
    stored_tar(raw / "00000.tar", WEB)
    ingest("obelics", raw, tmp_path / "work")
    found = samples(tmp_path / "work", "obelics")
    assert [sample["id"][-4:] for sample in found] == ["/0.1", "/0.2"]
    assert [shown(sample) for sample in found] == [["img:cat.png", "one"], ["two", "img:cat.png"]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"images": [None], "texts": ["a", "b"]}, "lists_differ"),
        ({"images": [None], "texts": ["a"], "metadata": "[null, null]"}, "lists_differ"),
        ({"images": [None], "texts": ["a"], "metadata": "{nonsense"}, "json_invalid"),
        ({"images": [WEB], "texts": ["a"]}, "text_and_image_at_one_place"),
        ({"images": None, "texts": ["a"]}, "lists_missing"),
    ],
)
def test_a_malformed_document_is_quarantined(
    tmp_path: Path, row: dict[str, Any], reason: str
) -> None:
    raw = obelics_file(tmp_path / "raw", [row], obelics_schema(pa.string()))
    counts = ingest("obelics", raw, tmp_path / "work")
    assert counts["reasons"]["quarantined"] == {reason: 1}


def test_the_hub_form_of_chats_is_not_taken_for_obelics(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    rows = [{"images": [{"bytes": picture()}], "texts": [{"user": "q", "assistant": "a"}]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "raw/train-00000.parquet")
    ingest("obelics", tmp_path / "raw", tmp_path / "work")
    assert samples(tmp_path / "work", "obelics")[0]["messages"][0]["role"] == "user"


def test_pages_can_be_read_as_obelics_does(tmp_path: Path) -> None:
    body = "<p>One</p><ul><li>item</ul><img src=a.png><a class=more-link>x</a>Two<img src=a.png>"
    raw = page(tmp_path / "raw", body)
    (raw / "a.png").write_bytes(picture())
    ingest("html", raw, tmp_path / "work", options={"compat": "obelics"})
    found = samples(tmp_path / "work", "html")
    assert [s["id"] for s in found] == ["html/train/page.html.1", "html/train/page.html.2"]
    assert [shown(s) for s in found] == [["One", "img:a.png"], ["Two", "img:a.png"]]


def test_real_archives_give_expected_documents(tmp_path: Path, slices: Path) -> None:
    counts = ingest("warc", slices / "warc", tmp_path / "work")
    told = orjson.loads((slices / "warc/expected.json").read_bytes())["files"]
    assert counts["read"] == sum(file["records"] for file in told.values())
    assert (counts["written"], counts["quarantined"]) == (2, 0)
    found = samples(tmp_path / "work", "warc")
    for folder in ("panotools_projections", "gimp_recursive_transform"):
        wanted = orjson.loads((slices / "html" / folder / "expected.json").read_bytes())
        (sample,) = [s for s in found if wanted["page"] in s["extra"]]
        text = " ".join(" ".join(shown(sample)).split())
        stored = {f"img:{image['path']}" for image in sample["images"]}
        at = 0
        for phrase in wanted["sequence"]:
            if phrase.startswith("img:") and phrase not in stored:
                continue  # the archive has a part of the pictures of one page
            assert " ".join(phrase.split()) in text[at:]
            at = text.index(" ".join(phrase.split()), at)
        assert not [phrase for phrase in wanted["absent"] if phrase in text]
