"""Endings in upper case are found; links that lead out and archives in archives are told."""

from __future__ import annotations

import zipfile
from pathlib import Path

import orjson
import pytest

from cauldron import steps
from cauldron.engine.local import LocalEngine
from cauldron.errors import SourceError
from cauldron.readers.raw import Raw
from tests.conftest import picture


def captions(raw: Path, number: int = 12) -> None:
    raw.mkdir()
    rows = [{"image": f"{n:012d}.jpg", "caption": f"Cup {n}.", "label": 1} for n in range(number)]
    (raw / "train.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))


def pictures(folder: Path, ending: str, number: int = 12) -> None:
    folder.mkdir()
    for n in range(number):
        (folder / f"{n:012d}.{ending}").write_bytes(picture((n, 9, 9), "JPEG"))


def written(tmp_path: Path, *roots: Path) -> int:
    with LocalEngine(1) as engine:
        entry = steps.ingest(engine, str(tmp_path / "work"), "vsr", list(map(str, roots)))
    return int(entry["counts"]["written"])


def test_an_ending_in_upper_case_is_found(tmp_path: Path) -> None:
    captions(tmp_path / "raw")
    pictures(tmp_path / "raw" / "images", "JPG")
    assert written(tmp_path, tmp_path / "raw") == 12


def test_a_pattern_of_an_ending_fits_in_any_case(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.JPG", "c.png"):
        (tmp_path / name).touch()
    assert [found.path for found in Raw([str(tmp_path)]).find("*.jpg")] == ["a.jpg", "b.JPG"]


def test_a_link_that_leads_out_is_told_and_its_target_may_be_named(tmp_path: Path) -> None:
    captions(tmp_path / "raw")
    pictures(tmp_path / "coco", "jpg")
    (tmp_path / "raw" / "train2017").symlink_to(tmp_path / "coco")
    with pytest.raises(SourceError) as caught:
        written(tmp_path, tmp_path / "raw")
    assert "train2017" in (caught.value.hint or "")
    assert "not followed" in (caught.value.hint or "")
    assert written(tmp_path, tmp_path / "raw", tmp_path / "coco") == 12


def test_annotations_behind_a_link_that_leads_out_are_told(tmp_path: Path) -> None:
    captions(tmp_path / "elsewhere")
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError) as caught:
        written(tmp_path, tmp_path / "raw")
    assert "not followed" in (caught.value.hint or "")


def test_archives_inside_archives_are_told(tmp_path: Path) -> None:
    captions(tmp_path / "raw")
    pictures(tmp_path / "coco", "jpg")
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as inner:
        for path in (tmp_path / "coco").iterdir():
            inner.write(path, f"train2017/{path.name}")
    with zipfile.ZipFile(tmp_path / "raw" / "all.zip", "w") as outer:
        outer.write(tmp_path / "images.zip", "images.zip")
    with pytest.raises(SourceError) as caught:
        written(tmp_path, tmp_path / "raw")
    assert "all.zip!/images.zip" in (caught.value.hint or "")
