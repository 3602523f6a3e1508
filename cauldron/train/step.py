"""One optimiser step: micro-batches of rows, gradients weighted by supervised tokens.

The loss of a step is the mean over all its supervised tokens, in whatever micro-batches and
processes they are; so the loss curve does not depend on how the rows are shared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from cauldron.loader.batch import PackedBatch
from cauldron.model.forward import Noise, packs, reads_beside, token_losses, vision_calls
from cauldron.model.pictures import Pixels
from cauldron.train.parallel import Ranks

_EVEN = 64
"""Rows have a multiple of this many tokens, as matrix units like it."""


class PackedLoss(nn.Module):
    """A model as a function from packed rows to the losses of their supervised tokens."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: Rows, neftune: float = 0.0, idle: int = 0) -> torch.Tensor:
        """Return [n] losses in row order.

        Args:
            neftune: size of the noise.
            idle: as for `decoder_inputs`.
        """
        if packs(self.model) and not reads_beside(self.model):
            rows = rows.in_one()
        noise = _noise(neftune, rows.lengths.to(self.model.device)) if neftune else None
        losses: torch.Tensor = token_losses(
            self.model, rows.ids, rows.positions, rows.targets, rows.pictures, noise, idle
        )
        return losses


def _noise(size: float, lengths_BT: torch.Tensor) -> Noise:
    """Return the noise of NEFTune: even, and smaller for long samples and wide models."""

    def noisy(x_BTW: torch.Tensor) -> torch.Tensor:
        most = size / (lengths_BT * x_BTW.shape[-1]).sqrt()
        return x_BTW + (torch.rand_like(x_BTW) * 2 - 1) * most[..., None].to(x_BTW.dtype)

    return noisy


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some rows of a batch; tensors are [rows, length].

    Args:
        sample: number of the sample of each token among those of the batch, -1 for padding.
        lengths: tokens of the sample of each token.
        pictures: in the order of their tokens.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    targets: torch.Tensor
    sample: torch.Tensor
    lengths: torch.Tensor
    pictures: Sequence[Pixels]

    @property
    def supervised(self) -> int:
        """How many tokens are to be predicted."""
        return int((self.targets >= 0).sum())

    def in_one(self) -> Rows:
        """Return all samples in one row, with little or no padding behind the last."""
        real = (self.sample >= 0).flatten()
        spare = (~real).nonzero()[:, 0]
        kept = real.nonzero()[:, 0]
        rest = spare[: -len(kept) % _EVEN]
        kept = torch.cat([kept, rest])
        positions = self.positions.flatten()[kept]
        positions[len(kept) - len(rest) :] = torch.arange(len(rest))
        ids, targets, sample, lengths = (
            values.flatten()[kept][None]
            for values in (self.ids, self.targets, self.sample, self.lengths)
        )
        return replace(
            self, ids=ids, positions=positions[None], targets=targets, sample=sample,
            lengths=lengths,
        )  # fmt: skip


def micro_batches(batch: PackedBatch, size: int, image_mark: int, image_tokens: int) -> list[Rows]:
    """Return a batch in parts of `size` rows; 0 gives one part."""
    pictures, start, parts = batch.pictures_in_order(), 0, []
    counts = torch.bincount(batch.sample[batch.sample >= 0], minlength=1)
    lengths = counts[batch.sample.clamp(min=0)]
    step = size or max(len(batch.ids), 1)
    for first in range(0, len(batch.ids), step):
        chosen = slice(first, first + step)
        ids = batch.ids[chosen]
        number = int((ids == image_mark).sum()) // image_tokens
        parts.append(
            Rows(
                ids=ids,
                positions=batch.positions[chosen],
                targets=batch.targets[chosen],
                sample=batch.sample[chosen],
                lengths=lengths[chosen],
                pictures=pictures[start : start + number],
            )
        )
        start += number
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a step found.

    Args:
        loss: mean over the supervised tokens of all processes.
        supervised: how many they are.
        by_source: [sources, 2] sum of losses and number of tokens, of all processes.
        by_sample: mean loss of each of this process's samples.
    """

    loss: float
    supervised: int
    by_source: npt.NDArray[np.float64]
    by_sample: npt.NDArray[np.float64]


def backward(
    module: nn.Module,
    batch: PackedBatch,
    parts: Sequence[Rows],
    ranks: Ranks,
    *,
    sources: int,
    neftune: float,
    bf16: bool,
) -> Losses:
    """Run a step forward and backward; gradients are then those of the mean loss.

    Args:
        module: `PackedLoss`, maybe shared between processes.
        sources: how many there are.
    """
    total = int(ranks.sums(torch.tensor(sum(part.supervised for part in parts))))
    model = getattr(module, "module", module).model
    own = [vision_calls(model, part.pictures) for part in parts]
    calls = ranks.most(own)
    found: list[torch.Tensor] = []
    for number, part in enumerate(parts):
        idle = int(calls[number]) - own[number] if ranks.world_size > 1 else 0
        idle = max(idle, int(ranks.world_size > 1 and not calls[number]))
        last = number == len(parts) - 1
        with _unsynced(module, last), _autocast(bf16, ranks):
            losses = module(part, neftune, idle)
        (losses.sum() * (ranks.world_size / max(total, 1))).backward()
        found.append(losses.detach().float())
    return _summed(batch, torch.cat(found).cpu().double(), ranks, sources, total)


def _summed(
    batch: PackedBatch, losses: torch.Tensor, ranks: Ranks, sources: int, total: int
) -> Losses:
    owner = batch.sample[batch.targets >= 0]
    by_source = torch.zeros(sources, 2, dtype=torch.float64)
    which = batch.source[owner]
    by_source[:, 0].index_add_(0, which, losses)
    by_source[:, 1].index_add_(0, which, torch.ones_like(losses))
    by_source = ranks.sums(by_source)
    per_sample = torch.zeros(len(batch.source), 2, dtype=torch.float64)
    per_sample[:, 0].index_add_(0, owner, losses)
    per_sample[:, 1].index_add_(0, owner, torch.ones_like(losses))
    return Losses(
        loss=float(by_source[:, 0].sum()) / max(total, 1),
        supervised=total,
        by_source=by_source.numpy(),
        by_sample=(per_sample[:, 0] / per_sample[:, 1].clamp(min=1)).numpy(),
    )


def _unsynced(module: nn.Module, last: bool) -> contextlib.AbstractContextManager[Any]:
    """Let copies add up their gradients by themselves until the last micro-batch."""
    if isinstance(module, DistributedDataParallel) and not last:
        return module.no_sync()
    return contextlib.nullcontext()


def _autocast(bf16: bool, ranks: Ranks) -> contextlib.AbstractContextManager[Any]:
    if not bf16:
        return contextlib.nullcontext()
    return torch.autocast(ranks.device.type, dtype=torch.bfloat16)
