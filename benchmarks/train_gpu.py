"""Tokens a second and model flops utilisation on one GPU, beside the stock step of transformers.

    python -P benchmarks/train_gpu.py            # all of the table, a few minutes
    python -P benchmarks/train_gpu.py --only 8b --ways packed --tiny

Two configurations with random weights made on the device: `1b`, recipes/model/idefics2-1b.yaml with
everything trained, and `8b`, recipes/model/idefics2-8b.yaml with the connector trained, the rest
adapted by LoRA and activations recomputed, as in recipes/train. bfloat16, AdamW. The same chats,
each with a picture of 378 to 980 pixels and a text of heavy-tailed length, are seen in three ways:
`stock` pads texts and pictures and computes every logit, with sdpa; `packed` is our step on rows of
2,048 tokens; `kept` is that with all activations kept, a row at a time. Each runs in a process of
its own.

Utilisation counts the arithmetic that is of use (cauldron/train/flops.py) on what is real: padding
and what is recomputed do not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
from train_step import packed, padded

from cauldron.loader.tokens import END_ID, FAKE_ID, IMAGE_ID, OURS, START_ID, Encoded
from cauldron.model.build import empty, quiet
from cauldron.model.pictures import Pixels
from cauldron.model.settings import ModelSettings
from cauldron.train import flops, parts
from cauldron.train.parallel import Ranks
from cauldron.train.run import prepare
from cauldron.train.settings import TrainSettings
from cauldron.train.step import PackedLoss, backward, micro_batches

ROW, VOCAB = 2048, 32_003
ADAPTED = {
    "vision": "lora", "language": "lora", "head": "lora", "new_embeddings": "full",
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "1b": {"model": "idefics2-1b", "train": {}, "recompute": False},
    "8b": {"model": "idefics2-8b", "train": ADAPTED, "recompute": True},
}
WAYS = ("packed", "kept", "stock")
ROWS_AT_ONCE, SAMPLES_AT_ONCE = {"packed": 5, "kept": 1}, 8
"""Of a micro-batch of ours and of the stock step."""


def settings_of(kind: str, way: str, tiny: bool) -> TrainSettings:
    """Return the training of a configuration; a tiny one has the same parts."""
    model = {"base": KINDS[kind]["model"]}
    if tiny:
        model = {"base": "tiny", "min_side": 56, "max_side": 112}
    return TrainSettings.model_validate(
        {
            **KINDS[kind], "model": model, "precision": "bf16", "row_tokens": ROW,
            "attention": "sdpa" if way == "stock" else "packed",
            "recompute": KINDS[kind]["recompute"] and way != "kept",
        }
    )  # fmt: skip


def examples(model: ModelSettings, samples: int) -> tuple[list[Encoded], list[Pixels]]:
    """Return chats with a picture each, three tenths of their words supervised."""
    rng = np.random.default_rng(0)
    encoded, pictures = [], []
    for _ in range(samples):
        words = rng.integers(16, 270, int(np.clip(rng.lognormal(5.0, 0.9), 16, ROW // 2)))
        head = [START_ID, FAKE_ID, *[IMAGE_ID] * model.image_tokens, FAKE_ID]
        ids = np.array([*head, *words, END_ID], dtype=np.int64)
        supervised = np.arange(len(ids)) >= len(head) + int(0.7 * len(words))
        encoded.append(Encoded(ids=ids, supervised=supervised, images=1))
        low, high = model.min_side // model.patch, model.max_side // model.patch
        height, width = rng.integers(low, high + 1, 2) * model.patch
        pictures.append(rng.integers(0, 256, (3, height, width), np.uint8))
    return encoded, pictures


def model_of(settings: TrainSettings, device: torch.device) -> Any:
    """Return a model with random weights that were made on the device."""
    with device, quiet():
        model = empty(settings.model, VOCAB)
        latents = model.model.connector.perceiver_resampler.latents
        torch.nn.init.normal_(latents, std=latents.shape[-1] ** -0.5)
    parts.apply(model, settings.train, OURS, seed=0)
    if settings.attention == "packed":
        prepare(model.to(device), settings)
    else:
        plain(model, settings)
    return model.to(device).train()


def plain(model: Any, settings: TrainSettings) -> None:
    """Prepare a model as a plain script does: frozen weights in bfloat16, layers recomputed."""
    if settings.recompute:
        model.gradient_checkpointing_enable({"use_reentrant": False})
        model.enable_input_require_grads()
    for weight in model.parameters():
        if not weight.requires_grad:
            weight.data = weight.data.to(torch.bfloat16)


def our_step(
    model: Any, encoded: list[Encoded], pictures: list[Pixels], rows: int
) -> Callable[[], float]:
    """Return forward and backward of our loop."""
    module, batch = PackedLoss(model), packed(encoded, pictures, ROW)
    ranks, latents = Ranks(device=model.device), model.config.perceiver_config.resampler_n_latents

    def step() -> float:
        shares = micro_batches(batch, rows, IMAGE_ID, latents)
        return backward(module, batch, shares, ranks, sources=1, neftune=0.0, bf16=True).loss

    return step


def stock_step(model: Any, encoded: list[Encoded], pictures: list[Pixels]) -> Callable[[], float]:
    """Return forward and backward as a plain script does them, in micro-batches."""
    total = sum(int(sample.supervised[1:].sum()) for sample in encoded)
    starts = range(0, len(encoded), SAMPLES_AT_ONCE)
    chosen = [slice(start, start + SAMPLES_AT_ONCE) for start in starts]
    batches = [padded(encoded[part], pictures[part]) for part in chosen]

    def step() -> float:
        losses = []
        for batch in batches:
            moved = {name: x.to(model.device, non_blocking=True) for name, x in batch.items()}
            with torch.autocast(model.device.type, torch.bfloat16):
                loss = model(**moved).loss * ((moved["labels"][:, 1:] >= 0).sum() / total)
            loss.backward()
            losses.append(loss.detach())
        return float(torch.stack(losses).sum())

    return step


def useful_flops(model: Any, encoded: list[Encoded], pictures: list[Pixels]) -> float:
    """Return the arithmetic of a step on what is real."""
    patch = model.config.vision_config.patch_size
    patches = [p.shape[1] * p.shape[2] // patch**2 for p in pictures]
    lengths = [len(sample.ids) for sample in encoded]
    through = {
        **flops.pictures_through(model, patches),
        "tokens": sum(lengths),
        "supervised": sum(int(sample.supervised[1:].sum()) for sample in encoded),
    }
    pairs = {"vision": flops.squares(patches), "language": flops.squares(lengths)}
    return flops.step_flops(flops.weights_by_part(model), through, flops.attention_of(model), pairs)


def measured(kind: str, way: str, samples: int, steps: int, tiny: bool) -> dict[str, Any]:
    """Return the figures of one configuration in one way."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu")
    settings = settings_of(kind, way, tiny)
    started = time.perf_counter()
    encoded, pictures = examples(settings.model, samples)
    model = model_of(settings, device)
    useful = useful_flops(model, encoded, pictures)
    optimizer = torch.optim.AdamW(parts.groups(model, settings.all_stages[0]), 1e-5, fused=True)
    if way == "stock":
        step = stock_step(model, encoded, pictures)
    else:
        step = our_step(model, encoded, pictures, ROWS_AT_ONCE[way])
    synchronize = torch.cuda.synchronize if cuda else lambda: None
    losses, seconds = [], []
    warm = 1
    for number in range(steps + warm):
        synchronize()
        begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        losses.append(step())
        torch.nn.utils.clip_grad_norm_([w for w in model.parameters() if w.requires_grad], 1.0)
        optimizer.step()
        synchronize()
        if number >= warm:
            seconds.append(time.perf_counter() - begun)
    middle, peak = float(np.median(seconds)), flops.peak_flops(device, None)
    tokens = sum(len(sample.ids) for sample in encoded)
    return {
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "configuration": kind, "way": way, "samples": samples, "tokens": tokens,
        "parameters": sum(w.numel() for w in model.parameters()),
        "trained": sum(w.numel() for w in model.parameters() if w.requires_grad),
        "loss": losses[0], "step_s": middle, "tokens_per_s": tokens / middle,
        "images_per_s": samples / middle, "tflop": useful / 1e12,
        "mfu": useful / middle / peak if peak else None,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if cuda else None,
        "seconds": time.perf_counter() - started,
    }  # fmt: skip


