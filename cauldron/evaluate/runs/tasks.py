"""Several benchmarks by name on one model, beside the numbers that a paper gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cauldron.config import load_model
from cauldron.errors import SourceError, UsageError
from cauldron.evaluate.benchmarks import benchmark
from cauldron.evaluate.runs.backend import Backend
from cauldron.evaluate.runs.run import Run, run_benchmark
from cauldron.packaged import packaged
from cauldron.storage import files


class Reported(BaseModel):
    """What a paper reports of one model, in its own unit (percent; CIDEr times 100).

    Args:
        source: where it stands.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    source: str
    scores: dict[str, float]


class Suite(BaseModel):
    """Benchmarks that are run together.

    Args:
        tasks: names of benchmarks, or NAME:PROTOCOL.
        shots: examples instead of those of the protocol.
        references: numbers to compare with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_version: int = Field(1, ge=1, le=1)
    name: str
    protocol: str = "paper"
    tasks: tuple[str, ...] = Field(min_length=1)
    shots: int | None = Field(None, ge=0)
    limit: int | None = Field(None, ge=0)
    references: tuple[Reported, ...] = ()


def load_suite(name: str) -> Suite:
    """Read a suite: a file, or one that is shipped, as `paper`.

    Raises:
        RecipeError: if there is none, or it is faulty.
    """
    shipped = packaged("recipes") / "eval" / f"{name}.yaml"
    return load_model(str(shipped) if shipped.is_file() else name, Suite)


def run_tasks(
    tasks: Sequence[str],
    data: str,
    out: str,
    backend: Backend,
    *,
    protocol: str = "paper",
    say: Callable[[str], None] = lambda text: None,
    **more: Any,
) -> dict[str, Any]:
    """Run benchmarks on a model; all names are checked before the first is run.

    Args:
        tasks: names of benchmarks, or NAME:PROTOCOL.
        data: a folder with a folder for each, or the folder of the only one.
        more: of `Run`.

    Returns:
        The summary of each by `name/protocol`.

    Raises:
        UsageError: if there is no such benchmark or protocol.
        SourceError: if a folder is missing.
    """
    runs = [_run(task, tasks, data, out, protocol, more) for task in tasks]
    return {f"{r.benchmark.name}/{r.protocol}": run_benchmark(r, backend, say) for r in runs}


def _run(
    task: str, tasks: Sequence[str], data: str, out: str, protocol: str, more: Mapping[str, Any]
) -> Run:
    name, _, own = task.partition(":")
    known = benchmark(name)
    known.protocol(own or protocol)
    folder = files.join(data, name)
    if not files.exists(folder):
        if len(tasks) > 1 or not files.exists(data):
            raise SourceError(f"{name}: no such folder", place=folder, hint=known.layout)
        folder = data
    return Run(benchmark=known, protocol=own or protocol, data=folder, out=out, **more)


def split_names(given: Sequence[str]) -> list[str]:
    """Return names given one by one or with commas between.

    Raises:
        UsageError: if there is none.
    """
    found = [name.strip() for text in given for name in text.split(",") if name.strip()]
    if not found:
        raise UsageError("no task named", hint="--tasks vqav2,docvqa, or --suite paper")
    return found
