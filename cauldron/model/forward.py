"""The forward pass on packed rows: pictures grouped by size, one output only where it is needed.

Shapes: B rows, T tokens, W width, P pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from cauldron.model.composed import ComposedForConditionalGeneration
from cauldron.model.pictures import GREY, Pixels, normalized

Noise = Callable[[torch.Tensor], torch.Tensor]


def groups_of(pictures: Sequence[Pixels]) -> list[list[int]]:
    """Return the numbers of the pictures of each size."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, pixels in enumerate(pictures):
        groups[pixels.shape].append(number)
    return list(groups.values())


def picture_tokens(model: Any, pictures: Sequence[Pixels]) -> list[torch.Tensor]:
    """Return what the decoder reads of each picture: P tensors [tokens, W].

    Pictures of one size go through the vision tower together, so that none is padded.
    """
    found: dict[int, torch.Tensor] = {}
    for group in groups_of(pictures):
        values = normalized([pictures[number] for number in group], model.device)
        seen = model.model.get_image_features(values[:, None], return_dict=True).pooler_output
        found |= zip(group, seen, strict=True)
    return [found[number] for number in range(len(pictures))]


def decoder_inputs(
    model: Any,
    ids_BT: torch.Tensor,
    pictures: Sequence[Pixels],
    positions_BT: torch.Tensor | None = None,
    idle: int = 0,
) -> dict[str, torch.Tensor]:
    """Return what the decoder reads: token embeddings with the pictures in them or beside them.

    Args:
        positions_BT: those that begin again at 0 mark a new sample; each row is one without.
        idle: how often to look at a grey picture besides, without effect, so that processes that
            share weights call them equally often.
    """
    x_BTW: torch.Tensor = model.get_input_embeddings()(ids_BT)
    at = ids_BT == model.config.image_token_id
    tokens = picture_tokens(model, pictures)
    blanks = [picture_tokens(model, [_grey(model)])[0] for _ in range(idle)]
    if blanks:
        x_BTW = x_BTW + 0 * torch.stack(blanks).sum().to(x_BTW.dtype)
    composed = isinstance(model, ComposedForConditionalGeneration)
    if composed and model.config.cross_every:
        samples = None if positions_BT is None else (positions_BT == 0).cumsum(1)
        x_BTW, beside = model.joined(ids_BT, x_BTW, tokens, samples)
        if blanks and not pictures:
            states = blanks[0].expand(len(ids_BT), -1, -1)
            seen = at.new_zeros(*ids_BT.shape, states.shape[1])
            beside = {"cross_states": states, "cross_seen": seen}
        return {"inputs_embeds": x_BTW, **beside}
    if int(at.sum()) != sum(map(len, tokens)):
        raise ValueError(f"{int(at.sum())} picture tokens for {len(pictures)} pictures")
    if not pictures:
        return {"inputs_embeds": x_BTW}
    whole = torch.cat(tokens).to(x_BTW.dtype)
    return {"inputs_embeds": x_BTW.masked_scatter(at[..., None], whole)}


def _grey(model: Any) -> Pixels:
    """Return the smallest picture that a model takes."""
    side = model.config.vision_config.patch_size * getattr(model.config, "shuffle", 1)
    return np.full((3, side, side), GREY, dtype=np.uint8)


def hidden_states(
    model: Any,
    ids_BT: torch.Tensor,
    positions_BT: torch.Tensor,
    pictures: Sequence[Pixels],
    noise: Noise | None = None,
    idle: int = 0,
) -> torch.Tensor:
    """Return the decoder's last hidden states of packed rows: [B, T, W].

    Positions that start again at 0 mark a new sample; without an attention mask and a cache,
    `transformers` then keeps the samples of a row from seeing each other.
    """
    inputs = decoder_inputs(model, ids_BT, pictures, positions_BT, idle)
    if noise is not None:
        inputs["inputs_embeds"] = noise(inputs["inputs_embeds"])
    hidden: torch.Tensor = model.model.text_model(
        **inputs, position_ids=positions_BT, use_cache=False
    ).last_hidden_state
    return hidden


def token_losses(
    model: Any,
    ids_BT: torch.Tensor,
    positions_BT: torch.Tensor,
    targets_BT: torch.Tensor,
    pictures: Sequence[Pixels],
    noise: Noise | None = None,
    idle: int = 0,
) -> torch.Tensor:
    """Return the cross-entropy of every supervised token, in row order: [n].

    Args:
        targets_BT: token to be predicted at its own place, -100 where none is. Column 0 is
            never supervised.
        noise: added to what the decoder reads.
        idle: as for `decoder_inputs`.
    """
    hidden_BTW = hidden_states(model, ids_BT, positions_BT, pictures, noise, idle)
    wanted = targets_BT[:, 1:] != -100
    logits = model.lm_head(hidden_BTW[:, :-1][wanted])
    return torch.nn.functional.cross_entropy(
        logits.float(), targets_BT[:, 1:][wanted], reduction="none"
    )
