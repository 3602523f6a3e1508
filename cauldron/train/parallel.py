"""Several processes on one training: who this one is, copies or shards of the weights, sums.

The processes are started by `torchrun`; without it there is one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from cauldron.train.parts import PREFIXES

WRAP = {"vision": r".*layers?\.\d+", "connector": r".*layers\.\d+", "language": r"layers\.\d+"}
"""Encoder, perceiver and decoder layers: `transformers` names other modules, too small and few."""


CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among those of a training."""

    rank: int = 0
    world_size: int = 1
    device: torch.device = CPU

    @property
    def first(self) -> bool:
        """Whether this process writes what is written once."""
        return self.rank == 0

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of values over all processes."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def most(self, values: Sequence[float]) -> list[float]:
        """Return the largest of each value over all processes."""
        found = self._reduced(torch.tensor(values, dtype=torch.float64), dist.ReduceOp.MAX)
        return [float(value) for value in found]

    def wait(self) -> None:
        """Wait for all processes."""
        if self.world_size > 1:
            dist.barrier()

    def _reduced(self, values: torch.Tensor, how: Any) -> torch.Tensor:
        if self.world_size == 1:
            return values
        moved = values.to(self.device)
        dist.all_reduce(moved, how)
        return moved.to(values.device)


def join() -> Ranks:
    """Join the other processes of `torchrun`; pick this one's device."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if cuda else None
    if device:
        torch.cuda.set_device(device)
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if "WORLD_SIZE" in os.environ and not dist.is_initialized():
        dist.init_process_group("nccl" if cuda else "gloo")
    rank = dist.get_rank() if world_size > 1 else 0
    return Ranks(rank=rank, world_size=world_size, device=device or CPU)


def leave() -> None:
    """Part from the other processes."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def shared(
    module: nn.Module, ranks: Ranks, parallel: str, bf16: bool, wrap: Mapping[str, str]
) -> nn.Module:
    """Return a module that gives the gradient of all processes' rows.

    Args:
        module: with the model as `model`.
        wrap: what differs from `WRAP`.
    """
    if not dist.is_initialized():
        return module
    if parallel == "ddp":
        return DistributedDataParallel(module)
    kind = ranks.device.type
    mesh = init_device_mesh(kind, (ranks.world_size,))
    policy = MixedPrecisionPolicy(
        param_dtype=torch.bfloat16 if bf16 else None, reduce_dtype=torch.float32
    )
    for unit in units(module.model, wrap):
        fully_shard(unit, mesh=mesh, mp_policy=policy)
    fully_shard(module, mesh=mesh, mp_policy=policy)
    return module


def units(model: Any, wrap: Mapping[str, str] = {}) -> list[nn.Module]:
    """Return the modules that are sharded each on its own, none within another."""
    patterns = [
        re.compile(re.escape(PREFIXES[part]) + {**WRAP, **wrap}[part] + r"\Z") for part in WRAP
    ]
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        within = any(name.startswith(f"{outer}.") for outer in found)
        if not within and any(pattern.match(name) for pattern in patterns):
            found[name] = module
    return list(found.values())


def sharded(model: Any) -> bool:
    """Say whether each process holds a part of every weight."""
    return any(isinstance(weight, DTensor) for weight in model.parameters())


def whole_weights(model: Any, keep: bool) -> dict[str, torch.Tensor]:
    """Return sharded weights whole on the processor; all processes have to call it.

    Args:
        keep: whether this process wants them; the others get none.
    """
    found = {}
    for name, weight in model.named_parameters():
        whole = weight.detach()
        if isinstance(whole, DTensor):
            whole = whole.full_tensor()
        if keep:
            found[name] = whole.cpu()
    return found
