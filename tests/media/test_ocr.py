"""Pages that are only pictures, read by a command: good ones, failing ones, endless ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.demo.pdf_file import HEIGHT, WIDTH, Figure, Line, pdf
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError
from cauldron.media.limits import Limits
from cauldron.media.ocr import recognised
from cauldron.media.pdf import PdfPage
from tests.conftest import picture

pytest.importorskip("pymupdf")
READS = (
    "import sys; seen = sys.stdin.buffer.read(4); "
    "print('A page of', seen[1:].decode(), 'that was\\nread by a program.\\n\\nIts end.')"
)
PAGE = PdfPage(number=1, kind="scanned", width=100, height=100, picture=b"\x89PNG")


def command(code: str) -> str:
    return f'{sys.executable} -c "{code}"'


def scan(folder: Path) -> Path:
    folder.mkdir()
    page = [Figure(x=0, y=0, width=WIDTH, height=HEIGHT, jpeg=picture((9, 90, 9), "JPEG"))]
    (folder / "scan.pdf").write_bytes(pdf([page, [Line(x=60, y=100, text="Own text here.")]]))
    return folder


def ingested(raw: Path, work: Path, form: str, code: str) -> tuple[list[str], dict]:
    with LocalEngine(0) as engine:
        options = {"ocr": command(code)}
        entry = steps.ingest(engine, str(work), "pdf", [str(raw)], form=form, options=options)
    rows = pq.read_table(work / "samples/pdf").to_pylist()
    told = [part["text"] for row in rows for part in row["messages"][0]["content"] if part["text"]]
    return told, entry["counts"]


def test_a_scan_gets_its_text_in_the_document(tmp_path: Path) -> None:
    told, _ = ingested(scan(tmp_path / "raw"), tmp_path / "work", "interleaved", READS)
    assert told == ["A page of PNG that was read by a program.\n\nIts end.\n\nOwn text here."]


def test_a_scan_gets_its_text_as_a_page(tmp_path: Path) -> None:
    told, _ = ingested(scan(tmp_path / "raw"), tmp_path / "work", "pages", READS)
    assert told[0] == "A page of PNG that was\nread by a program.\n\nIts end."


@pytest.mark.parametrize(
    ("code", "reason"), [("raise SystemExit(3)", "ocr_failed"), ("pass", "ocr_empty")]
)
def test_a_command_that_fails_is_counted(code: str, reason: str, tmp_path: Path) -> None:
    told, counts = ingested(scan(tmp_path / "raw"), tmp_path / "work", "pages", code)
    assert told == ["Own text here."]
    assert counts["reasons"]["skipped"] == {reason: 1}
    told, counts = ingested(scan(tmp_path / "r2"), tmp_path / "w2", "interleaved", code)
    assert counts["notes"] == {reason: 1, "page_without_text": 1}


def test_a_command_without_end_is_ended() -> None:
    endless = command("import time; time.sleep(60)")
    assert recognised(PAGE, endless, Limits(max_ocr_page_s=0.2)) is None


def test_a_program_that_is_not_there_is_named_at_once(tmp_path: Path) -> None:
    raw = scan(tmp_path / "raw")
    with LocalEngine(0) as engine, pytest.raises(UsageError, match="no-such-program"):
        steps.ingest(
            engine, str(tmp_path / "w"), "pdf", [str(raw)], options={"ocr": "no-such-program -"}
        )
