"""All pictures of a batch through Idefics2's vision tower and perceiver at once, none padded.

Their patches lie end to end, those of the smallest first, and attention stays within each picture.

Shapes: P pictures, N patches of all, V width of the tower, W of the decoder, L latents.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.functional import linear
from torch.utils.checkpoint import checkpoint
from transformers.models.idefics2.modeling_idefics2 import (
    Idefics2Connector,
    Idefics2VisionTransformer,
)

from cauldron.model.norms import lowered
from cauldron.model.packed import PACKED, Segments
from cauldron.model.pictures import Pixels

Grid = tuple[int, int]


def packs_pictures(model: Any) -> bool:
    """Say whether a model's pictures can lie end to end."""
    inner = model.model
    return (
        isinstance(inner.vision_model, Idefics2VisionTransformer)
        and isinstance(inner.connector, Idefics2Connector)
        and inner.vision_model.config._attn_implementation == PACKED
    )


def packed_picture_tokens(model: Any, pictures: Sequence[Pixels]) -> list[torch.Tensor]:
    """Return what the decoder reads of each picture: P tensors [L, W]."""
    tower = model.model.vision_model
    patch = tower.config.patch_size
    grids = [(p.shape[1] // patch, p.shape[2] // patch) for p in pictures]
    order = sorted(range(len(pictures)), key=lambda n: grids[n][0] * grids[n][1])
    shown = [grids[n] for n in order]
    x_NV = _embedded(tower, [pictures[n] for n in order], shown)
    lengths = [height * width for height, width in shown]
    seen = tower.encoder(
        inputs_embeds=x_NV[None], attention_mask=Segments(lengths, x_NV.device)
    ).last_hidden_state
    tokens = _resampled(model.model.connector, tower.post_layernorm(seen), lengths)
    found: list[Any] = [None] * len(pictures)
    for place, number in enumerate(order):
        found[number] = tokens[place]
    return found


def _embedded(tower: Any, pictures: Sequence[Pixels], grids: Sequence[Grid]) -> torch.Tensor:
    """Return [N, V]: patches through the matrix of the convolution, and their positions."""
    embeddings, patch = tower.embeddings, tower.config.patch_size
    table = embeddings.position_embedding.weight
    flat = torch.from_numpy(np.concatenate([p.reshape(-1) for p in pictures]))
    parts = flat.to(table.device, non_blocking=True).split([p.size for p in pictures])
    patches = torch.cat(
        [
            _patches(part.view(3, height, patch, width, patch))
            for part, (height, width) in zip(parts, grids, strict=True)
        ]
    )
    values = patches.to(torch.float32).div_(255).sub_(0.5).div_(0.5).to(table.dtype)
    kernel = embeddings.patch_embedding
    side = embeddings.num_patches_per_side
    places = torch.cat([positions(*grid, side) for grid in grids])
    x_NV = linear(values, kernel.weight.flatten(1), kernel.bias)
    return lowered(x_NV + embeddings.position_embedding(places.to(table.device, non_blocking=True)))


def _patches(picture: torch.Tensor) -> torch.Tensor:
    """Return [h * w, 3 * p * p] of a picture seen as [3, h, p, w, p]."""
    return picture.permute(1, 3, 0, 2, 4).flatten(2).flatten(0, 1)


@functools.lru_cache(maxsize=4096)
def positions(height: int, width: int, side: int) -> torch.Tensor:
    """Return the place of each patch in the square table of positions: [height * width].

    From: transformers, `Idefics2VisionEmbeddings`; the same arithmetic in float32.
    """
    boundaries = torch.arange(1 / side, 1.0, 1 / side)
    rows, columns = (
        torch.bucketize(
            (torch.arange(number, dtype=torch.float32) * (1.0 / torch.tensor(number))).clamp(
                max=1.0 - 1e-6
            ),
            boundaries,
            right=True,
        )
        for number in (height, width)
    )
    return (rows[:, None] * side + columns).flatten()


def _resampled(connector: Any, seen_1NV: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Return [P, L, W]: each picture's latents attend to its own patches and to themselves."""
    resampler, device = connector.perceiver_resampler, seen_1NV.device
    number, latents = len(lengths), resampler.n_latents
    segments = Segments(
        [latents] * number,
        device,
        key_lengths=[length + latents for length in lengths],
        key_order=_beside(lengths, latents).to(device, non_blocking=True),
    )
    context = connector.modality_projection(seen_1NV)
    x_1MW = lowered(resampler.latents.repeat(number, 1)[None])
    for layer in resampler.layers:
        x_1MW = layer(x_1MW, context, segments=segments)
    found: torch.Tensor = resampler.norm(x_1MW)[0].unflatten(0, (number, latents))
    return found


def recompute_connector(model: Any) -> None:
    """Let the connector give up its activations too; `transformers` knows only encoder layers.

    What is wrapped is within the hooks of a module, so that sharded weights come once.
    """
    connector = model.model.connector
    for module in (connector.modality_projection, *connector.perceiver_resampler.layers):
        module.forward = functools.partial(checkpoint, module.forward, use_reentrant=False)


def _beside(lengths: Sequence[int], latents: int) -> torch.Tensor:
    """Return the order of keys that puts each picture's latents behind its patches."""
    total = sum(lengths)
    patches = torch.arange(total).split(list(lengths))
    own = torch.arange(total, total + latents * len(lengths)).split(latents)
    return torch.cat([part for pair in zip(patches, own, strict=True) for part in pair])
