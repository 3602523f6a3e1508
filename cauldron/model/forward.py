"""The forward pass on packed rows: no picture padded, an output only where it is needed.

Shapes: B rows, T tokens, W width, P pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from cauldron.model.composed import ComposedForConditionalGeneration
from cauldron.model.losses import cross_entropies
from cauldron.model.norms import lowered
from cauldron.model.packed import PACKED, segments_of
from cauldron.model.packed_pictures import packed_picture_tokens, packs_pictures
from cauldron.model.pictures import GREY, Pixels, normalized

Noise = Callable[[torch.Tensor], torch.Tensor]


def groups_of(pictures: Sequence[Pixels]) -> list[list[int]]:
    """Return the numbers of the pictures of each size."""
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, pixels in enumerate(pictures):
        groups[pixels.shape].append(number)
    return list(groups.values())


def vision_calls(model: Any, pictures: Sequence[Pixels]) -> int:
    """Return how often the vision tower is called for pictures."""
    if packs_pictures(model):
        return 1 if pictures else 0
    return len(groups_of(pictures))


def picture_tokens(model: Any, pictures: Sequence[Pixels]) -> list[torch.Tensor]:
    """Return what the decoder reads of each picture: P tensors [tokens, W].

    All go through the vision tower together where it keeps them apart by itself; else those of
    one size do. None is padded.
    """
    if pictures and packs_pictures(model):
        return packed_picture_tokens(model, pictures)
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
        ids_BT: on the processor, so that the device need not be waited for, or on the device.
        positions_BT: those that begin again at 0 mark a new sample; each row is one without.
        idle: how often to look at a grey picture besides, without effect, so that processes that
            share weights call them equally often.
    """
    at = ids_BT == model.config.image_token_id
    x_BTW = lowered(model.get_input_embeddings()(_to(model, ids_BT)))
    tokens = picture_tokens(model, pictures)
    blanks = [picture_tokens(model, [_grey(model)])[0] for _ in range(idle)]
    if blanks:
        x_BTW = x_BTW + 0 * torch.stack(blanks).sum().to(x_BTW.dtype)
    if reads_beside(model):
        ids_BT, at = _to(model, ids_BT), _to(model, at)
        samples = None if positions_BT is None else _to(model, (positions_BT == 0).cumsum(1))
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
    places = _to(model, at.flatten().nonzero()[:, 0])
    whole = torch.cat(tokens).to(x_BTW.dtype)
    return {"inputs_embeds": x_BTW.flatten(0, 1).index_copy(0, places, whole).view_as(x_BTW)}


def reads_beside(model: Any) -> bool:
    """Say whether pictures stand beside the sequence, read by cross-attention."""
    composed = isinstance(model, ComposedForConditionalGeneration)
    return composed and bool(model.config.cross_every)


def packs(model: Any) -> bool:
    """Say whether the decoder attends within samples without a mask."""
    found: bool = model.model.text_model.config._attn_implementation == PACKED
    return found


def _to(model: Any, values: torch.Tensor) -> torch.Tensor:
    return values.to(model.device, non_blocking=True)


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

    Positions that start again at 0 mark a new sample. Packed attention is told where; without an
    attention mask and a cache, `transformers` keeps the samples of a row from seeing each other.
    """
    inputs: dict[str, Any] = decoder_inputs(model, ids_BT, pictures, positions_BT, idle)
    if noise is not None:
        inputs["inputs_embeds"] = noise(inputs["inputs_embeds"])
    if packs(model):
        segments = segments_of(positions_BT, model.device)
        inputs |= {"segments": segments, "attention_mask": segments.mask}
    hidden: torch.Tensor = model.model.text_model(
        **inputs, position_ids=_to(model, positions_BT), use_cache=False
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

    Tensors are best on the processor: what is looked up in them does not wait for the device.

    Args:
        targets_BT: token to be predicted at its own place, -100 where none is. Column 0 is
            never supervised.
        noise: added to what the decoder reads.
        idle: as for `decoder_inputs`.
    """
    hidden_BTW = hidden_states(model, ids_BT, positions_BT, pictures, noise, idle)
    behind = targets_BT.roll(-1, 1)
    behind[:, -1] = -100
    places = (behind.flatten() != -100).nonzero()[:, 0]
    logits = model.lm_head(hidden_BTW.flatten(0, 1).index_select(0, _to(model, places)))
    return cross_entropies(logits, _to(model, behind.flatten()[places]))
