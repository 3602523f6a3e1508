"""Benchmarks answered by the workers of an engine, each a share of the questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cauldron.engine.base import Engine, run_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of which model.

    Args:
        model: as `open_backend` takes it.
        more: as `evaluate.runs.tasks.run_tasks` takes it.
    """

    tasks: Sequence[str]
    data: str
    out: str
    model: Mapping[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)


def open_backend(
    name: str,
    *,
    endpoint: str = "",
    batch: int = 8,
    split: bool | None = None,
    dtype: str = "",
    device: str = "",
) -> Any:
    """Open a model: a folder, a name on the hub, or one behind a server."""
    if endpoint:
        from cauldron.evaluate.runs.endpoint import Endpoint

        return Endpoint(endpoint, name, concurrency=batch)
    from cauldron.harness import require_torch

    require_torch()
    from cauldron.evaluate.runs.local import open_model

    return open_model(name, batch=batch, split=split, dtype=dtype, device=device)


def answer(engine: Engine, asked: Asked) -> None:
    """Let each worker open the model and answer its share; answers are kept as they come."""
    shares = [(asked, number, engine.workers) for number in range(engine.workers)]
    list(run_all(engine, _answer, shares))


def _answer(task: tuple[Asked, int, int]) -> None:
    from cauldron.evaluate.runs.tasks import run_tasks

    asked, number, shares = task
    backend = open_backend(**asked.model)
    run_tasks(asked.tasks, asked.data, asked.out, backend, share=(number, shares), **asked.more)
