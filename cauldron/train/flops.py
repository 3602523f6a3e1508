"""How much arithmetic a step is: each matrix times what goes through it, and attention.

A matrix costs 2 operations a weight and token forward, as much again for the gradient of its input
where something at or before it is trained, and again for its own where it is trained itself.
Attention costs 4 operations forward for each pair of a query and a key and each number of a head,
half of it where it is causal, and twice as much backward. What is computed again to save memory is
not counted: utilisation tells what is of use.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from cauldron.train.parts import part_of

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0, "H800": 989.0, "B200": 2250.0, "A100": 312.0,
               "A800": 312.0, "L40S": 362.0, "L4": 121.0, "RTX 4090": 165.0}  # fmt: skip
"""Dense bfloat16, by what the name of the device holds; from the makers' data sheets."""
_ORDER = ("vision", "connector", "language", "head")
_KEYS = re.compile(r"\.[kv]_proj\.")

Weights = dict[tuple[str, str], tuple[int, int]]


def weights_by_part(model: Any) -> Weights:
    """Return matrix weights, and how many are trained, by part and by what goes through them."""
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for name, weight in model.named_parameters():
        if weight.ndim >= 2 and not name.endswith(("latents", ".new")) and not _table(name):
            counted = found[part_of(name), through_of(name)]
            counted[0] += weight.numel()
            counted[1] += weight.numel() if weight.requires_grad else 0
    return {key: (total, trained) for key, (total, trained) in found.items()}


def _table(name: str) -> bool:
    return "embed_tokens" in name or "position_embedding" in name


def through_of(name: str) -> str:
    """Return what goes through a matrix: patches, latents, both, tokens or supervised tokens.

    Latents stand for all that a connector makes of a picture.
    """
    if ".gated." in name:
        return "latents" if _KEYS.search(name) else "tokens"
    part = part_of(name)
    if "perceiver_resampler" in name:
        return "both" if _KEYS.search(name) else "latents"
    if part == "connector" and ".projection." in name:  # pixel shuffle
        return "latents"
    return {"language": "tokens", "head": "supervised"}.get(part, "patches")


def attention_of(model: Any) -> dict[str, int]:
    """Return the numbers of all heads of all layers, of the encoder and of the decoder."""
    vision, text = model.config.vision_config, model.config.text_config
    heads = text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // heads
    return {
        "vision": vision.hidden_size * vision.num_hidden_layers,
        "language": heads * width * text.num_hidden_layers,
    }


def squares(lengths: Iterable[int]) -> int:
    """Return the pairs of queries and keys of pieces of these lengths."""
    return sum(length * length for length in lengths)


def step_flops(
    weights: Weights,
    through: Mapping[str, int],
    attention: Mapping[str, int] | None = None,
    pairs: Mapping[str, int] | None = None,
) -> float:
    """Return the operations of a step.

    Args:
        weights: of `weights_by_part`.
        through: how many patches, latents, tokens and supervised tokens there are.
        attention: of `attention_of`.
        pairs: of queries and keys, by part, as if none were causal.
    """
    flops, before = 0.0, False
    counted = {**through, "both": through.get("patches", 0) + through.get("latents", 0)}
    for part in _ORDER:
        of_part = {what: both for (owner, what), both in weights.items() if owner == part}
        trained_here = any(trained for _, trained in of_part.values())
        flowing = before or trained_here
        for what, (total, trained) in of_part.items():
            flops += 2.0 * counted[what] * (total + (total if flowing else 0) + trained)
        if attention and pairs and part in attention:
            causal = 0.5 if part == "language" else 1.0
            flops += 4.0 * causal * attention[part] * pairs[part] * (3 if flowing else 1)
        before = flowing
    return flops


def pictures_through(model: Any, patches: Sequence[int]) -> dict[str, int]:
    """Return the patches and latents of pictures with these numbers of patches."""
    total, config = sum(patches), model.config
    kind = getattr(config, "connector", "perceiver")
    if kind == "perceiver":
        latents = len(patches) * config.perceiver_config.resampler_n_latents
    elif kind == "pixel_shuffle":
        latents = total // config.shuffle**2
    else:
        latents = total
    return {"patches": total, "latents": latents}


def peak_flops(device: torch.device, given: float | None) -> float | None:
    """Return the most operations a second of a device, where that is known."""
    if given:
        return given * 1e12
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak * 1e12 for known, peak in PEAK_TFLOPS.items() if known in name), None)
