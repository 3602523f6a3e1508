"""Cross-entropy by token that turns its logits into their gradient in place.

The logits are by far the largest tensor of a step. The stock function keeps them, their
logarithms and two gradients of the same size; this one keeps them alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.function import once_differentiable

_CHUNK = 1 << 20
"""Numbers that are worked on at a time on a processor, so that they stay in its cache."""


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, logits_nV: torch.Tensor, targets_n: torch.Tensor) -> torch.Tensor:
        totals = [part.logsumexp(-1) for part in _chunks(logits_nV)]
        total_n = torch.cat(totals)
        ctx.save_for_backward(logits_nV, total_n, targets_n)
        return total_n - logits_nV.gather(1, targets_n[:, None])[:, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_n: torch.Tensor) -> tuple[torch.Tensor, None]:
        logits_nV, total_n, targets_n = ctx.saved_tensors
        at = 0
        for part in _chunks(logits_nV):
            chosen = slice(at, at + len(part))
            part.sub_(total_n[chosen, None]).exp_()
            part.scatter_add_(1, targets_n[chosen, None], -torch.ones_like(total_n[chosen, None]))
            part.mul_(grad_n[chosen, None])
            at += len(part)
        return logits_nV, None


def _chunks(logits_nV: torch.Tensor) -> tuple[torch.Tensor, ...]:
    if logits_nV.is_cuda:
        return (logits_nV,)
    return torch.split(logits_nV, max(_CHUNK // logits_nV.shape[1], 1))


def cross_entropies(logits_nV: torch.Tensor, targets_n: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of each token in float32: [n].

    Args:
        logits_nV: of no further use to the caller; the backward pass, done once, overwrites them.
    """
    function: Any = _CrossEntropy
    found: torch.Tensor = function.apply(logits_nV.float(), targets_n)
    return found
