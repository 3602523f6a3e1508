"""Raw trees: the same bytes for a seed, written once, and nothing of the user's is touched."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from cauldron.demo.raw import MARKER, generators, write_raw
from cauldron.errors import SourceError

from .conftest import COUNTING, RECORDS, Trees


def _hashes(folder: Path) -> dict[str, str]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


def test_the_same_seed_gives_the_same_bytes(trees: Trees, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", records=RECORDS, counting=COUNTING)
    assert _hashes(tmp_path / "raw") == _hashes(trees.folder)


def test_another_seed_gives_other_pictures(trees: Trees, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", 1, ["vsr"], records=RECORDS)
    first = "coco2017/train2017/000000010000.jpg"
    assert _hashes(tmp_path / "raw")[first] != _hashes(trees.folder)[first]


@pytest.mark.parametrize("source", ["vsr", "chartqa", "obelics"])
def test_a_source_does_not_depend_on_the_others(source: str, trees: Trees, tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", sources=[source], records=RECORDS)
    alone, together = _hashes(tmp_path / "raw"), _hashes(trees.folder)
    own = {path: digest for path, digest in alone.items() if path != MARKER}
    assert len(own) > 1
    assert own.items() <= together.items()


def test_complete_trees_are_not_written_again(tmp_path: Path) -> None:
    roots = write_raw(tmp_path / "raw", sources=["tat_qa"], records=8)
    changed = tmp_path / "raw/tat_qa/dataset_raw/tatqa_dataset_dev.json"
    changed.write_bytes(b"[]")
    assert write_raw(tmp_path / "raw", sources=["tat_qa"], records=8) == roots
    assert changed.read_bytes() == b"[]"


def test_trees_that_were_cut_off_are_written_anew(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", sources=["tat_qa"], records=8)
    whole = _hashes(tmp_path / "raw")
    (tmp_path / "raw" / MARKER).unlink()
    (tmp_path / "raw/tat_qa/dataset_raw/tatqa_dataset_dev.json").unlink()
    write_raw(tmp_path / "raw", sources=["tat_qa"], records=8)
    assert _hashes(tmp_path / "raw") == whole


def test_other_settings_replace_the_trees(tmp_path: Path) -> None:
    write_raw(tmp_path / "raw", sources=["tat_qa"], records=8)
    write_raw(tmp_path / "raw", sources=["ai2d"], records=8)
    assert not (tmp_path / "raw/tat_qa").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SourceError, match="other files"):
        write_raw(tmp_path, sources=["tat_qa"])
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_unknown_source_is_named_with_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="did you mean 'chartqa'"):
        write_raw(tmp_path / "raw", sources=["chartqb"])


def test_every_source_of_the_first_eight_and_documents_is_drawn() -> None:
    eight = {"vsr", "tabmwp", "tat_qa", "vqarad", "textvqa", "raven", "chartqa", "ai2d"}
    assert eight | {"pdf", "html", "obelics"} <= set(generators())
