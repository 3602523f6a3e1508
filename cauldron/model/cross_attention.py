"""Gated cross-attention: pictures beside the sequence, read before every k-th decoder layer.

Shapes: B rows, T tokens, S picture states of a row, W width, H heads.
From: arXiv:2204.14198 (Flamingo), section 2.2.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.models.idefics2.modeling_idefics2 import Idefics2MLP, Idefics2RMSNorm


class CrossAttention(nn.Module):
    """Attention from tokens to the states of the pictures that they may see."""

    def __init__(self, config: Any) -> None:
        super().__init__()
        width, self.heads = config.hidden_size, config.num_attention_heads
        self.context_norm = Idefics2RMSNorm(width, eps=1e-5)
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, width, bias=False)
        self.v_proj = nn.Linear(width, width, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)

    def forward(
        self, x_BTW: torch.Tensor, states_BSW: torch.Tensor, seen_BTS: torch.Tensor
    ) -> torch.Tensor:
        """Return [B, T, W]; without meaning for a token that sees no picture."""
        context = self.context_norm(states_BSW)
        q, k, v = (
            values.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for values in (self.q_proj(x_BTW), self.k_proj(context), self.v_proj(context))
        )
        none_BT1 = ~seen_BTS.any(-1, keepdim=True)
        found = nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=(seen_BTS | none_BT1)[:, None]
        )
        out: torch.Tensor = self.o_proj(found.transpose(1, 2).flatten(2))
        return out


class GatedBlock(GradientCheckpointingLayer):  # type: ignore[misc]
    """Cross-attention and an MLP, each behind a gate that starts shut.

    A token that sees no picture passes unchanged, as in the language model alone.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        width = config.hidden_size
        self.input_norm = Idefics2RMSNorm(width, eps=1e-5)
        self.cross_attn = CrossAttention(config)
        self.post_attention_norm = Idefics2RMSNorm(width, eps=1e-5)
        self.mlp = Idefics2MLP(width, config.intermediate_size, width, config.hidden_act)
        self.gate_attention = nn.Parameter(torch.zeros(1))
        self.gate_mlp = nn.Parameter(torch.zeros(1))

    def forward(
        self, x_BTW: torch.Tensor, states_BSW: torch.Tensor, seen_BTS: torch.Tensor
    ) -> torch.Tensor:
        """Return what the decoder layer behind it reads: [B, T, W]."""
        read = self.cross_attn(self.input_norm(x_BTW), states_BSW, seen_BTS)
        sees_BT1 = seen_BTS.any(-1, keepdim=True).to(x_BTW.dtype)
        x_BTW = x_BTW + sees_BT1 * self.gate_attention.tanh() * read
        thought = self.mlp(self.post_attention_norm(x_BTW))
        out: torch.Tensor = x_BTW + sees_BT1 * self.gate_mlp.tanh() * thought
        return out


class GatedLayer(nn.Module):
    """A decoder layer of any language model with a gated block before it.

    Without `cross_states` the layer is what it was.
    """

    def __init__(self, config: Any, layer: nn.Module) -> None:
        super().__init__()
        self.gated = GatedBlock(config)
        self.layer = layer

    def forward(
        self,
        hidden_states: torch.Tensor,
        *args: Any,
        cross_states: torch.Tensor | None = None,
        cross_seen: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> Any:
        """Read the pictures, then do as the layer does."""
        if cross_states is not None and cross_seen is not None:
            seen = cross_seen[:, -hidden_states.shape[1] :]
            hidden_states = self.gated(hidden_states, cross_states.to(hidden_states.dtype), seen)
        return self.layer(hidden_states, *args, **kwargs)


class PlainLayer(nn.Module):
    """A decoder layer that reads no picture."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(
        self, *args: Any, cross_states: Any = None, cross_seen: Any = None, **kwargs: Any
    ) -> Any:
        """Do as the layer does."""
        return self.layer(*args, **kwargs)


def add_gated_layers(text_model: Any, every: int) -> None:
    """Put a gated block before every k-th decoder layer, the k-th first."""
    for number, layer in enumerate(text_model.layers):
        reads = (number + 1) % every == 0
        wrapped = GatedLayer(text_model.config, layer) if reads else PlainLayer(layer)
        text_model.layers[number] = wrapped


def cross_inputs(
    at_BT: torch.Tensor,
    sample_BT: torch.Tensor,
    tokens: list[torch.Tensor],
) -> dict[str, torch.Tensor]:
    """Return the states of every row's pictures and which of them each token sees.

    A token sees the pictures of its own sample whose mark stands at or before it.

    Args:
        at_BT: where the mark of a picture stands, one for each in row order.
        sample_BT: number of the sample of each token within its row.
        tokens: the states of each picture, [n, W].
    """
    rows, places = at_BT.nonzero(as_tuple=True)
    if len(rows) != len(tokens):
        raise ValueError(f"{len(rows)} picture marks for {len(tokens)} pictures")
    if not tokens:
        return {}
    of_row = [[n for n, r in enumerate(rows.tolist()) if r == row] for row in range(len(at_BT))]
    numbers = [[n for n in held for _ in range(len(tokens[n]))] for held in of_row]
    longest, device = max(map(len, numbers)), at_BT.device
    states = tokens[0].new_zeros(len(at_BT), longest, tokens[0].shape[-1])
    owner = torch.full((len(at_BT), longest), -1, device=device)
    for row, held in enumerate(of_row):
        if held:
            found = torch.cat([tokens[n] for n in held])
            states[row, : len(found)] = found
            owner[row, : len(found)] = torch.tensor(numbers[row], device=device)
    real, which = owner >= 0, owner.clamp(min=0)
    place_BS, sample_BS = places[which], sample_BT[rows, places][which]
    order = torch.arange(at_BT.shape[1], device=device)
    seen = real[:, None] & (sample_BT[..., None] == sample_BS[:, None])
    return {"cross_states": states, "cross_seen": seen & (order[:, None] >= place_BS[:, None])}
