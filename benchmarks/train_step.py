"""One training step on packed rows against the stock step of transformers on a padded batch.

    python -P benchmarks/train_step.py

The same Idefics2 with the same weights sees the same 16 chats, each with a picture of its own size
and an answer of its own length (most short, a few long). The stock step pads text and pictures,
takes labels and computes every logit; ours packs rows of 512 tokens, groups pictures by size and
computes logits where a token is supervised. Forward, backward and AdamW, two threads, float32;
rounds are interleaved and the fastest of each counts. The ratio of processor time holds on a
machine that is busy with other work, best with `--threads 1`.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cauldron.loader.batch import PackedBatch, grouped
from cauldron.loader.pack import pack
from cauldron.loader.tokens import END_ID, FAKE_ID, IMAGE_ID, START_ID, Encoded
from cauldron.model.build import build, quiet
from cauldron.model.packed import PACKED
from cauldron.model.pictures import Pixels, normalized
from cauldron.model.settings import ModelSettings
from cauldron.train.parallel import Ranks
from cauldron.train.step import PackedLoss, backward, micro_batches

SETTINGS = ModelSettings(
    width=192, heads=6, mlp_ratio=4, vision_layers=4, perceiver_layers=2, text_layers=4,
    latents=16, patch=14, min_side=84, max_side=224,
)  # fmt: skip
LENGTH, EXAMPLES, FIRST_WORD = 512, 16, 16
SEED = 87
"""One whose batch has the sizes of the promise: about 1,675 real tokens (4,368 padded) and 1,912
real patches (4,096 padded)."""
AIMS = {512: 1.8, 32_000: 4.5}


def examples(vocab_size: int) -> tuple[list[Encoded], list[Pixels]]:
    """Return chats of heavy-tailed lengths, about three tenths supervised, and their pictures."""
    rng = np.random.default_rng(SEED)
    encoded, pictures = [], []
    for _ in range(EXAMPLES):
        total = int(np.clip(rng.lognormal(4.0, 0.9), 16, 254))
        asked = int(total * 0.7)
        words = rng.integers(FIRST_WORD, vocab_size, total)
        head = [START_ID, FAKE_ID, *[IMAGE_ID] * SETTINGS.latents, FAKE_ID]
        ids = np.array([*head, *words, END_ID], dtype=np.int64)
        supervised = np.arange(len(ids)) >= len(head) + asked
        encoded.append(Encoded(ids=ids, supervised=supervised, images=1))
        height, width = rng.integers(6, 17, 2) * SETTINGS.patch
        pictures.append(rng.integers(0, 256, (3, height, width), np.uint8))
    return encoded, pictures


def padded(encoded: list[Encoded], pictures: list[Pixels]) -> dict[str, torch.Tensor]:
    """Return the batch as the stock processor and collator make it."""
    longest = max(len(sample.ids) for sample in encoded)
    height, width = (max(p.shape[k] for p in pictures) for k in (1, 2))
    batch = {
        "input_ids": torch.zeros(len(encoded), longest, dtype=torch.int64),
        "attention_mask": torch.zeros(len(encoded), longest, dtype=torch.int64),
        "labels": torch.full((len(encoded), longest), -100),
        "pixel_values": torch.zeros(len(encoded), 1, 3, height, width),
        "pixel_attention_mask": torch.zeros(len(encoded), 1, height, width, dtype=torch.bool),
    }
    for n, (sample, picture) in enumerate(zip(encoded, pictures, strict=True)):
        ids, supervised = torch.from_numpy(sample.ids), torch.from_numpy(sample.supervised)
        batch["input_ids"][n, : len(ids)] = ids
        batch["attention_mask"][n, : len(ids)] = 1
        batch["labels"][n, : len(ids)] = torch.where(supervised, ids, -100)
        batch["pixel_values"][n, 0, :, : picture.shape[1], : picture.shape[2]] = normalized(
            [picture]
        )[0]
        batch["pixel_attention_mask"][n, 0, : picture.shape[1], : picture.shape[2]] = True
    return batch


def packed(encoded: list[Encoded], pictures: list[Pixels], length: int = LENGTH) -> PackedBatch:
    """Return the batch as our loader makes it."""
    rows = pack(encoded, length)
    return PackedBatch(
        step=0,
        ids=torch.from_numpy(rows.ids),
        positions=torch.from_numpy(rows.positions),
        targets=torch.from_numpy(rows.targets),
        sample=torch.from_numpy(rows.sample),
        source=torch.zeros(len(encoded), dtype=torch.int64),
        drawn=torch.zeros(len(encoded), dtype=torch.int64),
        sample_ids=tuple(map(str, range(len(encoded)))),
        pictures=grouped([pictures[n] for n in rows.order]),
        counts={},
        notes=Counter(),
        state={},
    )


def stock_step(model: Any, batch: dict[str, torch.Tensor]) -> Callable[[], float]:
    """Return a step as a plain training script does it."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4)

    def step() -> float:
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def our_step(model: Any, batch: PackedBatch) -> Callable[[], float]:
    """Return a step of our loop."""
    model.set_attn_implementation(PACKED)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=True)
    module = PackedLoss(model)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        parts = micro_batches(batch, 0, IMAGE_ID, SETTINGS.latents)
        found = backward(module, batch, parts, Ranks(), sources=1, neftune=0.0, bf16=False)
        optimizer.step()
        return found.loss

    return step


def measured(vocab_size: int, rounds: int) -> dict[str, float]:
    """Return seconds of both steps, real tokens a second and the ratio."""
    encoded, pictures = examples(vocab_size)
    with quiet():
        model = build(SETTINGS, vocab_size, seed=0).train()
    steps = {
        "stock": stock_step(copy.deepcopy(model), padded(encoded, pictures)),
        "ours": our_step(model, packed(encoded, pictures)),
    }
    losses = {name: step() for name, step in steps.items()}
    difference = abs(losses["stock"] - losses["ours"])
    assert difference < 1e-5, f"the losses differ by {difference}"
    seconds = dict.fromkeys(steps, float("inf"))
    processor = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            started, used = time.perf_counter(), time.process_time()
            step()
            seconds[name] = min(seconds[name], time.perf_counter() - started)
            processor[name] = min(processor[name], time.process_time() - used)
    tokens = sum(len(sample.ids) for sample in encoded)
    return {
        "vocab_size": vocab_size,
        "tokens": tokens,
        "loss_difference": difference,
        "stock_tokens_per_s": tokens / seconds["stock"],
        "our_tokens_per_s": tokens / seconds["ours"],
        "ratio": seconds["stock"] / seconds["ours"],
        "ratio_of_processor_time": processor["stock"] / processor["ours"],
        "aim": AIMS[vocab_size],
    }


def main() -> None:
    """Measure and print one JSON line for each vocabulary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    for vocab_size in AIMS:
        print(json.dumps(measured(vocab_size, told.rounds)), flush=True)


if __name__ == "__main__":
    main()
