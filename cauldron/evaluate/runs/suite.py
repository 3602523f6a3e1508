"""A suite of benchmarks on a model in memory, as during training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cauldron.evaluate.benchmarks import benchmark
from cauldron.evaluate.runs.run import Run, run_benchmark
from cauldron.storage import files


class SuiteSettings(BaseModel):
    """Benchmarks that are run every so many steps.

    Args:
        every_steps: cadence.
        data: folder with a folder for each benchmark.
        tasks: names of benchmarks; the defaults are those of the paper's ablations.
        protocol: how they are asked.
        limit: most questions of each, always the same ones; 0: as the protocol says.
        shots: examples instead of those of the protocol.
        blind: ask once more with grey pictures.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_steps: int = Field(ge=1)
    data: str
    tasks: tuple[str, ...] = ("vqav2", "textvqa", "okvqa", "coco_captions")
    protocol: str = "ablation"
    limit: int = Field(0, ge=0)
    shots: int | None = Field(None, ge=0)
    batch: int = Field(8, ge=1)
    blind: bool = False


def run_suite(
    model: Any,
    reader: Any,
    settings: SuiteSettings,
    out: str,
    step: int,
    say: Callable[[str], None] = lambda text: None,
) -> dict[str, float]:
    """Score a model under training; it is put into training mode again afterwards.

    Args:
        reader: its processor.
        out: results go to OUT/step-<step>/.

    Returns:
        The mean of each benchmark and `average`, the plain mean of them.
    """
    from cauldron.evaluate.runs.local import LocalModel

    training = model.training
    backend = LocalModel(f"step-{step}", model, reader, batch=settings.batch)
    try:
        means = {
            name: float(_run(name, settings, files.join(out, f"step-{step:08d}"), backend, say))
            for name in settings.tasks
        }
    finally:
        model.train(training)
    return means | {"average": sum(means.values()) / len(means)}


def _run(
    name: str, settings: SuiteSettings, out: str, backend: Any, say: Callable[[str], None]
) -> float:
    run = Run(
        benchmark=benchmark(name),
        protocol=settings.protocol,
        data=files.join(settings.data, name),
        out=out,
        shots=settings.shots,
        limit=settings.limit or None,
        blind=settings.blind,
    )
    return run_benchmark(run, backend, say).get("mean") or 0.0
