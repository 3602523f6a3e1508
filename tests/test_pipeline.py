"""A recipe end to end: equal bytes on any number of workers, kill and resume, cheap decisions."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from cauldron import pipeline
from cauldron.errors import RecipeError, SourceError
from cauldron.recipe import load_recipe
from cauldron.storage import work as places
from tests.trees import recipe


def run(path: Path, work: Path, workers: int = 1) -> dict[str, Any]:
    return pipeline.run(load_recipe(str(path)), str(path), str(work), workers=workers)


def outputs(work: Path) -> dict[str, str]:
    """Return the sha256 of every manifest, shard, sample, signal and decision file."""
    kinds = ("mixture", "samples", "signals", "decisions", "quarantine")
    files = [p for kind in kinds for p in (work / kind).rglob("*") if p.is_file()]
    return {
        str(p.relative_to(work)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(files)
    }


def test_every_record_is_kept_or_has_a_reason(tmp_path: Path) -> None:
    stats = run(recipe(tmp_path), tmp_path / "work")["stats"]
    assert stats["balanced"]
    vsr = stats["sources"]["vsr"]
    assert (vsr["read"], vsr["written"], vsr["quarantined"]) == (60, 59, {"image_missing": 1})
    assert vsr["dropped"] == {"exact_duplicate": 8}
    assert stats["sources"]["tabmwp"]["quarantined"] == {"empty_answer": 1}


def test_one_and_two_workers_give_the_same_bytes(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    run(path, tmp_path / "one", 1)
    run(path, tmp_path / "two", 2)
    assert len(outputs(tmp_path / "one")) > 12
    assert outputs(tmp_path / "one") == outputs(tmp_path / "two")


def test_the_same_recipe_twice_does_nothing_the_second_time(tmp_path: Path) -> None:
    path = recipe(tmp_path)
    run(path, tmp_path / "work")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "work" / "samples").rglob("*.parquet")}
    again = run(path, tmp_path / "work")
    assert again["measure"]["measured"] == 0
    assert all(p.stat().st_mtime_ns == stamp for p, stamp in before.items())


@pytest.mark.parametrize("delay_s", [0.7, 1.1, 1.5, 2.0])
def test_a_killed_run_goes_on_to_the_same_bytes(tmp_path: Path, delay_s: float) -> None:
    path = recipe(tmp_path)
    command = [sys.executable, "-m", "cauldron", "run", str(path), "-o", str(tmp_path / "cut")]
    child = subprocess.Popen(
        [*command, "--workers", "2"], stderr=subprocess.DEVNULL, start_new_session=True
    )
    time.sleep(delay_s)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    run(path, tmp_path / "cut", 2)
    run(path, tmp_path / "whole", 1)
    assert outputs(tmp_path / "cut") == outputs(tmp_path / "whole")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WAITING]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    assert parent.stdout is not None
    parent.stdout.readline()
    assert len(_session(parent.pid)) > 2
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not _session(parent.pid):
            return
        time.sleep(0.1)
    raise AssertionError(f"still there: {_session(parent.pid)}")


_WAITING = """
import time
from cauldron.engine.local import LocalEngine
if __name__ == "__main__":
    with LocalEngine(2) as engine:
        print(list(engine.run(abs, [1, 2, 3])), flush=True)
        list(engine.run(time.sleep, [600, 600]))
"""


def _session(number: int) -> list[int]:
    """Return the processes of a session that are not ended."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == number and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


def test_a_changed_threshold_opens_no_picture(tmp_path: Path) -> None:
    run(recipe(tmp_path), tmp_path / "work")
    for shard in (tmp_path / "work" / "samples").rglob("*.parquet"):
        shard.chmod(0)  # for a user other than root, reading would fail
    rule = {"name": "too_long", "signal": "question_chars", "max": 10}
    rules = {"rules": [rule], "sources": {"tabmwp": {"too_long": "off"}}}
    changed = recipe(tmp_path, rules=rules, mix={"materialize": False})
    done = run(changed, tmp_path / "work")
    assert done["measure"]["measured"] == 0
    assert done["filter"]["sources"]["vsr"] == {"kept": 0, "dropped": {"too_long": 59}}


