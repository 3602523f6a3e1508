"""The forward pass on packed rows: pictures grouped by size, one output only where it is needed.

Shapes: B rows, T tokens, W width, P pictures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch

from cauldron.model.pictures import Pixels, normalized


def picture_tokens(model: Any, pictures: Sequence[Pixels]) -> torch.Tensor:
    """Return what the decoder reads of each picture: [P, latents, W].

    Pictures of one size go through the vision tower together, so that none is padded.
    """
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, pixels in enumerate(pictures):
        groups[pixels.shape].append(number)
    found, numbers = [], []
    for group in groups.values():
        values = normalized([pictures[number] for number in group], model.device)
        features = model.model.get_image_features(values[:, None], return_dict=True).pooler_output
        found.append(torch.stack(list(features)))
        numbers += group
    order = torch.argsort(torch.tensor(numbers, device=model.device))
    return torch.cat(found)[order]


def embedded(model: Any, ids_BT: torch.Tensor, pictures: Sequence[Pixels]) -> torch.Tensor:
    """Return token embeddings with the pictures put in, row by row: [B, T, W]."""
    x_BTW: torch.Tensor = model.get_input_embeddings()(ids_BT)
    if not pictures:
        return x_BTW
    at = (ids_BT == model.config.image_token_id)[..., None]
    tokens = picture_tokens(model, pictures)
    if int(at.sum()) * x_BTW.shape[-1] != tokens.numel():
        raise ValueError(f"{int(at.sum())} picture tokens for {len(pictures)} pictures")
    return x_BTW.masked_scatter(at, tokens.to(x_BTW.dtype))


def hidden_states(
    model: Any, ids_BT: torch.Tensor, positions_BT: torch.Tensor, pictures: Sequence[Pixels]
) -> torch.Tensor:
    """Return the decoder's last hidden states of packed rows: [B, T, W].

    Positions that start again at 0 mark a new sample; without an attention mask and a cache,
    `transformers` then keeps the samples of a row from seeing each other.
    """
    hidden: torch.Tensor = model.model.text_model(
        inputs_embeds=embedded(model, ids_BT, pictures),
        position_ids=positions_BT,
        use_cache=False,
    ).last_hidden_state
    return hidden


def token_losses(
    model: Any,
    ids_BT: torch.Tensor,
    positions_BT: torch.Tensor,
    targets_BT: torch.Tensor,
    pictures: Sequence[Pixels],
) -> torch.Tensor:
    """Return the cross-entropy of every supervised token, in row order: [n].

    Args:
        targets_BT: token to be predicted at its own place, -100 where none is. Column 0 is
            never supervised.
    """
    hidden_BTW = hidden_states(model, ids_BT, positions_BT, pictures)
    wanted = targets_BT[:, 1:] != -100
    logits = model.lm_head(hidden_BTW[:, :-1][wanted])
    return torch.nn.functional.cross_entropy(logits, targets_BT[:, 1:][wanted], reduction="none")
