"""Norms in one kernel, in the type of what they norm.

`transformers` writes an RMS norm as six steps, and autocast makes every norm give float32; on a GPU
both cost more than the arithmetic around them. Statistics are kept in float32 by the kernels.
"""

from __future__ import annotations

import types
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm, rms_norm

_RMS = {"Idefics2RMSNorm", "LlamaRMSNorm", "MistralRMSNorm", "Qwen2RMSNorm", "Qwen3RMSNorm"}
"""Those that are x / rms(x) * weight; others add one to the weight, or norm by heads."""


def fuse_norms(model: Any) -> None:
    """Let the norms of a model run in one kernel each."""
    for module in model.modules():
        if type(module).__name__ in _RMS:
            module.__dict__["forward"] = types.MethodType(_rms, module)
        elif type(module) is nn.LayerNorm:
            module.__dict__["forward"] = types.MethodType(_layer, module)


def _rms(self: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    x = hidden_states
    with torch.autocast(x.device.type, enabled=False):
        return rms_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.variance_epsilon)


def _layer(self: Any, input: torch.Tensor) -> torch.Tensor:
    weight, bias = (w if w is None else w.to(input.dtype) for w in (self.weight, self.bias))
    with torch.autocast(input.device.type, enabled=False):
        return layer_norm(input, self.normalized_shape, weight, bias, self.eps)


def lowered(x: torch.Tensor) -> torch.Tensor:
    """Return what goes into a stack of layers in the type that autocast computes in."""
    kind = x.device.type
    return x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x
