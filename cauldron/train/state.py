"""The state of a training, to go on from with exactly equal results.

A state is a folder `step-00000100` with a file for each process: its share of the trained weights
and of the optimiser, and where the data stands. It is whole when the files of all processes are
there, each written at once or not at all. It can be resumed by another number of processes.
"""

from __future__ import annotations

import io
import re
from concurrent.futures import Future, ThreadPoolExecutor
from typing import IO, Any, cast

import torch
from torch import nn
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from cauldron.errors import StorageError
from cauldron.storage import files
from cauldron.train.parallel import Ranks

_FILE = re.compile(r"step-(\d+)/rank-(\d+)-of-(\d+)\.pt\Z")


class States:
    """The saved states of one stage.

    Args:
        place: folder of them.
        keep: how many are kept.
    """

    def __init__(self, place: str, ranks: Ranks, keep: int) -> None:
        self.place, self._ranks, self._keep = place, ranks, keep
        self._writer = ThreadPoolExecutor(1, "states")
        self._writing: Future[None] | None = None

    def save(self, step: int, state: dict[str, Any], wait: bool = False) -> None:
        """Write a state in the background; tensors are copied first.

        Raises:
            StorageError: if this one, or the one before it, cannot be written.
        """
        self.finish()
        copied = _copied(state)
        name = f"step-{step:08d}/rank-{self._ranks.rank}-of-{self._ranks.world_size}.pt"
        self._writing = self._writer.submit(self._write, files.join(self.place, name), copied)
        if wait:
            self.finish()

    def finish(self) -> None:
        """Wait until what was begun is written."""
        if self._writing:
            self._writing.result()
            self._writing = None

    def newest(self) -> int | None:
        """Return the step of the newest whole state."""
        steps = self._whole()
        return steps[-1] if steps else None

    def read(self, step: int) -> list[dict[str, Any]]:
        """Return the states of all processes at a step.

        Raises:
            StorageError: if they cannot be read.
        """
        found = sorted(self._found().get(step, []), key=lambda name: int(_numbers(name)[1]))
        return [_loaded(files.join(self.place, name)) for name in found]

    def remove(self) -> None:
        """Remove all states."""
        self.finish()
        files.remove(self.place)

    def _write(self, url: str, state: dict[str, Any]) -> None:
        with files.open_output(url) as out:
            torch.save(state, cast(IO[bytes], out))
        if self._ranks.first:
            for step in self._whole()[: -self._keep]:
                files.remove(files.join(self.place, f"step-{step:08d}"))

    def _found(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for name in files.find_files(self.place) if files.exists(self.place) else []:
            if _FILE.search(name):
                found.setdefault(int(_numbers(name)[0]), []).append(name)
        return found

    def _whole(self) -> list[int]:
        """Return the steps of whole states; one left by more processes than now counts too."""
        return sorted(
            step
            for step, names in self._found().items()
            if len(names) == int(_numbers(names[0])[2])
        )


def _numbers(name: str) -> tuple[str, ...]:
    match = _FILE.search(name)
    assert match
    return match.groups()


def _loaded(url: str) -> dict[str, Any]:
    try:
        payload = io.BytesIO(files.read_bytes(url))
        state: dict[str, Any] = torch.load(payload, map_location="cpu", weights_only=True)
        state["key"], state["step"], state["weights"], state["optimizer"]
    except (RuntimeError, EOFError, KeyError, TypeError, ValueError) as error:
        raise StorageError(
            "not a training state", place=url, hint="remove it to start anew"
        ) from error
    return state


def _copied(value: Any) -> Any:
    """Return a copy of nested values on the processor, of shards the local part."""
    if isinstance(value, DTensor):
        value = value.to_local()
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copied(part) for part in value]
    return value


def captured(module: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the trained weights and the optimiser's state of each, by name."""
    trained = {name: w for name, w in module.named_parameters() if w.requires_grad}
    return {
        "weights": trained,
        "optimizer": {name: dict(optimizer.state[w]) for name, w in trained.items()},
    }


@torch.no_grad()
def restore(
    module: nn.Module, optimizer: torch.optim.Optimizer, states: list[dict[str, Any]]
) -> None:
    """Put a state back, shared anew if the number of processes has changed.

    Raises:
        StorageError: if it is of another model.
    """
    trained = {name: w for name, w in module.named_parameters() if w.requires_grad}
    if set(trained) != set(states[0]["weights"]):
        raise StorageError("a training state of another model", hint="remove it to start anew")
    for name, weight in trained.items():
        weight.copy_(_as(weight, [state["weights"][name] for state in states]))
        kept = states[0]["optimizer"][name]
        optimizer.state[weight] = {
            key: _as(weight, [state["optimizer"][name][key] for state in states])
            if value.ndim
            else value.to(weight.device, copy=True)
            for key, value in kept.items()
        }


def _as(weight: torch.Tensor, parts: list[torch.Tensor]) -> torch.Tensor:
    """Return the whole of what processes had, shared as a weight is."""
    sharded = sum(part.numel() for part in parts) == weight.numel() and len(parts) > 1
    whole = torch.cat(parts) if sharded else parts[0]
    if isinstance(weight, DTensor):
        return distribute_tensor(whole.to(weight.device), weight.device_mesh, [Shard(0)])
    return whole.to(weight.device).view_as(weight)
