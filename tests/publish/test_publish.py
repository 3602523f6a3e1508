"""Publishing with the real hub clients, against a hub on the loopback and an S3 server process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.mixtures import mixture
from tests.publish.hub_server import Hub, running

pytest.importorskip("huggingface_hub", reason="needs cauldron[hub]")
pytest.importorskip("datasets", reason="needs cauldron[hub]")

TOKEN = "hf_CanaryCanaryCanaryCanaryCanary"
REPO = "me/small"
CALLS = ("create", "yaml", "preupload", "batch", "put", "commit", "info", "tree")
HIDDEN = ("--without-bytes", "docvqa")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of one open and one gated source; `raw` lies beside its work folder."""
    return mixture(tmp_path_factory.mktemp("publish"), 24, 21).parent


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


def environment(hub: Hub, home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "0",
    }


def cauldron(hub: Hub, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cauldron", *arguments]
    env = environment(hub, home)
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)


def python(hub: Hub, home: Path, code: str) -> Any:
    """Run a client in a process of its own, since it reads its settings once; return its JSON."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(hub, home), timeout=200
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def publish(hub: Hub, made: Path, home: Path, *more: str) -> dict[str, Any]:
    stage = ("--stage", str(home / "stage"))
    arguments = ("publish", str(made), REPO, *HIDDEN, "--json", "--workers", "1", *stage, *more)
    done = cauldron(hub, home, *arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_gated_source_is_refused_until_the_user_decides(
    hub: Hub, made: Path, tmp_path: Path
) -> None:
    done = cauldron(hub, tmp_path, "publish", str(made), REPO, "--stage", str(tmp_path))
    assert done.returncode == 3
    assert "docvqa is gated" in done.stderr
    assert "--without-bytes docvqa" in done.stderr and "Traceback" not in done.stderr
    assert not hub.repos


def test_a_recipe_that_claims_the_right_lets_a_gated_source_pass(
    hub: Hub, made: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("schema_version: 1\nname: x\npublish: {redistribute: [docvqa]}\n")
    arguments = (str(made), REPO, "--recipe", str(recipe), "--dry-run", "--json")
    shown = json.loads(cauldron(hub, tmp_path, "publish", *arguments).stdout)
    assert shown["whole"] == ["docvqa", "vqarad"]
    assert not hub.calls


SLOW = [
    pytest.param(fault, times, marks=pytest.mark.slow)
    for times in (1, 2)
    for fault in ("429", "cut", "500", "503")
    if (fault, times) not in (("429", 1), ("cut", 1))
]


@pytest.mark.parametrize(("fault", "times"), [("429", 1), ("cut", 1), *SLOW])
def test_threat_22_every_call_may_fail_once_and_twice(
    hub: Hub, made: Path, tmp_path: Path, fault: str, times: int
) -> None:
    hub.faults = {call: [fault] * times for call in CALLS}
    if fault == "cut":
        hub.faults |= {"put": ["cut", "wrong hash", "lost"], "commit": ["cut", "late cut"]}
    done = publish(hub, made, tmp_path)
    assert not any(hub.faults.values())
    repo = hub.repos[REPO]
    assert repo.log == ["main: initial commit", f"main: {_message(repo.log[1])}"]
    assert done["commit"] == repo.refs["main"]
    again = publish(hub, made, tmp_path)
    assert (again["changed"], again["uploaded"], len(repo.log)) == (False, 0, 2)
    files = repo.files("main")
    assert {"README.md", "LICENSES.md", "croissant.json", "manifest.json"} <= set(files)
    assert not any(path.startswith("data/docvqa") for path in files)
    for path, file in files.items():
        assert TOKEN.encode() not in file.payload, path


def _message(line: str) -> str:
    return line.partition(": ")[2]


def test_threat_16_the_token_is_in_no_output_and_no_file(
    hub: Hub, made: Path, tmp_path: Path
) -> None:
    hub.faults = {"create": ["403"]}
    stage = ("--stage", str(tmp_path / "stage"))
    env = environment(hub, tmp_path) | {"PYTHONDEVMODE": "1", "HF_HUB_VERBOSITY": "debug"}
    command = [sys.executable, "-m", "cauldron", "publish", str(made), REPO, *HIDDEN, *stage]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)
    assert done.returncode == 4
    assert "cannot create the repository: 403" in done.stderr
    assert f"Bearer {TOKEN}" in hub.headers
    assert TOKEN not in done.stdout + done.stderr
    for place in (made.parents[1], tmp_path):
        for path in place.rglob("*"):
            assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path


def test_datasets_loads_every_config(hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made, tmp_path)
    code = """
