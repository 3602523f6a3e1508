"""Options of a form: what is asked for travels to the workers, into the key and into no ledger."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cauldron import steps
from cauldron.cli.options import pairs
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError
from cauldron.sources._options import number, one_of, page_ranges
from cauldron.sources.catalogue import source_named

pymupdf = pytest.importorskip("pymupdf")
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")


def pdf(*texts: str, password: str = "", scans: int = 0) -> bytes:
    """Return a PDF with one page a text, and pages that are only a picture behind them."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((300, 400)).save(out, "PNG")
    with pymupdf.open() as document:
        for text in texts:
            document.new_page().insert_text((50, 100), text)
        for _ in range(scans):
            page = document.new_page()
            page.insert_image(page.rect, stream=out.getvalue(), keep_proportion=False)
        locked = {"encryption": pymupdf.PDF_ENCRYPT_AES_256, "user_pw": password}
        data: bytes = document.tobytes(**(locked if password else {}), no_new_id=True)
        return data


def ingest(raw: Path, work: Path, form: str = "pages", **options: str) -> dict[str, Any]:
    """Ingest PDFs with options (`max_side` is `max-side`) and return the ledger entry."""
    given = {name.replace("_", "-"): value for name, value in options.items()}
    with LocalEngine(0) as engine:
        return steps.ingest(
            engine, str(work), "pdf", [str(raw)], form=form, options=given, max_reject_share=1.0
        )


def samples(work: Path) -> list[dict[str, Any]]:
    return pq.read_table(work / "samples/pdf").to_pylist()


def sizes(work: Path) -> list[tuple[int, int]]:
    pictures = [image["bytes"] for sample in samples(work) for image in sample["images"]]
    return [Image.open(io.BytesIO(data)).size for data in pictures]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_pages_are_rendered_as_asked(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("Text."))
    ingest(raw, tmp_path / "dpi", dpi="72")
    ingest(raw, tmp_path / "side", max_side="100")
    assert sizes(tmp_path / "dpi") == [(595, 842)]
    assert max(sizes(tmp_path / "side")[0]) == 100


def test_only_the_pages_asked_for_are_read(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("One.", "Two.", "Three.", "Four."))
    counts = ingest(raw, tmp_path, pages="2,4-9")["counts"]
    assert [sample["id"].rpartition("/")[2] for sample in samples(tmp_path)] == ["2", "4"]
    assert counts["read"] == 2


def test_a_file_without_the_pages_asked_for_is_quarantined(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("One."))
    entry = ingest(raw, tmp_path, form="interleaved", pages="5-")
    assert entry["counts"]["reasons"]["quarantined"] == {"no_pages": 1}


def test_a_password_opens_a_file_and_is_written_nowhere(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("Hidden text.", password="tulip-8841"))
    work = tmp_path / "work"
    assert ingest(raw, work, password="rose")["counts"]["reasons"]["quarantined"] == {
        "encrypted": 1
    }
    ingest(raw, work, password="tulip-8841")
    assert "Hidden text." in str(samples(work)[0]["messages"])
    written = [path.read_bytes() for path in work.rglob("*") if path.is_file()]
    assert not any(b"tulip-8841" in payload for payload in written)


def test_a_password_can_stand_in_the_environment(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (raw / "a.pdf").write_bytes(pdf("Hidden text.", password="tulip"))
    monkeypatch.setenv("PDF_WORD", "tulip")
    assert ingest(raw, tmp_path, password="$PDF_WORD")["counts"]["written"] == 1
    with pytest.raises(UsageError, match="cannot be this"):
        ingest(raw, tmp_path, password="$NO_SUCH_WORD")


def test_scanned_pages_stay_as_pictures_on_request(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("Text.", scans=2))
    ingest(raw, tmp_path / "left", form="interleaved")
    ingest(raw, tmp_path / "kept", form="interleaved", scans="picture")
    assert [len(sample["images"]) for sample in samples(tmp_path / "left")] == [0]
    assert [len(sample["images"]) for sample in samples(tmp_path / "kept")] == [2]


def test_files_inside_a_tar_are_read_as_beside_it(raw: Path, tmp_path: Path) -> None:
    with tarfile.open(raw / "all.tar", "w") as tar:
        for name, data in (("a.pdf", pdf("One.")), ("b.pdf", pdf("Two.")), ("c.pdf", pdf("One."))):
            member = tarfile.TarInfo(f"deep/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    counts = ingest(raw, tmp_path)["counts"]
    assert (counts["written"], counts["reasons"]["skipped"]) == (2, {"duplicate_file": 1})


def test_options_are_part_of_the_key(raw: Path, tmp_path: Path) -> None:
    (raw / "a.pdf").write_bytes(pdf("Text."))
    assert not ingest(raw, tmp_path, dpi="72")["resumed"]
    assert ingest(raw, tmp_path, dpi="72")["resumed"]
    assert not ingest(raw, tmp_path, dpi="73")["resumed"]
    ledger = orjson.loads((tmp_path / "ledger/ingest-pdf-train.json").read_bytes())
    assert ledger["settings"]["options"] == {"dpi": 73}


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("dip", "72", "did you mean 'dpi'"),
        ("dpi", "much", "'much'"),
        ("dpi", "99999", "'99999'"),
        ("pages", "3-1", "'3-1'"),
        ("scans", "picture", "has no option 'scans'"),
    ],
)
def test_an_option_that_is_not_there_or_not_valid_is_refused(
    raw: Path, tmp_path: Path, name: str, value: str, told: str
) -> None:
    (raw / "a.pdf").write_bytes(pdf("Text."))
    with pytest.raises(UsageError) as caught:
        ingest(raw, tmp_path, **{name: value})
    assert told in caught.value.message


@pytest.mark.parametrize(
    ("text", "ranges"),
    [("3", [[3, 3]]), ("1-2, 5", [[1, 2], [5, 5]]), ("-4", [[1, 4]]), ("9-", [[9, 1_000_000]])],
)
def test_ranges_of_pages_are_read(text: str, ranges: list[list[int]]) -> None:
    assert page_ranges(text) == ranges


@pytest.mark.parametrize("text", ["", "-", "0", "a", "1--2", "1,,2", "2-1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="page numbers"):
        page_ranges(text)


def test_numbers_and_words_have_bounds() -> None:
    assert (number(1, 5)("5"), one_of("a", "b")("b")) == (5, "b")
    for read, text in ((number(1, 5), "6"), (number(1, 5), "-1"), (one_of("a"), "c")):
        with pytest.raises(ValueError, match="expected"):
            read(text)


def test_pairs_of_the_command_line_are_parted_at_the_first_sign() -> None:
    assert pairs(["a=1", "b=x=y"]) == {"a": "1", "b": "x=y"}
    for wrong in (["a"], ["a=1", "a=2"]):
        with pytest.raises(UsageError, match="--option a"):
            pairs(wrong)


def test_a_name_may_be_spelt_with_underscores() -> None:
    form = source_named("ocr_idl").forms[0]
    assert form.read_options({"min_line_score": "0.5"}) == {"min-line-score": 0.5}
