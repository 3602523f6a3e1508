"""Threat 19: real places that cannot be written: a full disk, a limit, a read-only folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trees import vsr_tree
from tests.trust.commands import cauldron, file_limit, told

NOBODY = 65_534


def mounted(folder: Path, options: str) -> Iterator[Path]:
    """Mount a small file system; only root may."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "disk", "size=4m")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "disk", "size=4m,ro")


def test_threat_19_a_full_disk_is_told_before_any_work(tmp_path: Path, small_disk: Path) -> None:
    raw = vsr_tree(tmp_path / "raw", 8)
    message = told(cauldron("ingest", "vsr", raw, "-o", small_disk / "work"), 4)
    assert "the disk is full: 4,1" in message and str(small_disk) in message
    assert list(small_disk.rglob("*.parquet")) == []


def test_threat_19_a_read_only_file_system_is_told(tmp_path: Path, read_only: Path) -> None:
    raw = vsr_tree(tmp_path / "raw", 8)
    message = told(cauldron("ingest", "vsr", raw, "-o", read_only / "work"), 4)
    assert "cannot write: Read-only file system" in message and str(read_only) in message


@pytest.mark.skipif(os.getuid() != 0, reason="only root may run as another user")
def test_threat_19_a_folder_of_somebody_else_is_told(tmp_path: Path) -> None:
    """Permissions do not hold root back, so the command runs as nobody, from Python's own open."""
    (tmp_path / "theirs").mkdir(mode=0o755)
    code = (
        "import os\n"
        "from cauldron.errors import StorageError\n"
        "from cauldron.storage import work\n"
        f"os.setuid({NOBODY})\n"
        "try:\n"
        f"    with work.locked({str(tmp_path / 'theirs')!r}): pass\n"
        "except StorageError as error:\n"
        "    print(error, error.exit_code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "cannot write: Permission denied" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("4")


def test_threat_19_a_limit_on_file_size_is_told_and_a_second_run_goes_on(tmp_path: Path) -> None:
    raw, place = vsr_tree(tmp_path / "raw", 400), tmp_path / "work"
    command = ("ingest", "vsr", raw, "-o", place)
    message = told(cauldron(*command, before=file_limit(150_000)), 3, 4)
    assert "File too large" in message and "bytes" in message
    assert list(place.rglob("*.parquet")) == []
    told(cauldron(*command), 0)
    told(cauldron("verify", place), 0)
