"""What leaves a document while it is read: OBELICS' node filters, and what is on opt-out lists."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import UsageError
from cauldron.nodes import paragraph_reasons
from tests.conftest import picture

GOOD = "The boat came in to the harbour at dawn, and the men on it were all of them tired."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD, ""),
        ("Only three words.", "paragraph_words"),
        ("and the " * 600, "paragraph_words"),
        ("he was here and he was there " * 9, "paragraph_character_repetition"),
        ("the of an it 12 34 56 ### $$$ &&&", "paragraph_special_characters"),
        ("boats harbours nets ropes anchors masts sails", "paragraph_stop_words"),
        (GOOD.replace(",", "").replace(".", ""), "paragraph_punctuation"),
        ("it was all that we had then", ""),
    ],
)
def test_the_first_bound_that_a_paragraph_breaks_is_its_reason(text: str, reason: str) -> None:
    assert paragraph_reasons([GOOD, text, GOOD]) == ["", reason, ""]


def ingest(tmp_path: Path, body: str, **options: str) -> tuple[dict[str, Any], list[Any]]:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "page.html").write_text(f"<link rel=canonical href=https://a.shut.example/p>{body}")
    for number, name in enumerate(("a.png", "b.png", "logo.png")):
        (raw / name).write_bytes(picture((9 * number, 0, 0)))
    with LocalEngine(0) as engine:
        work = str(tmp_path / "work")
        entry = steps.ingest(engine, work, "html", [str(raw)], options=options)
    folder = tmp_path / "work/samples/html"
    rows = pq.read_table(folder).to_pylist() if folder.is_dir() else []
    return entry["counts"], rows


BODY = (
    f"<p>{GOOD}</p><p>Share this!</p><img src=a.png><img src=logo.png><img src=a.png><p>{GOOD}</p>"
)


def test_node_filters_of_obelics_are_applied_when_asked_for(tmp_path: Path) -> None:
    counts, (row,) = ingest(tmp_path, BODY, filters="obelics")
    assert counts["notes"] == {
        "image_address_word": 1,
        "image_again_in_document": 1,
        "paragraph_words": 1,
    }
    assert [part["text"] for part in row["messages"][0]["content"]] == [GOOD, None, GOOD]
    assert [image["path"] for image in row["images"]] == ["a.png"]
    assert [one["address"] for one in orjson.loads(row["extra"])["images"]] == ["a.png"]


def test_nothing_leaves_unasked(tmp_path: Path) -> None:
    counts, (row,) = ingest(tmp_path, BODY)
    assert counts["notes"] == {} and len(row["images"]) == 3


def test_a_document_that_keeps_no_text_is_skipped(tmp_path: Path) -> None:
    counts, _ = ingest(tmp_path, "<p>Share this!</p><img src=a.png>", filters="obelics")
    assert counts["reasons"]["skipped"] == {"no_text": 1}


def test_pictures_and_pages_on_a_list_are_left_out(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"# pictures\nsha256:{hashlib.sha256(picture((9, 0, 0))).hexdigest()}\n")
    body = BODY + "<img src=b.png>"
    counts, (row,) = ingest(tmp_path, body, opt_out=str(listed))
    assert counts["notes"] == {"image_opted_out": 1}
    assert [image["path"] for image in row["images"]] == ["a.png", "logo.png", "a.png"]


def test_a_page_of_a_listed_domain_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("shut.example\n")
    counts, rows = ingest(tmp_path, BODY, opt_out=str(tmp_path / "list.txt"))
    assert (counts["reasons"]["skipped"], rows) == ({"opted_out": 1}, [])


def test_a_list_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="opt_out"):
        ingest(tmp_path, BODY, opt_out=str(tmp_path / "none.txt"))
