"""Connectors: what the vision encoder saw, brought to the width and number of the decoder's tokens.

This file and those it imports by a dot are copied beside the weights, so that `transformers` opens
a saved model without this package. Shapes: P pictures, N patches, V and W widths.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from transformers.models.idefics2.modeling_idefics2 import Idefics2Connector


class Perceiver(Idefics2Connector):  # type: ignore[misc]
    """The connector of Idefics2: a gated MLP, then a fixed number of latents for each picture."""

    def forward(self, features_PNV: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Return [P, latents, W]; `grid` is the height and width in patches."""
        seen = torch.ones(features_PNV.shape[:2], dtype=torch.bool, device=features_PNV.device)
        found: torch.Tensor = super().forward(features_PNV, attention_mask=seen)
        return found


class Projection(nn.Module):
    """A token for each patch by one matrix, or two with a GELU between them.

    Args:
        layers: 1 or 2 matrices.
    """

    def __init__(self, config: Any, layers: int) -> None:
        super().__init__()
        width, out = config.vision_config.hidden_size, config.text_config.hidden_size
        self.input = nn.Linear(width, out)
        self.output = nn.Linear(out, out) if layers > 1 else None

    def forward(self, features_PNV: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Return [P, N, W]."""
        x: torch.Tensor = self.input(features_PNV)
        return x if self.output is None else self.output(nn.functional.gelu(x))


class PixelShuffle(nn.Module):
    """A token for each square of patches: their features side by side, then one matrix.

    From: arXiv:2408.12637, section 4.1 (Idefics3).
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.side = config.shuffle
        width, out = config.vision_config.hidden_size, config.text_config.hidden_size
        self.projection = nn.Linear(width * self.side**2, out, bias=False)

    def forward(self, features_PNV: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        """Return [P, N / side ** 2, W]; both sides of the grid are multiples of the square's."""
        (height, width), side = grid, self.side
        x = features_PNV.unflatten(1, (height // side, side, width // side, side))
        x = x.transpose(2, 3).flatten(3).flatten(1, 2)
        found: torch.Tensor = self.projection(x)
        return found


def connector_of(config: Any) -> nn.Module:
    """Return a connector by its name in the configuration."""
    if config.connector == "perceiver":
        return Perceiver(config)
    if config.connector == "pixel_shuffle":
        return PixelShuffle(config)
    return Projection(config, layers=2 if config.connector == "mlp" else 1)
