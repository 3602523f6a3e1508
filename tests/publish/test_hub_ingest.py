"""Reading data sets of the hub in place: any config, pinned to a commit, resumed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.mixtures import colour_tree, mixture
from tests.publish.hub_server import Hub, running
from tests.publish.test_publish import REPO, cauldron, python

pytest.importorskip("huggingface_hub", reason="needs cauldron[hub]")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixture(tmp_path_factory.mktemp("ingest"), 12, 0).parent


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def read(hub: Hub, home: Path, name: str, *more: str) -> dict[str, Any]:
    work = ("-o", str(home / "back"), "--json", "--workers", "1")
    done = cauldron(hub, home, "ingest", name, *work, *more)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_published_source_comes_back_as_it_was(hub: Hub, made: Path, tmp_path: Path) -> None:
    done = cauldron(hub, tmp_path, "publish", str(made), REPO, "--stage", str(tmp_path / "s"))
    assert done.returncode == 0, done.stderr
    hub.faults = {"resolve": ["503", "cut"], "tree": ["500"], "info": ["429"]}
    entry = read(hub, tmp_path, f"hub:{REPO}/vqarad")
    commit = hub.repos[REPO].refs["main"]
    assert all(f"@{commit}" in root for root in entry["roots"])
    columns = ["id", "messages", "images", "license", "extra"]
    back = tmp_path / "back" / "samples" / "vqarad" / "part-00000.parquet"
    wanted = pq.read_table(made / "shards" / "vqarad-00000.parquet", columns=columns)
    assert pq.read_table(back, columns=columns).equals(wanted)
    assert read(hub, tmp_path, f"hub:{REPO}/vqarad")["resumed"]


def test_a_revision_names_what_was_there_then(hub: Hub, tmp_path: Path) -> None:
    first, second = colour_tree(tmp_path / "a", 6), colour_tree(tmp_path / "b", 9)
    code = f"""
import json
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("me/colours", repo_type="dataset")
for folder in ({str(first)!r}, {str(second)!r}):
    info = api.upload_folder(folder_path=folder, path_in_repo="ai2d", repo_id="me/colours",
                             repo_type="dataset")
    print(json.dumps(info.oid))
"""
    python(hub, tmp_path, code)
    commits = list(hub.repos["me/colours"].commits)
    assert read(hub, tmp_path, "hub:me/colours/ai2d")["written"] == 9
    old = read(hub, tmp_path, f"hub:me/colours/ai2d@{commits[1]}")
    assert (old["source"], old["settings"]["form"], old["written"]) == ("ai2d", "hub", 6)


def test_what_is_not_there_is_told(hub: Hub, made: Path, tmp_path: Path) -> None:
    done = cauldron(hub, tmp_path, "ingest", "hub:me/nothing/here", "-o", str(tmp_path / "w"))
    assert done.returncode == 4 and "Repository not found" in done.stderr
    cauldron(hub, tmp_path, "publish", str(made), REPO, "--stage", str(tmp_path / "s"))
    done = cauldron(hub, tmp_path, "ingest", f"hub:{REPO}/vqarda", "-o", str(tmp_path / "w"))
    assert done.returncode == 2 and "did you mean 'vqarad'?" in done.stderr
    assert "Traceback" not in done.stderr
