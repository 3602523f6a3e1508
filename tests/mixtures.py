"""Small real mixtures for the tests of loading and training: raw trees, ingested and mixed."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFilter

from cauldron import curation, mixing, steps
from cauldron.curate.rules import Rules
from cauldron.engine.local import LocalEngine
from cauldron.mixture.settings import MixSettings


def discs(rng: random.Random, number: int, width: int = 96, height: int = 64) -> bytes:
    """Return a PNG of bright discs that do not touch on a dark, uneven background."""
    image = Image.effect_noise((width, height), rng.uniform(10, 25)).point(lambda v: v * 0.35)
    draw = ImageDraw.Draw(image)
    placed: list[tuple[int, int, int]] = []
    while len(placed) < number:
        r = rng.randint(4, 7)
        x, y = rng.randint(r + 2, width - r - 3), rng.randint(r + 2, height - r - 3)
        if all((x - a) ** 2 + (y - b) ** 2 > (r + s + 3) ** 2 for a, b, s in placed):
            placed.append((x, y, r))
            draw.ellipse((x - r, y - r, x + r, y + r), fill=rng.randint(170, 250))
    out = io.BytesIO()
    image.filter(ImageFilter.GaussianBlur(0.6)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def counting_tree(folder: Path, pictures: int, seed: int = 0) -> Path:
    """Write counting questions in the layout of VQA-RAD."""
    images = folder / "VQA_RAD Image Folder"
    images.mkdir(parents=True)
    rng = random.Random(seed)
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
    with LocalEngine(1) as engine:
        work = str(place / "work")
        if counting:
            tree = counting_tree(raw / "counting", counting, seed)
            steps.ingest(engine, work, "vqarad", [str(tree)])
        if colours:
            tree = colour_tree(raw / "colours", colours)
            steps.ingest(engine, work, "docvqa", [str(tree)], form="hub")
        curation.measure(engine, work)
        curation.filter_samples(engine, work, Rules())
        settings = MixSettings(weights=weights, validation={"share": share})
        mixing.mix(engine, work, settings, name="small", seed=seed, materialize=materialize)
    return place / "work" / "mixture" / "small" / "manifest.json"
