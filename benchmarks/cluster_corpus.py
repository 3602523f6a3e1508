"""Raw data of many samples, drawn in seconds: chats over pictures, and documents, with copies.

Two sources in the form of messages: `vqav2`, a picture of 96 pixels, a question and an answer, and
`obelics`, documents of about 120 words. Of each a tenth are copies: equal ones, pictures that
were stored again at lower quality, texts of which some words were changed.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

ROWS = 10_000  # of one raw file
DOCUMENTS = 0.3
QUESTIONS = ["What is shown?", "How many discs are there?", "Which colour is the ground?"]
RECIPE = """\
schema_version: 1
name: {name}
ingest:
  - {{source: vqav2, raw: [{folder}/vqav2]}}
  - {{source: obelics, raw: [{folder}/obelics]}}
rules: default
dedup: {{images_exact_only: [], paragraphs: 3}}
mix: {{materialize: true, validation: {{share: 0.01}}}}
"""
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("messages", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("license", pa.string()),
        ("extra", pa.string()),
    ]
)


def corpus(folder: Path, samples: int, seed: int = 0) -> Path:
    """Write raw data and a recipe once; return the recipe."""
    recipe = folder / "recipe.yaml"
    if not recipe.exists():
        documents = int(samples * DOCUMENTS)
        _write(folder / "vqav2", samples - documents, _chat, seed)
        _write(folder / "obelics", documents, _document, seed + 1)
        recipe.write_text(RECIPE.format(name="cluster", folder=folder))
    return recipe


def _write(folder: Path, rows: int, draw, seed: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, rows, ROWS)):
        rng = np.random.default_rng([seed, number])
        drawn = [draw(rng, k) for k in range(start, min(start + ROWS, rows))]
        table = pa.Table.from_pylist(drawn, schema=_SCHEMA)
        pq.write_table(table, folder / f"train-{number:05d}.parquet", row_group_size=1_000)


def _of(rng: np.random.Generator, number: int) -> tuple[int, bool]:
    """Return what is drawn: for a tenth something drawn before, equal or changed."""
    copied = number > 0 and rng.random() < 0.1
    return (int(rng.integers(number)) if copied else number), copied and rng.random() < 0.5


def _chat(rng: np.random.Generator, number: int) -> dict:
    shown, changed = _of(rng, number)
    question = QUESTIONS[shown % len(QUESTIONS)]
    said = [{"role": "user", "content": question}]
    said.append({"role": "assistant", "content": f"{shown % 7} of {shown % 11}."})
    image = {"bytes": picture(shown, 40 if changed else 85), "path": ""}
    return _row(f"c{number}", said, [image])


def _document(rng: np.random.Generator, number: int) -> dict:
    told, changed = _of(rng, number)
    words = np.random.default_rng([7, told]).integers(0, 30_000, 120)
    texts = [word(n) for n in words]
    if changed:
        texts[60] = "changed"
    footer = f"All rights reserved by the owner of site {told % 50}."
    texts = [" ".join(texts[:60]), " ".join(texts[60:]), footer]
    return _row(f"d{number}", [{"role": "document", "content": "\n\n".join(texts)}], [])


def word(number: int) -> str:
    """Return a made-up word of five letters."""
    return "".join("bdfgklmnprstvz"[number // 14**k % 14] + "aeiou"[number % 5] for k in range(3))


def _row(name: str, messages: list, images: list) -> dict:
    told = {"messages": messages, "images": images, "license": "CC0-1.0", "extra": "{}"}
    return {"id": name, **told}


def picture(number: int, quality: int) -> bytes:
    """Return a drawn scene, different for every number."""
    rng = np.random.default_rng([5, number])
    image = Image.new("RGB", (96, 96), tuple(rng.integers(40, 220, 3).tolist()))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y, side = rng.integers(0, 70, 3)
        box = (int(x), int(y), int(x + side // 2 + 8), int(y + side // 2 + 8))
        draw.ellipse(box, fill=tuple(rng.integers(0, 255, 3).tolist()))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()
