"""Sets of pages with their text: what can be asked of them, and tars that are damaged."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron import steps
from cauldron.demo.pdf_file import Line, pdf
from cauldron.demo.tree import tar
from cauldron.engine.local import LocalEngine
from cauldron.sources._page_texts import texts_of, texts_of_ocr

pytest.importorskip("pymupdf")
HERE = Path(__file__).parent


def built(case: str, folder: Path) -> Path:
    """Write the raw tree of a case of the contract test."""
    spec = importlib.util.spec_from_file_location("build", HERE / case / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder.mkdir()
    module.build(folder)
    return folder


def ingest(source: str, raw: Path, work: Path, **options: str) -> tuple[list[Any], dict[str, Any]]:
    """Return samples and counts."""
    with LocalEngine(0) as engine:
        asked = {name.replace("_", "-"): value for name, value in options.items()}
        entry = steps.ingest(
            engine, str(work), source, [str(raw)], options=asked, max_reject_share=1.0
        )
    folder = work / "samples" / source
    rows = pq.read_table(folder).to_pylist() if folder.is_dir() else []
    return rows, entry["counts"]


def texts(sample: dict[str, Any]) -> list[str]:
    return [part["text"] for part in sample["messages"][0]["content"] if part["text"]]


def size(sample: dict[str, Any], number: int = 0) -> tuple[int, int]:
    return Image.open(io.BytesIO(sample["images"][number]["bytes"])).size


@pytest.fixture(scope="module")
def idl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("ocr_idl/official", tmp_path_factory.mktemp("idl") / "raw")


@pytest.fixture(scope="module")
def pdfa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("pdfa/official", tmp_path_factory.mktemp("pdfa") / "raw")


def test_pages_of_the_fax_are_rendered_when_asked_for(idl: Path, tmp_path: Path) -> None:
    rows, _ = ingest("ocr_idl", idl, tmp_path, render="tif", dpi="100")
    assert [texts(row) for row in rows] == [["MEMORANDUM\n~;i."], ["page 2"]]
    assert all(size(row) == (850, 1100) for row in rows)
    dark = [np.asarray(Image.open(io.BytesIO(row["images"][0]["bytes"]))) < 99 for row in rows]
    assert dark[0].sum() < dark[1].sum()  # the bar of the second page is taller


def test_the_older_text_is_read_when_asked_for(idl: Path, tmp_path: Path) -> None:
    rows, counts = ingest("ocr_idl", idl, tmp_path, text="ocr")
    assert [texts(row) for row in rows] == [["MEMO RANDUM\nold text"], ["page two"]]
    assert counts["reasons"]["quarantined"] == {"half_sample": 2}


def test_weak_lines_are_left_out_by_score(idl: Path, tmp_path: Path) -> None:
    rows, _ = ingest("ocr_idl", idl, tmp_path, min_line_score="0.5")
    assert [texts(row) for row in rows] == [["MEMORANDUM"], ["page 2"]]


def test_lines_and_pages_are_as_for_idefics2(pdfa: Path, tmp_path: Path) -> None:
    rows, _ = ingest("pdfa", pdfa, tmp_path, compat="idefics2")
    assert texts(rows[0]) == ["One line, another line."]
    picture = Image.open(io.BytesIO(rows[0]["images"][0]["bytes"]))
    assert (picture.mode, picture.size) == ("L", (1275, 1650))


def test_pages_are_rendered_as_asked(pdfa: Path, tmp_path: Path) -> None:
    rows, _ = ingest("pdfa", pdfa, tmp_path, dpi="300", max_side="800", jpeg="80")
    picture = Image.open(io.BytesIO(rows[0]["images"][0]["bytes"]))
    assert (picture.format, max(picture.size)) == ("JPEG", 800)
    assert rows[0]["images"][0]["path"] == "page-1.jpg"


@pytest.mark.parametrize(("asked", "first"), [("2", [1, "Third page."]), ("document", [2, ""])])
def test_pages_of_a_document_can_stand_together(
    asked: str, first: list[Any], pdfa: Path, tmp_path: Path
) -> None:
    rows, counts = ingest("pdfa", pdfa, tmp_path, pages_per_sample=asked)
    own = [row for row in rows if row["id"].startswith("pdfa/train/0000001/")]
    assert len(own[0]["images"]) == first[0]
    assert texts(own[-1])[-1] == "Third page."
    assert counts["notes"]["page_without_text"] == 1


def document(text: str) -> dict[str, bytes]:
    told = orjson.dumps({"pages": [{"text": [text]}]})
    return {"pdf": pdf([[Line(x=60, y=100, text=text)]]), "json": told}


def test_a_tar_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    members = {f"{n:07d}.{e}": d for n in range(4) for e, d in document(f"Page {n}.").items()}
    whole = tar(members)
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "a-train-0.tar").write_bytes(whole[:9_000])
    (raw / "b-train-1.tar").write_bytes(whole)
    rows, counts = ingest("pdfa", raw, tmp_path / "work")
    assert counts["reasons"]["quarantined"]["archive_damaged"] == 1
    assert len({row["id"] for row in rows}) == len(rows) >= 6


def test_a_packed_tar_is_read_too(tmp_path: Path) -> None:
    import gzip

    raw = tmp_path / "raw"
    raw.mkdir()
    payload = tar({f"0000001.{e}": d for e, d in document("Packed.").items()})
    (raw / "pdfa-eng-train-0000.tar.gz").write_bytes(gzip.compress(payload))
    rows, _ = ingest("pdfa", raw, tmp_path / "work")
    assert [texts(row) for row in rows] == [["Packed."]]


def test_another_split_of_tars_is_read_when_named(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for split in ("train", "val"):
        payload = tar({f"{split}.{e}": d for e, d in document(split).items()})
        (raw / f"pdfa-eng-{split}-0000.tar").write_bytes(payload)
    with LocalEngine(0) as engine:
        steps.ingest(engine, str(tmp_path / "w"), "pdfa", [str(raw)], split="val")
    rows = pq.read_table(tmp_path / "w/samples/pdfa").to_pylist()
    assert [texts(row) for row in rows] == [["val"]]


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({"pages": [{}, {"words": None}]}, [[], []]),
        ({"pages": [{"lines": {"text": ["a", " ", "b"]}}]}, [["a", "b"]]),
        ({"Blocks": []}, []),
    ],
)
def test_texts_of_odd_files(told: Any, lines: list[list[str]]) -> None:
    assert texts_of(told) == lines


@pytest.mark.parametrize(
    "told",
    [None, 7, {}, {"pages": 3}, {"Blocks": [{"BlockType": "LINE", "Page": 10**9, "Text": "x"}]}],
)
def test_what_is_no_text_of_pages_is_an_error(told: Any) -> None:
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        texts_of(told)


def test_form_feeds_part_the_pages_of_plain_text() -> None:
    assert texts_of_ocr("\ufeffa\r\n\fb\n\nc\f".encode()) == [["a"], ["b", "c"]]
