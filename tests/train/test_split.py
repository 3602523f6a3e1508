"""Split pictures: training shows what the model is asked with, at the full size of the original."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from cauldron.loader.dataset import PackedBatches, Packing
from cauldron.loader.pictures import Fit
from cauldron.loader.tokens import Encoder, train_tokenizer
from cauldron.model.build import build, quiet
from cauldron.model.pictures import read_pieces
from cauldron.model.settings import ModelSettings
from cauldron.train.step import PackedLoss, micro_batches
from tests.mixtures import chat, written

MODEL = ModelSettings(
    width=16, heads=2, vision_layers=1, perceiver_layers=1, text_layers=1, latents=2, patch=8,
    min_side=8, max_side=48, split=True,
)  # fmt: skip
TOKENIZER = train_tokenizer(["Which? User: Assistant: 0 1 2 3 4 5"] * 3, 290)
ENCODER = Encoder(TOKENIZER, MODEL.image_tokens)
FIT = Fit(longest=MODEL.max_side, shortest=MODEL.min_side, multiple=MODEL.multiple, bilinear=True)


def fine(seed: int) -> tuple[bytes, np.ndarray[Any, Any]]:
    """Return a picture of 96 x 48 whose pixels all differ, encoded and as [H, W, 3]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 96, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue(), pixels


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> str:
    samples = [chat(("Which?", str(n)), images=[fine(n)[0]]) for n in range(6)]
    return written(tmp_path_factory.mktemp("split"), {"a": samples})


def batch_of(manifest: str) -> Any:
    told = Packing(length=160, rows=3, fit=FIT, split_share=1.0, how="exact")
    (batch,) = islice(PackedBatches(manifest, ENCODER, told), 1)
    return batch


def test_quarters_are_cut_at_full_size_row_by_row_and_the_whole_follows(manifest: str) -> None:
    batch = batch_of(manifest)
    shown = batch.pictures_in_order()
    for place, name in enumerate(batch.sample_ids):
        data, pixels = fine(int(name.rpartition("/")[2]))
        own = shown[5 * place : 5 * place + 5]
        quarters = [pixels[y : y + 24, x : x + 48] for y in (0, 24) for x in (0, 48)]
        for seen, quarter in zip(own[:4], quarters, strict=True):
            assert np.array_equal(seen, quarter.transpose(2, 0, 1))
        assert own[4].shape == (3, 24, 48)
        asked = read_pieces(data, MODEL)
        assert all(np.array_equal(a, b) for a, b in zip(own, asked, strict=True))


def test_training_begins_with_the_tokens_that_are_asked_with() -> None:
    sample = chat(("Which?", "3"), images=[fine(3)[0]])
    whole = ENCODER.encode(sample, crops=5)
    prompt = ENCODER.prompt(sample["messages"][:1], crops=5).ids
    assert np.array_equal(whole.ids[: len(prompt)], prompt)
    assert not whole.supervised[: len(prompt)].any() and whole.supervised[len(prompt) :].all()
    assert (whole.ids == ENCODER.marks.image).sum() == 5 * MODEL.latents


def test_each_loss_sees_its_own_five_pictures_and_no_others(manifest: str) -> None:
    with quiet():
        model = build(MODEL, ENCODER.vocab_size, seed=0)
        model.set_attn_implementation("packed")
    batch, marks = batch_of(manifest), ENCODER.marks
    (rows,) = micro_batches(batch, 0, marks.image, MODEL.latents)
    module, owner = PackedLoss(model), batch.sample[batch.targets >= 0]
    before = module(rows)
    for number in range(5 * len(batch.sample_ids)):
        pictures = [*rows.pictures]
        pictures[number] = 255 - pictures[number]
        moved = (module(replace(rows, pictures=pictures)) - before).abs()
        own = owner == number // 5
        assert moved[own].max() > 1e-6 and torch.all(moved[~own] < 1e-6)