import json
from datasets import get_dataset_config_names, load_dataset
names = get_dataset_config_names("me/small")
streamed = list(load_dataset("me/small", "mixture", split="train", streaming=True))
whole = load_dataset("me/small", "vqarad", split="validation")
ids = load_dataset("me/small", "ids", split="train")
first = streamed[0]
print(json.dumps([names, len(streamed), first["images"][0].size, first["messages"][1]["role"],
                  whole.num_rows, ids.column_names]))
"""
    names, rows, size, role, held, columns = python(hub, tmp_path, code)
    manifest = json.loads((made / "manifest.json").read_text())
    vqarad = next(s for s in manifest["sources"] if s["name"] == "vqarad")
    assert set(names) == {"mixture", "vqarad", "ids"}
    assert (rows, size, role) == (vqarad["samples"], [96, 64], "assistant")
    assert held == vqarad["validation"]["samples"]
    assert columns[:6] == ["id", "source", "file", "record", "text_sha256", "image_sha256"]


def test_what_datasets_pushes_comes_back_equal(hub: Hub, made: Path, tmp_path: Path) -> None:
    code = f"""
import json
from datasets import Dataset, load_dataset
told = Dataset.from_parquet({str(made / "shards" / "vqarad-00000.parquet")!r})
told.push_to_hub("me/pushed", "one")
back = load_dataset("me/pushed", "one", split="train")
print(json.dumps([back["id"] == told["id"], back.features == told.features, back.num_rows]))
"""
    same, features, rows = python(hub, tmp_path, code)
    assert same and features and rows > 0


def test_the_card_passes_the_checks_of_the_hub_client(hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made, tmp_path)
    code = """
