"""A bad file in the place of every input of every verb: one message, an exit code, no traceback."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from cauldron.engine import local
from tests.mixtures import mixture
from tests.trust.verbs import (
    RECIPE,
    arguments,
    bad_files,
    broken_manifests,
    damaged_copies,
    end_of,
)

LIGHT = {"train", "eval", "ablate", "bench-loader"}
"""Verbs that import torch: left to the slow tests."""


@pytest.fixture(scope="module")
def ok(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A small mixture with raw data, recipe and publication."""
    root = tmp_path_factory.mktemp("verbs")
    manifest = mixture(root / "m", 24, 21)
    (root / "recipe.yaml").write_text(RECIPE)
    work, place = str(manifest.parents[2]), str(root / "published")
    line = ["publish", str(manifest.parent), place, "--without-bytes", "docvqa", "--workers", "1"]
    assert end_of(line)[0] == 0
    return {
        "work": work, "manifest": str(manifest.parent), "recipe": str(root / "recipe.yaml"),
        "raw": str(root / "m" / "raw"), "published": place,
    }  # fmt: skip


def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run everything in this process, which is quicker for small work."""
    monkeypatch.setattr(local, "cores", lambda: 1)


def check(line: list[str], place: str) -> None:
    """Run a line; a fault of the program itself would end with 1."""
    code, said = end_of(line)
    assert code in (0, 2, 3, 4), (place, line, said)
    assert "unforeseen" not in said and (code == 0 or "error: " in said), (place, line, said)


def ends(name: str, ok: dict[str, str], root: Path, torch: bool) -> None:
    """Give a bad file to every verb."""
    (root / name).write_bytes(bad_files().get(name, b""))
    if name == "missing":
        (root / name).unlink()
    for number, line in enumerate(arguments(str(root / name), ok, str(root / "out"))):
        if (line[0] in LIGHT or "--model" in line) == torch:
            line = [
                str(root / f"out{number}") if word == str(root / "out") else word for word in line
            ]
            check(line, name)


FAST = (
    "empty.json",
    "noise.bin",
    "types.yaml",
    "date.yaml",
    "deep.json",
    "cut.parquet",
    "lists.json",
)


@pytest.mark.parametrize("name", FAST)
def test_a_bad_file_gets_a_message_from_every_verb(
    name: str, ok: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_process(monkeypatch)
    ends(name, ok, tmp_path, torch=False)


@pytest.mark.slow
@pytest.mark.parametrize("torch", [False, True])
@pytest.mark.parametrize("name", [*bad_files(), "missing"])
def test_any_bad_file_gets_a_message_from_every_verb(
    name: str, torch: bool, ok: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_process(monkeypatch)
    ends(name, ok, tmp_path, torch)


@pytest.mark.parametrize(
    "part", [pytest.param(n, marks=pytest.mark.slow) for n in range(1, 8)] + [0]
)
def test_a_manifest_with_one_wrong_value_gets_a_message(
    part: int, ok: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_process(monkeypatch)
    whole = Path(ok["manifest"]) / "manifest.json"
    for number, (name, payload) in enumerate(
        itertools.islice(broken_manifests(whole), part, None, 8)
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "manifest.json").write_bytes(payload)
        for line in (
            ["show", str(folder)],
            ["verify", str(folder)],
            ["diff", ok["manifest"], str(folder)],
            ["export", str(folder), str(tmp_path / f"x{number}"), "--to", "jsonl"],
            ["publish", str(folder), str(tmp_path / f"p{number}"), "--dry-run"],
        ):
            check(line, name)


@pytest.mark.slow
def test_a_work_folder_with_one_damaged_file_gets_a_message(
    ok: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_process(monkeypatch)
    for place, copy in damaged_copies(Path(ok["work"]), tmp_path):
        for verb in ("show", "stats", "verify", "measure", "filter", "dedup", "report"):
            check([verb, str(copy)], place)
        check(["why", str(copy), "vqarad/train/0"], place)