def test_a_step_that_the_recipe_drops_no_longer_counts(tmp_path: Path) -> None:
    run(recipe(tmp_path), tmp_path / "work")
    path = recipe(tmp_path, dedup=False)
    path.write_text(path.read_text().replace("dedup: false", "dedup: off"))
    done = run(path, tmp_path / "work")
    assert done["stats"]["sources"]["vsr"]["dropped"] == {}


def test_sources_that_the_recipe_does_not_name_stay_out(tmp_path: Path) -> None:
    run(recipe(tmp_path), tmp_path / "work")
    only = recipe(tmp_path, ingest=[{"source": "vsr", "raw": ["raw/vsr"]}])
    manifest = run(only, tmp_path / "work")["mix"]
    assert [source["name"] for source in manifest["sources"]] == ["vsr"]
    shards = sorted(p.name for p in (tmp_path / "work/mixture/small/shards").iterdir())
    assert [name for name in shards if name.endswith(".parquet")] == ["vsr-00000.parquet"]


def test_all_problems_of_a_recipe_are_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    entries = [{"source": "vsr", "raw": ["empty"]}, {"source": "tabmpw", "raw": ["raw"]}]
    path = recipe(tmp_path, ingest=entries)
    with pytest.raises(SourceError) as caught:
        run(path, tmp_path / "work")
    assert "tabmwp" in str(caught.value) and "'vsr'" in str(caught.value)
    assert not (tmp_path / "work").exists()


def test_a_recipe_without_sources_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError):
        run(recipe(tmp_path, ingest=[]), tmp_path / "work")


def test_held_out_samples_are_in_no_training_shard(tmp_path: Path) -> None:
    manifest = run(recipe(tmp_path), tmp_path / "work")["mix"]
    folder = tmp_path / "work/mixture/small"

    def ids(key: str) -> set[str]:
        urls = [shard["url"] for source in manifest["sources"] for shard in source[key]]
        return {i for url in urls for i in pq.read_table(folder / url)["id"].to_pylist()}

    assert ids("shards") and ids("validation_shards")
    assert not ids("shards") & ids("validation_shards")


def test_shards_open_with_datasets_as_images(tmp_path: Path) -> None:
    import datasets

    run(recipe(tmp_path), tmp_path / "work")
    shard = tmp_path / "work/mixture/small/shards/vsr-00000.parquet"
    loaded = datasets.load_dataset(
        "parquet", data_files=str(shard), split="train", cache_dir=str(tmp_path / "cache")
    )
    folder = datasets.load_dataset(str(shard.parent), cache_dir=str(tmp_path / "cache"))["train"]
    assert folder.num_rows > loaded.num_rows  # the index files beside the shards are passed over
    assert loaded.features["images"] == datasets.List(datasets.Image())
    assert loaded[0]["images"][0].size == (48, 48)
    assert loaded[0]["messages"][0]["content"][0]["type"] == "image"


def test_shards_open_with_plain_pyarrow_and_polars(tmp_path: Path) -> None:
    import polars as pl

    run(recipe(tmp_path), tmp_path / "work")
    shard = tmp_path / "work/mixture/small/shards/vsr-00000.parquet"
    table = pq.read_table(shard)
    assert pl.read_parquet(shard)["id"].to_list() == table["id"].to_pylist()
    column = pq.ParquetFile(shard).metadata.row_group(0)
    pictures = [
        column.column(n)
        for n in range(column.num_columns)
        if column.column(n).path_in_schema == "images.list.element.bytes"
    ]
    assert [c.compression for c in pictures] == ["UNCOMPRESSED"]
    assert "PLAIN_DICTIONARY" not in pictures[0].encodings
    assert "RLE_DICTIONARY" not in pictures[0].encodings


def test_the_ledger_names_every_ingest(tmp_path: Path) -> None:
    run(recipe(tmp_path), tmp_path / "work")
    entry = orjson.loads(
        Path(places.ledger(str(tmp_path / "work"), "ingest-vsr-train")).read_bytes()
    )
    assert entry["status"] == "done" and entry["counts"]["read"] == 60
