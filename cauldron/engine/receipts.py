"""Jobs with receipts: work that is done is not done again, and a cut-off run goes on.

A receipt is written after its output; it holds the key of everything that the output depends on.
A job whose receipt has the same key, and whose output still has the size stated, is not run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cauldron.engine.base import Engine
from cauldron.errors import StorageError
from cauldron.storage import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work: `function(*arguments)` writes `outputs` and returns a plain dict.

    Args:
        key: hash of all that the outputs depend on.
        receipt: URL of the receipt.
        outputs: URLs it may write; one that it does not write must not be there afterwards.
    """

    key: str
    receipt: str
    outputs: tuple[str, ...]
    function: Callable[..., dict[str, Any]]
    arguments: tuple[Any, ...]


def finished(job: Job) -> dict[str, Any] | None:
    """Return the result of a job that is already done, else None."""
    if not files.exists(job.receipt):
        return None
    try:
        receipt = files.read_json(job.receipt)
    except StorageError:
        return None
    if receipt.get("key") != job.key or receipt.get("outputs") != _sizes(job.outputs):
        return None
    result: dict[str, Any] = receipt["result"]
    return result


def perform(job: Job) -> dict[str, Any]:
    """Run a job, or return what its receipt says when it is done."""
    done = finished(job)
    if done is not None:
        return {**done, "resumed": True}
    files.remove(job.receipt)
    result = job.function(*job.arguments)
    receipt = {"key": job.key, "outputs": _sizes(job.outputs), "result": result}
    files.write_json(job.receipt, receipt)
    return {**result, "resumed": False}


def perform_all(engine: Engine, jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
    """Run jobs on an engine, results in order; nothing is started for those already done."""
    done = [finished(job) for job in jobs]
    results = engine.run(perform, [j for j, d in zip(jobs, done, strict=True) if d is None])
    for result in done:
        yield next(results) if result is None else {**result, "resumed": True}


def _sizes(urls: tuple[str, ...]) -> list[int | None]:
    return [files.size_bytes(url) if files.exists(url) else None for url in urls]
