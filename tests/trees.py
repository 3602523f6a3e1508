"""Raw trees and recipes that several tests run on."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import orjson
import yaml
from PIL import Image

from cauldron.sample import content_hash


def noise(seed: int, side: int = 48) -> bytes:
    """Return a PNG of coarse noise, different for every seed."""
    rng = np.random.default_rng(content_hash(seed, "noise"))
    blocks = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(blocks).resize((side, side), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def vsr_tree(folder: Path, records: int = 60) -> Path:
    """Write VSR's layout: statements repeat at every seventh, the last has no picture."""
    images = folder / "train2017"
    images.mkdir(parents=True)
    lines = []
    for n in range(records):
        same = n - 1 if n % 7 == 6 else n
        name = f"{n:012d}.jpg"
        if n < records - 1:
            (images / name).write_bytes(noise(same))
        line = {
            "image": name,
            "image_link": f"http://images.cocodataset.org/train2017/{name}",
            "caption": f"The cat number {same} is left of the dog.",
            "label": same % 2,
            "relation": "left of",
        }
        lines.append(orjson.dumps(line))
    splits = folder / "data" / "splits" / "random"
    splits.mkdir(parents=True)
    (splits / "train.jsonl").write_bytes(b"\n".join(lines))
    return folder


def tabmwp_tree(folder: Path, records: int = 40) -> Path:
    """Write TabMWP's layout; one answer is empty."""
    (folder / "tables").mkdir(parents=True)
    problems = {}
    for n in range(1, records + 1):
        (folder / "tables" / f"{n}.png").write_bytes(noise(1000 + n))
        problems[str(n)] = {
            "question": f"How many pears are in row {n}?",
            "choices": None,
            "answer": str(n),
            "unit": None,
            "table_title": "Pears",
            "table": f"row | pears\n{n} | {n}",
            "solution": f"Find row {n}.\n\nIt holds {n} pears." if n > 1 else "",
            "ques_type": "free_text",
            "ans_type": "integer_number",
            "grade": 3,
        }
    (folder / "problems_train.json").write_bytes(orjson.dumps(problems))
    return folder


def recipe(folder: Path, **changes: object) -> Path:
    """Write two raw trees and a recipe over them; `changes` replace its keys."""
    if not (folder / "raw").exists():
        vsr_tree(folder / "raw" / "vsr")
        tabmwp_tree(folder / "raw" / "tabmwp")
    told = {
        "schema_version": 1,
        "name": "small",
        "seed": 5,
        "ingest": [
            {"source": "vsr", "raw": ["raw/vsr"]},
            {"source": "tabmwp", "raw": ["raw/tabmwp"]},
        ],
        "mix": {"by": "samples", "validation": {"share": 0.2}},
        **changes,
    }
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(told))
    return path
