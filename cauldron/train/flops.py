"""How much arithmetic a step is: the matrices of each part times what goes through them.

A matrix costs 2 operations a weight and token forward, as much again for the gradient of its input
where something before it is trained, and again for its own where it is trained itself. Attention
is left out, so utilisation is told a little low.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from cauldron.train.parts import PREFIXES, part_of

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "H800": 989.0, "B200": 2250.0, "A100": 312.0,
               "A800": 312.0, "L40S": 362.0, "L4": 121.0, "RTX 4090": 165.0}  # fmt: skip
"""Dense bfloat16, by what the name of the device holds; from the makers' data sheets."""
_ORDER = ("vision", "connector", "language", "head")


def weights_by_part(model: Any) -> dict[str, tuple[int, int]]:
    """Return for each part its matrix weights and how many of them are trained."""
    found = {part: [0, 0] for part in PREFIXES}
    for name, weight in model.named_parameters():
        if weight.ndim >= 2 and "embed_tokens" not in name and "position_embedding" not in name:
            counted = found[part_of(name)]
            counted[0] += weight.numel()
            counted[1] += weight.numel() if weight.requires_grad else 0
    return {part: (total, trained) for part, (total, trained) in found.items()}


def step_flops(parts: Mapping[str, tuple[int, int]], through: Mapping[str, int]) -> float:
    """Return the operations of a step.

    Args:
        parts: of `weights_by_part`.
        through: how many tokens or patches go through each part.
    """
    flops, before = 0.0, False
    for part in _ORDER:
        total, trained = parts[part]
        passed = 2.0 * through[part]
        flops += passed * (total + (total if before or trained else 0) + trained)
        before = before or trained > 0
    return flops


def peak_flops(device: torch.device, given: float | None) -> float | None:
    """Return the most operations a second of a device, where that is known."""
    if given:
        return given * 1e12
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak * 1e12 for known, peak in PEAK_TFLOPS.items() if known in name), None)
