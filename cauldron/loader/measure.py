"""How fast the loader is on this machine, and whether it keeps up with a training step."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from cauldron.loader.dataset import PackedBatch, PackedBatches, Packing
from cauldron.loader.samples import Samples
from cauldron.loader.tokens import Encoder, train_tokenizer, training_texts
from cauldron.mixture.order_quality import quality_of

TEXTS_PER_SOURCE = 200
VOCAB_SIZE = 4096
_WARM_UP = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is measured.

    Args:
        seconds: of loading at full speed, and again beside steps of `step_ms`.
        step_ms: time of a training step, which is slept.
        ahead: batches made ahead.
    """

    packing: Packing
    seconds: float = 5.0
    step_ms: float = 200.0
    ahead: int = 2


def bench(manifest: str, told: Bench, image_tokens: int | None = None) -> dict[str, Any]:
    """Load packed batches of a mixture and say how fast.

    The tokenizer is a small one trained on the mixture, so lengths are near those of training.

    Args:
        image_tokens: tokens of a picture; the manifest's when left out.

    Returns:
        Rates a second, the share of time that a training step of `step_ms` waits, the share of
        positions that hold tokens, pictures of a row, times to the first batch and after a
        resume, bytes of the state, memory, the quality of the order and counted remarks.
    """
    with Samples(manifest) as samples:
        texts = training_texts(samples, 0, TEXTS_PER_SOURCE)
        cost = image_tokens or int(samples.manifest["image_tokens"])
        order = quality_of(samples.order)
    encoder = Encoder(train_tokenizer(texts, VOCAB_SIZE), cost)

    def stream() -> PackedBatches:
        return PackedBatches(manifest, encoder, told.packing, ahead=told.ahead)

    first_s, batches, taken_s = _at_full_speed(stream(), told.seconds)
    wait_share = _beside_steps(stream(), told)
    resumed = stream()
    resumed.load_state_dict(batches[-1].state)
    started = time.perf_counter()
    iterator = resumed.batches()
    next(iterator)
    resume_s = time.perf_counter() - started
    iterator.close()
    return {
        **_rates(batches, taken_s, told.packing, encoder),
        "step_ms": told.step_ms,
        "wait_share": wait_share,
        "first_batch_s": first_s,
        "resume_s": resume_s,
        "state_bytes": len(orjson.dumps(batches[-1].state)),
        "anonymous_mb": _anonymous_mb(),
        **{f"order_{name}": value for name, value in order.items()},
    }


def _at_full_speed(data: PackedBatches, seconds: float) -> tuple[float, list[PackedBatch], float]:
    """Return the time to the first batch, further batches without pixels, and their time."""
    started = time.perf_counter()
    iterator = data.batches()
    next(iterator)
    first_s = time.perf_counter() - started
    for _ in range(_WARM_UP):
        next(iterator)
    batches: list[PackedBatch] = []
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or not batches:
        batches.append(replace(next(iterator), pictures=()))
    taken_s = time.perf_counter() - started
    iterator.close()
    return first_s, batches, taken_s


def _beside_steps(data: PackedBatches, told: Bench) -> float:
    iterator = data.batches()
    for _ in range(_WARM_UP):
        next(iterator)
    waited, started = 0.0, time.perf_counter()
    while time.perf_counter() - started < told.seconds:
        time.sleep(told.step_ms / 1000)
        asked = time.perf_counter()
        next(iterator)
        waited += time.perf_counter() - asked
    share = waited / (time.perf_counter() - started)
    iterator.close()
    return share


def _rates(
    batches: list[PackedBatch], seconds: float, packing: Packing, encoder: Encoder
) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    sources: dict[str, Counter[str]] = {}
    notes: Counter[str] = Counter()
    for batch in batches:
        notes.update(batch.notes)
        for source, own in batch.counts.items():
            counts.update(own)
            sources.setdefault(source, Counter()).update(own)
    rows = len(batches) * packing.rows
    marks = np.concatenate([(b.ids == encoder.marks.image).sum(1).numpy() for b in batches])
    images = marks / encoder.image_tokens
    return {
        "samples_per_s": counts["samples"] / seconds,
        "images_per_s": counts["images"] / seconds,
        "tokens_per_s": counts["tokens"] / seconds,
        "batch_ms": 1000 * seconds / len(batches),
        "packing_efficiency": counts["tokens"] / (rows * packing.length),
        "images_per_row_mean": float(images.mean()),
        "images_per_row_p99": float(np.quantile(images, 0.99)),
        "samples": counts["samples"],
        "sources": {name: dict(own) for name, own in sorted(sources.items())},
        "notes": dict(sorted(notes.items())),
    }


def _anonymous_mb() -> float | None:
    """Return the memory of this process that no file backs, where the system says."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return None
    lines = [line.split() for line in status.read_text().splitlines()]
    return sum(int(f[1]) for f in lines if f[0] in ("RssAnon:", "RssShmem:")) / 1000
