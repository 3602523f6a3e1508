"""The workload of the loader benchmark: four sources of one JPEG and one chat a sample.

Pictures are synthetic but cost what photographs, charts and pages cost: cuts out of fields with a
1/f spectrum and sharp edges, bars, and pages full of strokes. Everything depends on the seed.

    DIR/raw/<source>.bin        the JPEG files, one behind the other
    DIR/raw/<source>.npy        where each begins, and the end
    DIR/raw/<source>.jsonl      id, source and messages of each
    DIR/mixture/manifest.json   the same samples as a mixture of ours
    DIR/many/manifest.json      a mixture of 10M rows in 1,000 shards, to start from
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from PIL import Image

from cauldron.mixture.manifest import build_manifest
from cauldron.mixture.plan import plan
from cauldron.mixture.settings import MixSettings
from cauldron.sample import SAMPLE_SCHEMA
from cauldron.storage import files
from cauldron.storage.index import index_url
from cauldron.storage.shards import write_shard

SEED = 20261126
FIELDS = 12
ROWS_PER_SHARD = 2_000
MANY_ROWS, MANY_SHARDS = 10_000_000, 1_000
WORDS = (
    "a the of on in and is to two three left right red blue green man woman dog car tree table "
    "chart axis value year total page line title answer shows small large between percent"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A source: its size, the weight of its draws, the sides of its pictures, its turns."""

    samples: int
    weight: float
    width: tuple[int, int]
    height: tuple[int, int]
    turns: int
    words: int
    kind: str


SOURCES = {
    "photo_qa": Source(
        samples=8000,
        weight=0.4,
        width=(480, 640),
        height=(360, 640),
        turns=4,
        words=6,
        kind="photo",
    ),
    "caption": Source(
        samples=6000,
        weight=0.2,
        width=(500, 700),
        height=(400, 560),
        turns=1,
        words=60,
        kind="photo",
    ),
    "chart": Source(
        samples=4000,
        weight=0.2,
        width=(400, 800),
        height=(300, 600),
        turns=2,
        words=12,
        kind="chart",
    ),
    "document": Source(
        samples=2000,
        weight=0.2,
        width=(600, 760),
        height=(560, 900),
        turns=3,
        words=25,
        kind="page",
    ),
}
NAMES = tuple(SOURCES)
WEIGHTS = {name: source.weight for name, source in SOURCES.items()}


def _noise(rng: np.random.Generator, side: int, power: float) -> np.ndarray:
    """Return a field with a spectrum of 1 / f ** power, mean 0 and deviation 1."""
    down, along = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    frequency = np.hypot(down, along)
    frequency[0, 0] = 1
    phases = np.exp(2j * np.pi * rng.random(frequency.shape))
    values = np.fft.irfft2(phases / frequency**power, s=(side, side))
    return (values - values.mean()) / values.std()


@cache
def _field(number: int) -> np.ndarray:
    """Return one large picture [1100, 1100, 3] that photographs are cut out of."""
    rng = np.random.default_rng([SEED, number])
    light, warm, cold = (_noise(rng, 1100, power) for power in (1.25, 1.6, 1.6))
    steps = np.digitize(_noise(rng, 1100, 1.9), [-0.8, 0.0, 0.7]) - 1.5
    colours = np.stack([light * 38 + warm * 22, light * 38 + cold * 8, light * 38 - cold * 22], -1)
    return np.clip(120 + colours + steps[..., None] * [18, 12, -10], 0, 255).astype(np.uint8)


def _picture(rng: np.random.Generator, source: Source) -> bytes:
    width, height = (
        int(rng.integers(*side, endpoint=True)) for side in (source.width, source.height)
    )
    if source.kind == "photo":
        field = _field(int(rng.integers(FIELDS)))
        top, left = (int(rng.integers(1100 - side)) for side in (height, width))
        pixels, quality = field[top : top + height, left : left + width], int(rng.integers(85, 95))
    else:
        pixels, quality = _drawn(rng, width, height, source.kind), int(rng.integers(80, 92))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality)
    return out.getvalue()


def _drawn(rng: np.random.Generator, width: int, height: int, kind: str) -> np.ndarray:
    pixels = np.full((height, width, 3), 250, np.uint8)
    if kind == "chart":
        for _ in range(int(rng.integers(4, 12))):
            left, top = int(rng.integers(width - 40)), int(rng.integers(height - 20))
            pixels[top:, left : left + int(rng.integers(10, 40))] = rng.integers(0, 255, 3)
    for _ in range(40 if kind == "chart" else 1500):
        top, left, long = (
            int(rng.integers(height - 10)),
            int(rng.integers(width - 8)),
            int(rng.integers(2, 8)),
        )
        down, along = (long, 2) if rng.random() < 0.5 else (2, long)
        pixels[top : top + down, left : left + along] = 20
    return pixels


def _chat(rng: np.random.Generator, source: Source) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in range(int(rng.integers(1, source.turns, endpoint=True))):
        asked = [
            {"type": "text", "text": " ".join(rng.choice(WORDS, int(rng.integers(5, 14)))) + "?"}
        ]
        answer = " ".join(rng.choice(WORDS, max(int(rng.poisson(source.words)), 1)))
        shown = [] if turn else [{"type": "image", "text": None}]
        messages += [
            {"role": "user", "content": shown + asked},
            {"role": "assistant", "content": [{"type": "text", "text": answer}]},
        ]
    return messages


