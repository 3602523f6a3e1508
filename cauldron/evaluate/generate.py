"""Greedy answers in batches, with the real pictures or with grey ones in their place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cauldron.evaluate.questions import Question
from cauldron.loader.pictures import CROPS
from cauldron.loader.tokens import Encoder
from cauldron.model.forward import decoder_inputs
from cauldron.model.pictures import Pixels, blank, read_pieces
from cauldron.model.settings import ModelSettings


@torch.no_grad()
def answers(
    model: Any,
    encoder: Encoder,
    settings: ModelSettings,
    asked: Sequence[Question],
    *,
    batch: int,
    max_new_tokens: int,
    blind: bool = False,
) -> list[str]:
    """Return the model's answer to each question.

    Args:
        blind: replace every picture by a grey one of its size: what can be answered without
            seeing. Prompts stay as they are.
    """
    found: list[str] = []
    for start in range(0, len(asked), batch):
        chosen = asked[start : start + batch]
        pictures = [
            pixels for q in chosen for data in q.images for pixels in read_pieces(data, settings)
        ]
        shown = [blank(pixels) for pixels in pictures] if blind else pictures
        crops = CROPS + 1 if settings.split else 1
        prompts = [encoder.prompt(q.messages, crops).ids for q in chosen]
        found += _greedy(model, encoder, prompts, shown, max_new_tokens)
    return found


def _greedy(
    model: Any,
    encoder: Encoder,
    prompts: Sequence[Any],
    pictures: Sequence[Pixels],
    max_new_tokens: int,
) -> list[str]:
    width, marks = max(len(ids) for ids in prompts), encoder.marks
    ids = np.full((len(prompts), width), marks.pad, dtype=np.int64)
    seen = np.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, width - len(prompt) :] = prompt
        seen[row, width - len(prompt) :] = 1
    new = model.generate(
        **decoder_inputs(model, torch.from_numpy(ids).to(model.device), pictures),
        attention_mask=torch.from_numpy(seen).to(model.device),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        eos_token_id=[marks.end, marks.stop],
        pad_token_id=marks.pad,
    )
    return [encoder.decode(row) for row in new.tolist()]