def table(found: list[dict[str, Any]]) -> str:
    """Return the figures as a table, with the ratio to the stock step."""
    lines = [
        "| device | configuration | way | tokens/s | images/s | MFU | peak GiB | ratio |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    stock = {row["configuration"]: row["step_s"] for row in found if row["way"] == "stock"}
    for row in found:
        mfu = f"{row['mfu']:.1%}" if row["mfu"] else "-"
        memory = f"{row['peak_gib']:.1f}" if row["peak_gib"] else "-"
        base = stock.get(row["configuration"])
        ratio = f"{base / row['step_s']:.2f}" if base else "-"
        lines.append(
            f"| {row['device']} | {row['configuration']} | {row['way']} | "
            f"{row['tokens_per_s']:,.0f} | {row['images_per_s']:.1f} | {mfu} | {memory} | {ratio} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure each configuration in each way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=KINDS, action="append")
    parser.add_argument("--ways", choices=WAYS, action="append")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--limit", type=float, default=150, help="seconds of one measurement")
    parser.add_argument("--tiny", action="store_true", help="try the script where there is no GPU")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    told = parser.parse_args()
    kinds, ways = told.only or list(KINDS), told.ways or list(WAYS)
    if told.one:
        print(json.dumps(measured(kinds[0], ways[0], told.samples, told.steps, told.tiny)))
        return
    found = []
    for kind in kinds:
        for way in ways:
            line = _in_a_process(kind, way, told)
            if line:
                found.append(line)
                print(json.dumps(line), flush=True)
    print(table(found))


def _in_a_process(kind: str, way: str, told: argparse.Namespace) -> dict[str, Any] | None:
    command = [
        sys.executable, "-P", __file__, "--one", "--only", kind, "--ways", way,
        "--samples", str(told.samples), "--steps", str(told.steps), *["--tiny"] * told.tiny,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=told.limit)
    except subprocess.TimeoutExpired:
        print(f"{kind} {way}: no result in {told.limit:.0f} s", file=sys.stderr)
        return None
    if done.returncode:
        print(f"{kind} {way}: {done.stderr[-1500:]}", file=sys.stderr)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()