def _sample(place: tuple[str, int]) -> tuple[bytes, bytes]:
    name, number = place
    rng = np.random.default_rng([SEED, NAMES.index(name), number])
    picture = _picture(rng, SOURCES[name])
    record = {
        "id": f"{name}/train/{number:06d}",
        "source": name,
        "messages": _chat(rng, SOURCES[name]),
    }
    return picture, orjson.dumps(record)


def sizes(scale: float) -> dict[str, int]:
    """Return the samples of each source."""
    return {name: max(int(source.samples * scale), 1) for name, source in SOURCES.items()}


def generate(folder: Path, scale: float, processes: int = 2) -> None:
    """Write the raw workload and the mixture, if they are not there yet."""
    done = folder / f"done-{SEED}-{scale:g}"
    if done.exists():
        return
    (folder / "raw").mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(processes) as pool:
        for name, count in sizes(scale).items():
            ends = [0]
            places = [(name, number) for number in range(count)]
            raw = folder / "raw" / name
            with (
                raw.with_suffix(".bin").open("wb") as pictures,
                raw.with_suffix(".jsonl").open("wb") as records,
            ):
                for picture, record in pool.map(_sample, places, chunksize=64):
                    pictures.write(picture)
                    records.write(record + b"\n")
                    ends.append(ends[-1] + len(picture))
            np.save(folder / "raw" / f"{name}.npy", np.array(ends, np.uint64))
    as_mixture(folder)
    done.touch()


def rows(folder: Path, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield picture and record of each sample of a source."""
    ends = np.load(folder / "raw" / f"{name}.npy").tolist()
    pictures = np.memmap(folder / "raw" / f"{name}.bin", np.uint8, "r")
    with (folder / "raw" / f"{name}.jsonl").open("rb") as records:
        for number, record in enumerate(records):
            yield pictures[ends[number] : ends[number + 1]].tobytes(), record.rstrip(b"\n")


def _table(pairs: list[tuple[bytes, bytes]]) -> pa.Table:
    samples = []
    for picture, record in pairs:
        told = orjson.loads(record)
        samples.append(
            {
                **told,
                "images": [{"bytes": picture, "path": ""}],
                "license": "CC0-1.0",
                "origin": {"file": told["source"], "record": told["id"]},
                "extra": "{}",
            }
        )
    return pa.Table.from_pylist(samples, schema=SAMPLE_SCHEMA)


def as_mixture(folder: Path) -> None:
    """Write the samples as shards with a manifest, by the code that `cauldron mix` runs."""
    found = {}
    for name in NAMES:
        pairs = list(rows(folder, name))
        found[name] = []
        for start in range(0, len(pairs), ROWS_PER_SHARD):
            url = f"shards/{name}-{start // ROWS_PER_SHARD:05d}.parquet"
            table = _table(pairs[start : start + ROWS_PER_SHARD])
            found[name].append(_written(folder / "mixture", url, table))
    _manifest(folder / "mixture", found)


def many(folder: Path) -> Path:
    """Return a mixture of 10M rows in 1,000 shards: four shards, linked under 250 names each."""
    place = folder / "many"
    if (place / "manifest.json").exists():
        return place
    found = {}
    for name in NAMES:
        _, record = next(rows(folder, name))
        tiny = io.BytesIO()
        Image.new("RGB", (16, 16)).save(tiny, "JPEG")
        table = _table([(tiny.getvalue(), record)] * (MANY_ROWS // MANY_SHARDS))
        first = _written(place, f"shards/{name}-00000.parquet", table)
        found[name] = [first]
        for number in range(1, MANY_SHARDS // len(NAMES)):
            url = f"shards/{name}-{number:05d}.parquet"
            for linked in (lambda at: at, index_url):
                os.link(linked(str(place / first["url"])), linked(str(place / url)))
            found[name].append({**first, "url": url})
    _manifest(place, found)
    return place


def _written(place: Path, url: str, table: pa.Table) -> dict[str, Any]:
    shard = write_shard(str(place / url), [table], SAMPLE_SCHEMA, indexed=True).as_dict()
    return {**shard, "url": url}


def _manifest(place: Path, shards: dict[str, list[dict[str, Any]]]) -> None:
    found = {name: _sizes(sum(shard["rows"] for shard in own)) for name, own in shards.items()}
    mixed = [
        {
            "source": name,
            "train": found[name],
            "validation": _sizes(0),
            "shards": own,
            "validation_shards": [],
        }
        for name, own in shards.items()
    ]
    settings = MixSettings.model_validate({"weights": WEIGHTS})
    facts = {name: {"license": "CC0-1.0", "card": ""} for name in NAMES}
    stages = plan(settings, found)
    manifest = build_manifest("loader", settings, 7, None, "", stages, mixed, facts)
    files.write_json(str(place / "manifest.json"), manifest)


def _sizes(samples: int) -> dict[str, int]:
    counted = ("samples", "turns", "images")
    return {
        k: samples if k in counted else 50 * samples
        for k in (*counted, "chars", "answer_tokens", "text_tokens")
    }
