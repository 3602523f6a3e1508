"""Small real mixtures for the tests of loading and training: raw trees, ingested and mixed."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from cauldron import curation, mixing, steps
from cauldron.curate.rules import Rules
from cauldron.engine.local import LocalEngine
from cauldron.filtering import filter_samples
from cauldron.mixture.manifest import build_manifest
from cauldron.mixture.plan import SIZES, plan
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SAMPLE_SCHEMA, Turn, chat_messages
from cauldron.storage import files
from cauldron.storage.shards import write_shard


def discs(rng: np.random.Generator, number: int) -> bytes:
    """Return a PNG of 96 x 64 pixels: bright discs on a dark, noisy ground, in cells of 16."""
    y, x = np.mgrid[:64, :96]
    pixels = rng.normal(45, 8, (64, 96))
    for cell in rng.permutation(24)[:number]:
        row, column = divmod(int(cell), 6)
        centre = 16 * np.array([row, column]) + 8 + rng.uniform(-1.5, 1.5, 2)
        inside = np.hypot(y - centre[0], x - centre[1]) < rng.uniform(3.5, 6)
        pixels[inside] = rng.uniform(150, 230)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def counting_tree(folder: Path, pictures: int, seed: int = 0) -> Path:
    """Write counting questions in the layout of VQA-RAD."""
    images = folder / "VQA_RAD Image Folder"
    images.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    records: list[dict[str, Any]] = []
    for number in range(pictures):
        count = number % 6 + 1
        name = f"scan{number:05d}.png"
        (images / name).write_bytes(discs(rng, count))
        records.append(
            {
                "qid": str(number),
                "image_name": name,
                "question": "How many nodules are visible?",
                "answer": str(count),
                "answer_type": "OPEN",
                "question_type": "COUNT",
                "phrase_type": "freeform",
            }
        )
    (folder / "VQA_RAD Dataset Public.json").write_text(json.dumps(records))
    return folder


def colour_tree(folder: Path, pictures: int) -> Path:
    """Write questions on plain pictures of several sizes in hub form, two turns each."""
    folder.mkdir(parents=True)
    colours = {"red": (200, 30, 30), "green": (30, 160, 60), "blue": (40, 60, 200)}
    images, texts = [], []
    for number in range(pictures):
        name, colour = list(colours.items())[number % 3]
        size = ((64, 48), (200, 120), (50, 120))[number % 7 % 3]
        shade = tuple(min(c + number % 40, 255) for c in colour)
        out = io.BytesIO()
        Image.new("RGB", size, shade).save(out, "PNG")
        images.append([{"bytes": out.getvalue(), "path": None}])
        shape = "wide" if size[0] > size[1] else "high"
        texts.append(
            [
                {"user": f"Which colour is page {number}?", "assistant": name, "source": "x"},
                {"user": "Is it wide or high?", "assistant": shape, "source": "x"},
            ]
        )
    table = pa.table({"images": images, "texts": texts})
    pq.write_table(table, folder / "train-00000-of-00001.parquet", row_group_size=7)
    return folder


def mixture(
    place: Path,
    counting: int,
    colours: int,
    *,
    weights: dict[str, float] | None = None,
    share: float = 0.2,
    seed: int = 0,
    materialize: bool = True,
) -> Path:
    """Ingest, measure, filter and mix both sources; return the manifest's path."""
    raw = place / "raw"
    with LocalEngine(0) as engine:
        work = str(place / "work")
        if counting:
            tree = counting_tree(raw / "counting", counting, seed)
            steps.ingest(engine, work, "vqarad", [str(tree)])
        if colours:
            tree = colour_tree(raw / "colours", colours)
            steps.ingest(engine, work, "docvqa", [str(tree)], form="hub")
        curation.measure(engine, work)
        filter_samples(engine, work, Rules())
        settings = MixSettings(weights=weights, validation={"share": share})
        mixing.mix(engine, work, settings, name="small", seed=seed, materialize=materialize)
    return place / "work" / "mixture" / "small" / "manifest.json"


def written(
    place: Path, sources: dict[str, list[dict[str, Any]]], rows_per_shard: int = 50, **settings: Any
) -> str:
    """Write samples (`messages`, and `images` as bytes) as a mixture of their own; return its URL.

    Args:
        settings: of `MixSettings`; by default every sample is drawn equally often.
    """
    told = MixSettings.model_validate({"validation": {"share": 0.0}} | settings)
    mixed, sizes = [], {}
    for name, samples in sources.items():
        rows = [
            {
                "id": f"{name}/train/{number}",
                "source": name,
                "messages": sample["messages"],
                "images": [{"bytes": image, "path": ""} for image in sample["images"]],
                "license": "CC0-1.0",
                "origin": {"file": "", "record": str(number)},
                "extra": "{}",
            }
            for number, sample in enumerate(samples)
        ]
        shards = []
        for start in range(0, len(rows), rows_per_shard):
            url = f"shards/{name}-{start // rows_per_shard:05d}.parquet"
            table = pa.Table.from_pylist(rows[start : start + rows_per_shard], SAMPLE_SCHEMA)
            shard = write_shard(str(place / url), [table], SAMPLE_SCHEMA, indexed=True).as_dict()
            shards.append({**shard, "url": url})
        sizes[name] = dict.fromkeys(("samples", *SIZES), len(rows))
        none = dict.fromkeys(sizes[name], 0)
        mixed.append(
            {
                "source": name,
                "train": sizes[name],
                "validation": none,
                "shards": shards,
                "validation_shards": [],
            }
        )
    facts = {name: {"license": "CC0-1.0", "card": ""} for name in sources}
    manifest = build_manifest("small", told, 0, None, "", plan(told, sizes), mixed, facts)
    files.write_json(str(place / "manifest.json"), manifest)
    return str(place / "manifest.json")


def chat(*turns: tuple[str, str], images: Sequence[bytes] = ()) -> dict[str, Any]:
    """Return a chat with its pictures in front of the first question."""
    asked = tuple(Turn(user=user, assistant=assistant) for user, assistant in turns)
    return {"messages": chat_messages(len(images), asked), "images": list(images)}
