"""Counts over a work folder, and why a sample is or is not in a mixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from cauldron.lineage import explain, find_sample
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.stats import work_stats
from cauldron.storage.files import write_json
from cauldron.storage.shards import write_shard, write_table

IDS = [f"vsr/train/{n}" for n in range(5)]


def rows(ids: list[str]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "id": i,
                "source": "vsr",
                "messages": [],
                "images": [],
                "license": "CC-BY-4.0",
                "origin": {"file": "train.jsonl", "record": i[-1]},
                "extra": "{}",
            }
            for i in ids
        ],
        schema=SAMPLE_SCHEMA,
    )


def decide(work: Path, step: str, keep: list[bool], reason: str, ids: list[str] = IDS) -> None:
    table = pa.table(
        {
            "id": ids,
            "keep": keep,
            "reason": pa.array([None if k else reason for k in keep], pa.string()),
            "value": pa.array([None if k else 1.5 for k in keep], pa.float64()),
            "detail": [""] * len(ids),
        }
    )
    write_table(f"{work}/decisions/{step}/vsr/part-00000.parquet", table)


def enter(work: Path, **changes: Any) -> None:
    counts = {
        "read": 9,
        "written": 5,
        "quarantined": 1,
        "skipped": 3,
        "reasons": {"quarantined": {"image_missing": 1}, "skipped": {"merged_into_sample": 3}},
        "notes": {},
    }
    entry = {
        "step": "ingest",
        "source": "vsr",
        "split": "train",
        "status": "done",
        "counts": {**counts, **changes},
        "roots": ["s3://me:secret@bucket/vsr"],
    }
    write_json(f"{work}/ledger/ingest-vsr-train.json", entry)


@pytest.fixture()
def work(tmp_path: Path) -> Path:
    write_shard(f"{tmp_path}/samples/vsr/part-00000.parquet", [rows(IDS)], SAMPLE_SCHEMA)
    signals = {
        "id": IDS,
        "n_images": pa.array([1, 1, 1, 1, 2], pa.int32()),
        "n_turns": pa.array([1] * 5, pa.int32()),
        "chars": pa.array([10, 20, 30, 40, 50], pa.int32()),
        "char_repetition": pa.array([float("nan")] * 5, pa.float32()),
        "minhash": pa.array([bytes(512)] * 5),
    }
    write_table(f"{tmp_path}/signals/vsr/part-00000.parquet", pa.table(signals))
    decide(tmp_path, "filter", [False, True, True, True, True], "too_short")
    decide(tmp_path, "dedup", [False, False, True, True, True], "near_duplicate")
    enter(tmp_path)
    lost = {
        "origin": {"file": "train.jsonl", "record": "7"},
        "reason": "image_missing",
        "error": "",
    }
    (tmp_path / "quarantine" / "vsr").mkdir(parents=True)
    (tmp_path / "quarantine" / "vsr" / "part-00000.jsonl").write_text(json.dumps(lost) + "\n")
    held_out = f"{tmp_path}/mixture/small/validation/vsr-00000.parquet"
    write_shard(held_out, [rows([IDS[4]])], SAMPLE_SCHEMA)
    manifest = {
        "name": "small",
        "sources": [
            {
                "name": "vsr",
                "weight": 2,
                "epochs": 1.5,
                "shards": [{"url": "../../samples/vsr/part-00000.parquet"}],
            },
            {"name": "vqav2", "weight": 6, "epochs": 1, "shards": []},
        ],
        "validation": {"shards": [{"url": "validation/vsr-00000.parquet"}]},
    }
    write_json(f"{tmp_path}/mixture/small/manifest.json", manifest)
    return tmp_path


def vsr(work: Path) -> dict[str, Any]:
    found: dict[str, Any] = work_stats(str(work))["sources"]["vsr"]
    return found


def test_read_is_written_plus_quarantined_plus_skipped(work: Path) -> None:
    counts = vsr(work)
    assert (counts["read"], counts["written"], counts["balanced"]) == (9, 5, True)


def test_first_drop_gives_the_reason(work: Path) -> None:
    assert vsr(work)["dropped_by"] == {"filter": {"too_short": 1}, "dedup": {"near_duplicate": 1}}


def test_kept_signals_are_of_kept_samples_only(work: Path) -> None:
    counts = vsr(work)
    assert (counts["chars"], counts["kept_chars"], counts["kept_images"]) == (150, 120, 4)


def test_record_that_is_not_accounted_for_unbalances(work: Path) -> None:
    enter(work, read=10)
    assert not work_stats(str(work))["balanced"]


def test_lost_shard_unbalances(work: Path) -> None:
    (work / "samples" / "vsr" / "part-00000.parquet").unlink()
    assert "5 samples written, 0 found" in work_stats(str(work))["problems"][0]


def test_reasons_that_do_not_add_up_unbalance(work: Path) -> None:
    enter(work, read=10, quarantined=2)
    assert not vsr(work)["balanced"]


def test_decisions_on_other_samples_unbalance_and_do_not_count(work: Path) -> None:
    decide(work, "filter", [False] * 5, "too_short", [f"vsr/val/{n}" for n in range(5)])
    counts = vsr(work)
    assert (counts["balanced"], counts["kept"]) == (False, 3)


def test_source_with_all_records_in_quarantine_is_counted(work: Path) -> None:
    reasons = {"quarantined": {"image_missing": 4}, "skipped": {}}
    counts = {"read": 4, "written": 0, "quarantined": 4, "skipped": 0, "reasons": reasons}
    entry = {"source": "raven", "split": "train", "status": "done", "counts": counts}
    write_json(f"{work}/ledger/ingest-raven-train.json", entry)
    assert work_stats(str(work))["totals"]["quarantined"] == {"image_missing": 5}


def test_stats_are_json(work: Path) -> None:
    assert orjson.dumps(work_stats(str(work)))


def test_sample_is_found_by_its_id(work: Path) -> None:
    assert find_sample(str(work), "vsr/train/3") == ("vsr", "part-00000", 3)


def test_explain_names_the_origin_without_passwords(work: Path) -> None:
    found = explain(str(work), "vsr/train/3")
    assert (found["origin"]["record"], found["roots"]) == ("3", ["s3://bucket/vsr"])


def test_explain_gives_every_decision_and_the_first_drop(work: Path) -> None:
    found = explain(str(work), "vsr/train/0")
    assert ([d["keep"] for d in found["decisions"]], found["dropped_by"]) == (
        [False, False],
        "filter",
    )


def test_explain_places_a_kept_sample_in_the_mixture(work: Path) -> None:
    place = explain(str(work), "vsr/train/3")["mixtures"][0]
    assert (place["included"], place["validation"], place["share"]) == (True, False, 0.25)


def test_explain_leaves_a_dropped_sample_out_of_the_mixture(work: Path) -> None:
    assert not explain(str(work), "vsr/train/0")["mixtures"][0]["included"]


def test_explain_knows_a_held_out_sample(work: Path) -> None:
    place = explain(str(work), "vsr/train/4")["mixtures"][0]
    assert (place["included"], place["validation"]) == (False, True)


def test_explained_signals_are_json(work: Path) -> None:
    signals = orjson.loads(orjson.dumps(explain(str(work), "vsr/train/3")))["signals"]
    assert (signals["minhash"], signals["char_repetition"]) == ("512 bytes", None)


def test_unknown_id_is_looked_up_in_quarantine(work: Path) -> None:
    found = explain(str(work), "vsr/train/7")
    assert [r["reason"] for r in found["quarantined"]] == ["image_missing"]


def test_unknown_id_has_near_ids(work: Path) -> None:
    assert "vsr/train/3" in explain(str(work), "vsr/val/3")["near"]
