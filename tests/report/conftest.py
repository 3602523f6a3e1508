"""A small work folder, as the steps before the report leave it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image, ImageDraw

from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage.files import write_json
from cauldron.storage.shards import write_shard, write_table

SIGNALS = {
    "n_images": pa.int32(),
    "n_turns": pa.int32(),
    "chars": pa.int32(),
    "words": pa.int32(),
    "image_aspect": pa.list_(pa.float32()),
    "image_phash256": pa.list_(pa.binary(32)),
    "minhash": pa.binary(),
}


def picture(number: int) -> bytes:
    """Draw a small chart."""
    image = Image.new("RGB", (360 + 10 * number, 240), "white")
    draw = ImageDraw.Draw(image)
    for bar in range(6):
        height = 40 + (number * 37 + bar * 53) % 150
        draw.rectangle(
            (30 + bar * 52, 220 - height, 66 + bar * 52, 220), fill=(40, 90 + 20 * bar, 130)
        )
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


def write_part(
    work: Path, source: str, part: str, rows: int, first: int, license: str
) -> list[str]:
    """Write samples and signals of a part; return the ids."""
    numbers = range(first, first + rows)
    ids = [f"{source}/train/{n}" for n in numbers]
    samples = [
        {
            "id": sample_id,
            "source": source,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "text": None},
                        {"type": "text", "text": f"Which bar is <b>tallest</b> in chart {n}?"},
                    ],
                },
                {"role": "assistant", "content": [{"type": "text", "text": f"Answer: bar {n}."}]},
            ],
            "images": [{"bytes": picture(n), "path": f"{n}.png"}],
            "license": license,
            "origin": {"file": "train/all.json", "record": str(n)},
            "extra": "{}",
        }
        for n, sample_id in zip(numbers, ids, strict=True)
    ]
    table = pa.Table.from_pylist(samples, schema=SAMPLE_SCHEMA)
    write_shard(f"{work}/samples/{source}/{part}.parquet", [table], SAMPLE_SCHEMA)
    signals: dict[str, list[Any]] = {
        "n_images": [1] * rows,
        "n_turns": [1] * rows,
        "chars": [20 + 3 * n for n in numbers],
        "words": [4 + (n * n) % 40 for n in numbers],
        "image_aspect": [[1.0 + (n % 9) / 4] for n in numbers],
        "image_phash256": [[bytes(32)] for _ in numbers],
        "minhash": [bytes(512)] * rows,
    }
    columns = {"id": pa.array(ids), **{k: pa.array(v, SIGNALS[k]) for k, v in signals.items()}}
    write_table(f"{work}/signals/{source}/{part}.parquet", pa.table(columns))
    return ids


def decide(
    work: Path, step: str, source: str, part: str, ids: list[str], drops: dict[str, str]
) -> None:
    """Write decisions of a step; `drops` maps id to reason."""
    table = pa.table(
        {
            "id": pa.array(ids),
            "keep": [i not in drops for i in ids],
            "reason": pa.array([drops.get(i) for i in ids], pa.string()),
            "value": pa.array([0.5 if i in drops else None for i in ids], pa.float64()),
            "detail": pa.array(["near chartqa/train/0" if i in drops else "" for i in ids]),
        }
    )
    write_table(f"{work}/decisions/{step}/{source}/{part}.parquet", table)


def enter(
    work: Path, source: str, written: int, lost: dict[str, int], skipped: dict[str, int]
) -> None:
    """Write the ledger entry of an ingest."""
    entry = {
        "step": "ingest",
        "source": source,
        "split": "train",
        "status": "done",
        "counts": {
            "read": written + sum(lost.values()) + sum(skipped.values()),
            "written": written,
            "quarantined": sum(lost.values()),
            "skipped": sum(skipped.values()),
            "images": written,
            "turns": written,
            "reasons": {"quarantined": lost, "skipped": skipped},
            "notes": {"letter_label_dropped": 2},
        },
        "parts": [],
        "roots": [f"s3://user:secret@bucket/{source}"],
        "settings": {"seed": 7},
    }
    write_json(f"{work}/ledger/ingest-{source}-train.json", entry)


@pytest.fixture()
def work(tmp_path: Path) -> Path:
    """Two sources: 14 charts in two parts, 6 tables; three steps of decisions; one mixture."""
    folder = tmp_path / "work"
    first = write_part(folder, "chartqa", "part-00000", 8, 0, "GPL-3.0-only")
    second = write_part(folder, "chartqa", "part-00001", 6, 8, "GPL-3.0-only")
    tables = write_part(folder, "hitab", "part-00000", 6, 0, "")
    words = {first[0]: "too_few_words", first[1]: "aspect_too_wide"}
    decide(folder, "filter", "chartqa", "part-00000", first, words)
    decide(folder, "filter", "chartqa", "part-00001", second, {})
    near = {first[0]: "near_duplicate", first[2]: "near_duplicate"}
    decide(folder, "dedup", "chartqa", "part-00000", first, near)
    decide(folder, "dedup", "chartqa", "part-00001", second, {second[5]: "near_duplicate"})
    decide(folder, "decontaminate", "hitab", "part-00000", tables, {tables[3]: "benchmark_image"})
    enter(folder, "chartqa", 14, {"image_missing": 1}, {"test_split": 3})
    enter(folder, "hitab", 6, {}, {})
    rules = {"rules": {"words": {"min": 5}, "max_image_aspect": 2.5}}
    filtered = {"step": "filter", "status": "done", "settings": rules}
    write_json(f"{folder}/ledger/filter.json", filtered)
    lost = {
        "origin": {"file": "train/all.json", "record": "99"},
        "reason": "image_missing",
        "error": "png/<script>alert(1)</script>.png",
    }
    quarantine = folder / "quarantine" / "chartqa" / "part-00000.jsonl"
    quarantine.parent.mkdir(parents=True)
    quarantine.write_text(json.dumps(lost) + "\n")
    write_manifest(folder)
    return folder


def write_manifest(folder: Path) -> None:
    """Write a mixture over both sources, one table held out by its own shard."""
    schema = SAMPLE_SCHEMA
    held_out = {"id": "hitab/train/5", "source": "hitab", "messages": [], "images": []}
    table = pa.Table.from_pylist([held_out], schema=schema)
    write_shard(f"{folder}/mixture/small/validation/hitab-00000.parquet", [table], schema)
    shards = {
        "chartqa": ["part-00000", "part-00001"],
        "hitab": ["part-00000"],
    }
    manifest = {
        "schema_version": 1,
        "name": "small",
        "seed": 7,
        "algorithm": "feistel",
        "recipe_sha256": "ab" * 32,
        "recipe": {"unit": "samples"},
        "cauldron_version": "0.1.0",
        "sources": [
            {
                "name": name,
                "license": "",
                "weight": weight,
                "samples": samples,
                "images": samples,
                "turns": samples,
                "epochs": epochs,
                "share_asked": weight / 4,
                "share": samples * epochs / 20,
                "tokens_drawn": 30 * weight,
                "shards": [
                    {"url": f"../../samples/{name}/{part}.parquet", "rows": 1, "size_bytes": 9}
                    for part in shards[name]
                ],
            }
            for name, weight, samples, epochs in (("chartqa", 3, 10, 1.0), ("hitab", 1, 5, 2.0))
        ],
        "order": {},
        "validation": {"shards": [{"url": "validation/hitab-00000.parquet", "rows": 1}]},
    }
    write_json(f"{folder}/mixture/small/manifest.json", manifest)