import json
from huggingface_hub import DatasetCard
card = DatasetCard.load("me/small")
card.validate(repo_type="dataset")
print(json.dumps([card.data.license, card.data.size_categories, len(card.text)]))
"""
    license_, sizes, length = python(hub, tmp_path, code)
    assert (license_, sizes) == ("other", ["n<1K"])
    assert length > 1_000


@pytest.mark.filterwarnings("ignore")
def test_croissant_is_valid_and_gives_rows(hub: Hub, made: Path, tmp_path: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="needs mlcroissant")
    done = cauldron(hub, tmp_path, "publish", str(made), str(tmp_path / "out"), *HIDDEN)
    assert done.returncode == 0, done.stderr
    place = tmp_path / "out"
    told = mlcroissant.Dataset(str(place / "croissant.json"), mapping={"repo": str(place)})
    issues = told.metadata.ctx.issues
    assert not issues.errors
    rows = list(told.records("vqarad"))
    manifest = json.loads((made / "manifest.json").read_text())
    held = next(s for s in manifest["sources"] if s["name"] == "vqarad")
    assert len(rows) == held["samples"] + held["validation"]["samples"]
    assert rows[0]["vqarad/images"][0].size == (96, 64)
    assert rows[0]["vqarad/messages"][0]["vqarad/messages/role"] == b"user"


def test_a_mixture_without_bytes_is_rebuilt_to_the_byte(
    hub: Hub, made: Path, tmp_path: Path
) -> None:
    publish(hub, made, tmp_path)
    stage = tmp_path / "stage" / "samples"
    raw = made.parents[2] / "raw" / "colours"
    arguments = ("rebuild", f"hf://datasets/{REPO}", "-o", str(tmp_path / "back"))
    done = cauldron(hub, tmp_path, *arguments, "--raw", f"docvqa={raw}")
    assert done.returncode == 0, done.stderr
    wanted = {p.relative_to(stage): p.read_bytes() for p in (stage / "data").rglob("*.parquet")}
    back = tmp_path / "back"
    found = {p.relative_to(back): p.read_bytes() for p in (back / "data").rglob("*.parquet")}
    assert found == wanted
    published = hub.repos[REPO].files("main")["manifest.json"].payload
    assert (back / "manifest.json").read_bytes() == published
    assert cauldron(hub, tmp_path, "verify", str(back)).returncode == 0


def test_other_raw_data_is_told_when_rebuilding(hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made, tmp_path)
    table = pq.read_table(made.parents[2] / "raw" / "colours" / "train-00000-of-00001.parquet")
    (tmp_path / "raw").mkdir()
    pq.write_table(table.slice(0, 9), tmp_path / "raw" / "train-00000-of-00001.parquet")
    arguments = ("rebuild", f"hf://datasets/{REPO}", "-o", str(tmp_path / "back"))
    done = cauldron(hub, tmp_path, *arguments, "--raw", f"docvqa={tmp_path / 'raw'}")
    assert done.returncode == 3
    assert "samples are not in the raw data, the first: docvqa/train/" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_changed_mixture_removes_what_it_no_longer_has(
    hub: Hub, made: Path, tmp_path: Path
) -> None:
    publish(hub, made, tmp_path)
    before = set(hub.repos[REPO].files("main"))
    done = publish(hub, made, tmp_path, "--without-bytes", "vqarad")
    after = set(hub.repos[REPO].files("main"))
    assert done["removed"] == len([p for p in before if p.startswith("data/")]) > 0
    assert not any(path.startswith("data/") for path in after)
    assert len(hub.repos[REPO].log) == 3


def test_a_repository_with_other_files_is_left_alone(hub: Hub, made: Path, tmp_path: Path) -> None:
    code = """
import json
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("me/small", repo_type="dataset")
api.upload_file(path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id="me/small",
                repo_type="dataset")
print(json.dumps(1))
"""
    python(hub, tmp_path, code)
    stage = ("--stage", str(tmp_path / "stage"))
    done = cauldron(hub, tmp_path, "publish", str(made), REPO, *HIDDEN, *stage)
    assert done.returncode == 2 and "holds other files (notes.txt)" in done.stderr
    assert len(hub.repos[REPO].log) == 2


def test_branches_and_pull_requests_leave_main_alone(hub: Hub, made: Path, tmp_path: Path) -> None:
    publish(hub, made, tmp_path, "--branch", "next")
    asked = publish(hub, made, tmp_path, "--pull-request")
    repo = hub.repos[REPO]
    assert set(repo.files("main")) == {".gitattributes"}
    assert "manifest.json" in repo.files("next")
    assert "manifest.json" in repo.files("refs/pr/1")
    assert asked["pull_request"].endswith("/discussions/1")


def test_publishing_that_was_killed_goes_on(hub: Hub, made: Path, tmp_path: Path) -> None:
    stage = ("--stage", str(tmp_path / "stage"))
    command = [sys.executable, "-m", "cauldron", "publish", str(made), REPO, *HIDDEN, *stage]
    hub.faults = {"commit": ["late cut"]}
    with subprocess.Popen(command, env=environment(hub, tmp_path)) as run:
        while "put" not in hub.calls and run.poll() is None:
            time.sleep(0.01)
        run.kill()
    assert len(hub.repos[REPO].log) <= 2
    sent = len(hub.objects)
    publish(hub, made, tmp_path)
    assert len(hub.repos[REPO].log) == 2 and sent <= len(hub.objects)
    assert "manifest.json" in hub.repos[REPO].files("main")
