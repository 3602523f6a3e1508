"""A suite of benchmarks on a model in memory, as during training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from cauldron.evaluate.benchmarks import benchmark
from cauldron.evaluate.runs.local import LocalModel
from cauldron.evaluate.runs.run import Run, check_data, run_benchmark
from cauldron.evaluate.settings import SuiteSettings
from cauldron.storage import files


def check_suite(settings: SuiteSettings) -> None:
    """Check that every benchmark of a suite can be asked, before a long training begins.

    Raises:
        UsageError: if there is no benchmark or protocol of a name.
        SourceError, StorageError: if its files are not there, or shots have no examples.
    """
    for name in settings.tasks:
        check_data(_run(name, settings, ""))


def run_suite(
    model: Any,
    reader: Any,
    settings: SuiteSettings,
    out: str,
    name: str,
    *,
    key: str = "",
    bf16: bool = False,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, float]:
    """Score a model under training; it is put into training mode again afterwards.

    Processes that were started by `torchrun` share the questions, and all of them call this.

    Args:
        reader: its processor.
        out: results go to OUT/NAME/.
        name: where the training stands, as train-step-500.
        key: what the training depends on; answers of another key are not used.
        bf16: compute in bfloat16, as the training does.

    Returns:
        The mean of each benchmark and `average`, the plain mean of them; zeros in processes after
        the first.
    """
    training = model.training
    backend = LocalModel(name, model, reader, batch=settings.batch)
    backend.settings["training"] = key
    folder = files.join(out, name)
    try:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=bf16):
            means = {
                task: run_benchmark(_run(task, settings, folder), backend, say).get("mean") or 0.0
                for task in settings.tasks
            }
    finally:
        model.train(training)
    return means | {"average": sum(means.values()) / len(means)}


def _run(name: str, settings: SuiteSettings, out: str) -> Run:
    return Run(
        benchmark=benchmark(name),
        protocol=settings.protocol,
        data=files.join(settings.data, name),
        out=out,
        shots=settings.shots,
        limit=settings.limit or None,
        blind=settings.blind,
    )
