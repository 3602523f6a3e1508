"""Pictures that are a download of their own: none found stops the run, some missing do not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import CheckError, SourceError
from tests.conftest import picture


def captions(folder: Path, number: int) -> Path:
    """Write captions of VSR without their pictures."""
    folder.mkdir()
    lines = [{"image": f"{n:012d}.jpg", "caption": f"Cat {n}.", "label": 1} for n in range(number)]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def ingest(work: Path, *roots: Path, **options: Any) -> dict[str, Any]:
    with LocalEngine(0) as engine:
        return steps.ingest(engine, str(work), "vsr", [str(root) for root in roots], **options)


def test_no_picture_at_all_says_what_to_download(tmp_path: Path) -> None:
    raw = captions(tmp_path / "raw", 60)
    with pytest.raises(SourceError, match=r"none of the first 50 .*wanted: .*train2017.zip"):
        ingest(tmp_path / "work", raw)
    assert not list((tmp_path / "work").glob("samples/**/*.parquet"))


def test_one_picture_is_enough_to_go_on(tmp_path: Path) -> None:
    raw = captions(tmp_path / "raw", 60)
    (tmp_path / "coco" / "train2017").mkdir(parents=True)
    (tmp_path / "coco" / "train2017" / f"{7:012d}.jpg").write_bytes(picture())
    entry = ingest(tmp_path / "work", raw, tmp_path / "coco", max_reject_share=1.0)
    assert entry["counts"]["reasons"]["quarantined"] == {"image_missing": 59}
    assert entry["counts"]["written"] == 1


def test_few_missing_pictures_are_quarantined_and_named(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"image_missing 3;.*wanted: .*train2017.zip"):
        ingest(tmp_path / "work", captions(tmp_path / "raw", 3))
    (lines,) = (tmp_path / "work").glob("quarantine/**/*.jsonl")
    assert len(lines.read_text().splitlines()) == 3
